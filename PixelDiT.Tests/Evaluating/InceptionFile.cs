using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Oracle.Conformance;

namespace PixelDiT.Tests.Evaluating;

/// <summary>A file of the network's weights by formula.</summary>
internal static class InceptionFile
{
    /// <summary>Writes it into a folder.</summary>
    public static string Write(string folder)
    {
        var weights = new FormulaWeights("");
        string path = Path.Combine(folder, "inception.safetensors");
        SafetensorsWriter.Write(path, weights.Tensors, null, weights.ReadSingles);
        return path;
    }
}
