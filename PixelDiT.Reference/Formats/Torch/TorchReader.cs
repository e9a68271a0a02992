using System.Buffers;
using System.Numerics;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Torch;

/// <summary>
/// Reads the tensors of a file that torch.save wrote, whatever their strides. Contiguous tensors stream through a buffer of 64 KiB; of others the part of the
/// storage they span is held, where it has at most 256 MiB, so that a transposed matrix does not cost a read an element.
/// </summary>
internal abstract class TorchReader : IWeightFile
{
    private const int BufferBytes = 1 << 16;
    private const long HeldBytes = 256L << 20;

    private readonly Stream _stream;
    private readonly Dictionary<string, TensorSpec> _specs = new(StringComparer.Ordinal);
    private TorchContents _contents = null!;
    private IReadOnlyDictionary<string, long> _places = null!;
    private TorchTensor? _heldFor;
    private byte[] _held = [];
    private PickleBytes? _inlineFor;
    private ReadOnlyMemory<byte> _inline;

    private protected TorchReader(Stream stream, string source) => (_stream, Source) = (stream, source);

    /// <inheritdoc/>
    public string Source { get; }

    /// <inheritdoc/>
    public abstract string Format { get; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Metadata => _contents.Metadata;

    /// <inheritdoc/>
    public IReadOnlyList<TensorSpec> Tensors { get; private set; } = [];

    /// <inheritdoc/>
    public IReadOnlyList<string> Notes => _contents.Notes;

    /// <summary>What is said of a file of big-endian numbers.</summary>
    private protected const string OtherByteOrder = "was written by a machine of another byte order than little-endian; load it there and save it as safetensors";

    /// <summary>The tensors whose numbers lie in the file's storages.</summary>
    private protected static IEnumerable<(string Name, TorchTensor Tensor)> StoredTensors(TorchContents contents)
        => from entry in contents.Tensors let tensor = entry.Value as TorchTensor where tensor is { Storage.Inline: null } select (entry.Key, tensor);

    /// <summary>Takes what the file holds.</summary>
    /// <param name="contents">Its tensors.</param>
    /// <param name="places">Where the bytes of each storage begin, by its key.</param>
    private protected void Set(TorchContents contents, IReadOnlyDictionary<string, long> places)
    {
        (_contents, _places) = (contents, places);
        foreach (var (name, tensor) in contents.Tensors)
        {
            _specs.Add(name, tensor is TorchTensor view ? Spec(name, view.Type, view.Shape) : tensor is UnreadableTensor { Reason: var reason, Type: var type, Shape: var shape } ? Spec(name, type, shape) with { Unreadable = reason } : throw new InvalidOperationException());
        }
        Tensors = [.. _specs.Values];
    }

    private static TensorSpec Spec(string name, TorchType type, long[] shape) => type.Name is { } said ? new TensorSpec(name, type.Type, shape) { TypeName = said } : new TensorSpec(name, type.Type, shape);

    /// <inheritdoc/>
    public bool Contains(string name) => _specs.ContainsKey(name);

    /// <inheritdoc/>
    public TensorSpec this[string name] => _specs.TryGetValue(name, out var spec) ? spec : throw new FileFormatException($"{Source}: has no tensor {Quote.Text(name)} among its {Tensors.Count}");

    /// <inheritdoc/>
    public void ReadSingles(string name, long firstElement, Span<float> destination) => Read(this[name], firstElement, destination);

    /// <inheritdoc/>
    public double[] ReadDoubles(string name)
    {
        var spec = this[name];
        if (spec.Unreadable is null && spec.Count > Array.MaxLength) throw new FileFormatException($"{Source}: tensor {Quote.Text(name)}: it has {spec.Count} elements; an array holds at most {Array.MaxLength}, so it must be read in parts");
        double[] values = GC.AllocateUninitializedArray<double>(spec.Unreadable is null ? (int)spec.Count : 0);
        Read<double>(spec, 0, values);
        return values;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        _stream.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Read<T>(TensorSpec spec, long first, Span<T> destination) where T : unmanaged, INumber<T>
    {
        if (first < 0 || first > spec.Count - destination.Length)
            throw new ArgumentOutOfRangeException(nameof(first), $"{Source}: tensor {Quote.Text(spec.Name)} has {spec.Count} elements; {destination.Length} from {first} were asked for");
        if (spec.Unreadable is { } reason) throw new FileFormatException($"{Source}: tensor {Quote.Text(spec.Name)}: {reason}");
        var tensor = (TorchTensor)_contents.Tensors[spec.Name];
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            int size = spec.Type.ElementBytes;
            while (!destination.IsEmpty)
            {
                int count = Math.Min(destination.Length, BufferBytes / size);
                var bytes = buffer.AsSpan(0, count * size);
                if (tensor.IsContiguous) Fetch(tensor, first, bytes);
                else Gather(tensor, first, bytes, size);
                ElementConversion.Decode(spec.Type, bytes, destination[..count]);
                destination = destination[count..];
                first += count;
            }
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{Source}: tensor {Quote.Text(spec.Name)}: cannot be read: {SystemReason.Of(error)}", error);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads bytes from an element of the storage on, counted from the view's offset.</summary>
    private void Fetch(TorchTensor tensor, long element, Span<byte> bytes)
    {
        long at = (tensor.Offset + element) * tensor.Type.Type.ElementBytes;
        if (tensor.Storage.Inline is { } inline)
        {
            if (!ReferenceEquals(_inlineFor, inline)) (_inlineFor, _inline) = (inline, inline.Decode());
            _inline.Span.Slice((int)at, bytes.Length).CopyTo(bytes);
            return;
        }
        _stream.Position = _places[tensor.Storage.Key] + at;
        _stream.ReadExactly(bytes);
    }

    private void Gather(TorchTensor tensor, long first, Span<byte> bytes, int size)
    {
        long extent = tensor.Extent * size;
        bool held = extent <= HeldBytes;
        if (held && !ReferenceEquals(_heldFor, tensor))
        {
            _heldFor = null;
            _held = GC.AllocateUninitializedArray<byte>((int)extent);
            Fetch(tensor, 0, _held);
            _heldFor = tensor;
        }
        int rank = tensor.Shape.Length;
        Span<long> index = stackalloc long[rank];
        long place = 0;
        for (int i = rank - 1; i >= 0; i--)
        {
            (first, index[i]) = Math.DivRem(first, tensor.Shape[i]);
            place += index[i] * tensor.Strides[i];
        }
        for (int at = 0; at < bytes.Length; at += size)
        {
            var element = bytes.Slice(at, size);
            if (held) _held.AsSpan((int)(place * size), size).CopyTo(element);
            else Fetch(tensor, place, element);
            for (int i = rank - 1; i >= 0; i--)
            {
                place += tensor.Strides[i];
                if (++index[i] < tensor.Shape[i]) break;
                place -= tensor.Strides[i] * tensor.Shape[i];
                index[i] = 0;
            }
        }
    }
}
