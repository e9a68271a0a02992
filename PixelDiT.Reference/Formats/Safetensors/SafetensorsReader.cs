using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Foreign;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Safetensors;

/// <summary>
/// Reads a safetensors file: 8 bytes of header length (little-endian), a JSON header, then the tensors' bytes. The whole header is checked when the
/// file is opened; elements are read when asked for, through a buffer of 64 KiB, so files and tensors may be larger than memory. Not thread-safe.
/// </summary>
public sealed class SafetensorsReader : IWeightFile
{
    private const int LengthBytes = sizeof(ulong), BufferBytes = 1 << 16;

    private readonly Stream _stream;
    private readonly long _dataStart;
    private readonly SafetensorsHeader _header;

    private SafetensorsReader(Stream stream, string source)
    {
        this._stream = stream;
        Source = source;
        byte[] text = ReadHeader();
        _dataStart = LengthBytes + text.Length;
        _header = SafetensorsHeader.Parse(text, stream.Length - _dataStart, source);
    }

    /// <summary>The file's path, or the name its stream was opened with; every message begins with it.</summary>
    public string Source { get; }

    /// <summary>"safetensors".</summary>
    public string Format => "safetensors";

    /// <summary>The strings stored beside the tensors; empty if there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>The tensors in the order of their bytes in the file.</summary>
    public IReadOnlyList<TensorInfo> Tensors => _header.Tensors;

    IReadOnlyList<TensorSpec> IWeightFile.Tensors => _header.Tensors;

    TensorSpec IWeightFile.this[string name] => this[name];

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="FileFormatException">The file cannot be opened, or is not a well-formed safetensors file.</exception>
    public static SafetensorsReader Open(string path) => Open(AtomicFile.OpenRead(path), path);

    /// <summary>Opens a file that a stream holds from its beginning to its end, and checks its header.</summary>
    /// <param name="seekable">The stream; it belongs to the reader from here on, which closes it also if it cannot be opened.</param>
    /// <param name="sourceName">How messages call the file.</param>
    /// <exception cref="FileFormatException">The stream cannot seek or be read, or does not hold a well-formed safetensors file.</exception>
    public static SafetensorsReader Open(Stream seekable, string sourceName)
    {
        try
        {
            return seekable.CanSeek
                ? new SafetensorsReader(seekable, sourceName)
                : throw new FileFormatException($"{sourceName}: cannot be read: it is a pipe or terminal; a file was expected");
        }
        catch (Exception error)
        {
            seekable.Dispose();
            if (AtomicFile.IsFileSystemError(error)) throw new FileFormatException($"{sourceName}: cannot be read: {SystemReason.Of(error)}", error);
            throw;
        }
    }

    /// <summary>Whether the file has a tensor of this name.</summary>
    public bool Contains(string name) => _header.ByName.ContainsKey(name);

    /// <summary>The tensor of this name.</summary>
    /// <exception cref="FileFormatException">The file has no such tensor.</exception>
    public TensorInfo this[string name] => _header.ByName.TryGetValue(name, out var tensor)
        ? tensor
        : throw new FileFormatException($"{Source}: has no tensor {Quote.Text(name)} among its {Tensors.Count}");

    /// <summary>Reads consecutive elements as float32; wider types round to nearest even, Bool becomes 0 or 1.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="firstElement">The first element to read, in row-major order, from 0.</param>
    /// <param name="destination">Receives the elements; as many are read as it has room for.</param>
    /// <exception cref="FileFormatException">No such tensor, a type without values (8-bit float, complex), or the file cannot be read.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the tensor.</exception>
    public void ReadSingles(string name, long firstElement, Span<float> destination) => Read(Readable(name), firstElement, destination);

    /// <summary>Reads a whole tensor as float32, row-major; wider types round to nearest even, Bool becomes 0 or 1.</summary>
    /// <exception cref="FileFormatException">No such tensor, a type without values, more elements than an array holds, or the file cannot be read.</exception>
    public float[] ReadSingles(string name) => ReadWhole<float>(Readable(name));

