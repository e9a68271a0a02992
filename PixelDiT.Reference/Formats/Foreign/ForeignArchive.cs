using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Foreign;

/// <summary>Zip archives that are something else than what torch.save writes, told by the names of their entries.</summary>
internal static class ForeignArchive
{
    private static readonly string[] s_weights = [".safetensors", ".pt", ".pth", ".ckpt", ".bin"];

    /// <summary>What an archive is instead; null where it may be torch.save's.</summary>
    public static ForeignFile? Identify(IEnumerable<string> entries)
    {
        string[] names = [.. entries];
        bool Has(string name) => names.Contains(name, StringComparer.Ordinal);
        bool HasInside(string name) => names.Any(entry => entry == name || entry.EndsWith("/" + name, StringComparison.Ordinal));
        if (HasInside("constants.pkl") || names.Any(name => name.Contains("/code/__torch__", StringComparison.Ordinal)))
            return new("is a TorchScript program", "load it with torch.jit.load and save its state_dict()");
        if (HasInside("archive_format") || HasInside("serialized_exported_program.json")) return new("is a program that torch.export wrote", "save the state_dict() of its model");
        if (HasInside("data.pkl")) return null;
        if (names.Length == 0) return new("is an empty zip archive", ForeignFile.DownloadAgain);
        if (names.All(name => name.EndsWith(".npy", StringComparison.Ordinal))) return new($"is a NumPy archive (.npz) of {names.Length} arrays", "save the arrays as safetensors (safetensors.numpy.save_file)");
        if (Has("model.weights.h5")) return new("is a Keras model (.keras)", ForeignFile.Save);
        if (Has("[Content_Types].xml")) return new("is an Office document", ForeignFile.Expected);
        if (Has("mimetype")) return new("is an OpenDocument or EPUB file", ForeignFile.Expected);
        if (Has("META-INF/MANIFEST.MF")) return new("is a Java archive", ForeignFile.Expected);
        if (Has("coremldata.bin") || names.Any(name => name.EndsWith(".mlmodel", StringComparison.Ordinal))) return new("is a Core ML model", ForeignFile.Save);
        if (names.FirstOrDefault(name => s_weights.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase)) is { } inside) return new($"is a zip archive with {Quote.Text(inside)} in it", ForeignFile.Unpack);
        return null;
    }
}
