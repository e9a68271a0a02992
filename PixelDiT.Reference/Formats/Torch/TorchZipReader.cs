using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Foreign;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Torch;

/// <summary>Reads what torch.save has written since torch 1.6: a zip archive of one pickle, <c>NAME/data.pkl</c>, and the stored bytes of each storage, <c>NAME/data/KEY</c>.</summary>
internal sealed class TorchZipReader : TorchReader
{
    private const string PickleName = "data.pkl";
    private const long MaximumPickle = 64 << 20;

    /// <summary>Reads the directory and the pickle, and checks every tensor against the archive.</summary>
    /// <exception cref="FileFormatException">The file is no such archive, or breaks a rule.</exception>
    internal TorchZipReader(Stream stream, string source) : base(stream, source)
    {
        var entries = new ZipDirectory(stream, source).Entries;
        string[] pickles = [.. entries.Keys.Where(name => name == PickleName || name.EndsWith("/" + PickleName, StringComparison.Ordinal))];
        if (ForeignArchive.Identify(entries.Keys) is { } foreign) throw foreign.Refusal(source);
        if (pickles.Length != 1) throw Error($"is a zip archive with {pickles.Length} entries {PickleName}; torch.save writes one");
        string root = pickles[0][..^PickleName.Length];
        if (entries.TryGetValue(root + "byteorder", out var order) && (order.Bytes > 16 || !ReadBytes(stream, order).AsSpan().SequenceEqual("little"u8))) throw Error(OtherByteOrder);
        var pickle = entries[pickles[0]];
        if (pickle.Bytes > MaximumPickle) throw Error($"its pickle has {pickle.Bytes} bytes; at most {MaximumPickle} are read");

        var contents = new TorchContents(new PickleMachine(ReadBytes(stream, pickle), source).Run(), source);
        var places = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var (name, tensor) in StoredTensors(contents))
        {
            var storage = tensor.Storage;
            if (!entries.TryGetValue($"{root}data/{storage.Key}", out var entry)) throw Error($"tensor {Quote.Text(name)} lies in storage {Quote.Text(storage.Key)}, which the archive lacks");
            if (entry.Problem is { } problem) throw Error($"entry {Quote.Text(entry.Name)} {problem}");
            if (entry.Bytes < storage.Bytes) throw Error($"tensor {Quote.Text(name)} lies in storage {Quote.Text(storage.Key)} of {storage.Count} elements, but the archive has {entry.Bytes} bytes of it");
            places[storage.Key] = entry.Offset;
        }
        Set(contents, places);
    }

    /// <inheritdoc/>
    public override string Format => "PyTorch zip";

    private byte[] ReadBytes(Stream stream, ZipEntry entry)
    {
        if (entry.Problem is { } problem) throw Error($"entry {Quote.Text(entry.Name)} {problem}");
        byte[] bytes = GC.AllocateUninitializedArray<byte>((int)entry.Bytes);
        stream.Position = entry.Offset;
        stream.ReadExactly(bytes);
        return bytes;
    }

    private FileFormatException Error(string problem) => new($"{Source}: {problem}");
}
