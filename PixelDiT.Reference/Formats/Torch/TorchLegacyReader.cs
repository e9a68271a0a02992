using System.Buffers.Binary;
using System.Numerics;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Torch;

/// <summary>
/// Reads what torch.save wrote before torch 1.6: five pickles one after another (magic number, protocol, the machine, the object, a list of storage keys), then for
/// each key the number of its elements in 8 bytes and the elements.
/// </summary>
internal sealed class TorchLegacyReader : TorchReader
{
    private const long Protocol = 1001;
    private const long MaximumStart = 16 << 20;


    /// <summary>Reads the pickles and finds the storages.</summary>
    /// <exception cref="FileFormatException">The file breaks a rule of the format.</exception>
    internal TorchLegacyReader(Stream stream, string source) : base(stream, source)
    {
        byte[] start = GC.AllocateUninitializedArray<byte>((int)Math.Min(stream.Length, MaximumStart));
        stream.Position = 0;
        stream.ReadExactly(start);
        var machine = new PickleMachine(start, source);
        if (machine.Run() is not BigInteger magic || magic != TorchMagic.Number) throw Error("does not begin with torch's magic number");
        if (machine.Run() is not Protocol) throw Error($"is of another version of the format than {Protocol}");
        if (machine.Run() is PickleDict system && system.Items.Any(item => item is { Key: "little_endian", Value: false })) throw Error(OtherByteOrder);
        var contents = new TorchContents(machine.Run(), source);
        if (machine.Run() is not PickleList keys) throw Error("has no list of storages");

        var places = FindStorages(stream, machine, keys);
        foreach (var (name, tensor) in StoredTensors(contents))
        {
            if (!places.ContainsKey(tensor.Storage.Key)) throw Error($"tensor {Quote.Text(name)} lies in storage {Quote.Text(tensor.Storage.Key)}, which the file lacks");
        }
        Set(contents, places);
    }

    /// <inheritdoc/>
    public override string Format => "PyTorch before 1.6";

    private Dictionary<string, long> FindStorages(Stream stream, PickleMachine machine, PickleList keys)
    {
        var places = new Dictionary<string, long>(StringComparer.Ordinal);
        long at = machine.Position;
        Span<byte> field = stackalloc byte[sizeof(long)];
        foreach (var (_, item) in keys.Items)
        {
            if (item is not string key || !machine.Storages.TryGetValue(key, out var storage)) throw Error("lists a storage that no tensor has");
            if (stream.Length - at < sizeof(long)) throw Error($"is cut short before storage {Quote.Text(key)}");
            stream.Position = at;
            stream.ReadExactly(field);
            long count = BinaryPrimitives.ReadInt64LittleEndian(field);
            at += sizeof(long);
            if (count != storage.Count) throw Error($"storage {Quote.Text(key)} has {count} elements, but its tensors say {storage.Count}");
            if (storage.Type.Type == DataType.Other) throw Error($"storage {Quote.Text(key)} is of type {Quote.Text(storage.Type.Name)}, which is not read: where the next one begins is unknown");
            if (storage.Bytes > stream.Length - at) throw Error($"is cut short within storage {Quote.Text(key)}");
            if (!places.TryAdd(key, at)) throw Error($"lists storage {Quote.Text(key)} twice");
            at += storage.Bytes;
        }
        return places;
    }

    private FileFormatException Error(string problem) => new($"{Source}: {problem}");
}