    /// <summary>Reads a whole tensor as float64, row-major; 64-bit integers beyond 2⁵³ round to nearest even, Bool becomes 0 or 1.</summary>
    /// <exception cref="FileFormatException">No such tensor, a type without values, more elements than an array holds, or the file cannot be read.</exception>
    public double[] ReadDoubles(string name) => ReadWhole<double>(Readable(name));

    /// <summary>Reads a whole tensor of an integer type, row-major.</summary>
    /// <exception cref="FileFormatException">No such tensor, not of an integer type, a U64 beyond 2⁶³ − 1, more elements than an array holds, or the file cannot be read.</exception>
    public long[] ReadIntegers(string name)
    {
        var tensor = this[name];
        if (!tensor.Type.IsInteger) throw Error(tensor, $"its type is {tensor.TypeName}; an integer type was expected");
        return ReadWhole<long>(tensor);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _stream.Dispose();

    private byte[] ReadHeader()
    {
        if (_stream.Length < LengthBytes)
            throw new FileFormatException($"{Source}: the file has {_stream.Length} bytes; a safetensors file begins with a header length of {LengthBytes} bytes");
        Span<byte> field = stackalloc byte[LengthBytes];
        _stream.Position = 0;
        _stream.ReadExactly(field);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(field);
        // Of a file of another kind the first bytes are no length; what the file is instead says more.
        if (length is 0 or > SafetensorsHeader.MaximumBytes)
            throw ForeignFile.Identify(_stream, Source) is { } foreign ? foreign.Refusal(Source) : new FileFormatException($"{Source}: the header length is {length}; 1 to {SafetensorsHeader.MaximumBytes} bytes were expected");
        if ((long)length > _stream.Length - LengthBytes)
            throw new FileFormatException($"{Source}: the header length is {length}, but only {_stream.Length - LengthBytes} bytes follow it; the file may be cut short");
        byte[] text = GC.AllocateUninitializedArray<byte>((int)length);
        _stream.ReadExactly(text);
        return text;
    }

    private TensorInfo Readable(string name)
    {
        var tensor = this[name];
        return tensor.Unreadable is { } reason ? throw Error(tensor, reason) : tensor;
    }

    private T[] ReadWhole<T>(TensorInfo tensor) where T : unmanaged, INumber<T>
    {
        if (tensor.Count > Array.MaxLength) throw Error(tensor, $"it has {tensor.Count} elements; an array holds at most {Array.MaxLength}, so it must be read in parts");
        var values = GC.AllocateUninitializedArray<T>((int)tensor.Count);
        Read<T>(tensor, 0, values);
        return values;
    }

    private void Read<T>(TensorInfo tensor, long first, Span<T> destination) where T : unmanaged, INumber<T>
    {
        if (first < 0 || first > tensor.Count - destination.Length)
            throw new ArgumentOutOfRangeException(nameof(first), $"{Source}: tensor {Quote.Text(tensor.Name)} has {tensor.Count} elements; {destination.Length} from {first} were asked for");

        int size = tensor.Type.ElementBytes;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            _stream.Position = _dataStart + tensor.Offset + first * size;
            while (!destination.IsEmpty)
            {
                int count = Math.Min(destination.Length, BufferBytes / size);
                var bytes = buffer.AsSpan(0, count * size);
                _stream.ReadExactly(bytes);
                ElementConversion.Decode(tensor.Type, bytes, destination[..count]);
                destination = destination[count..];
            }
        }
        catch (OverflowException error)
        {
            throw Error(tensor, "it holds an integer beyond 2^63 - 1", error);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw Error(tensor, $"cannot be read: {SystemReason.Of(error)}", error);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private FileFormatException Error(TensorInfo tensor, string problem, Exception? inner = null) =>
        new($"{Source}: tensor {Quote.Text(tensor.Name)}: {problem}", inner);
}
