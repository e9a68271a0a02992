using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>Files that torch.save wrote: each holds, to the bit, the tensors it was made from, the models in them are found, and one that holds none is refused for that reason.</summary>
internal static class CheckpointCases
{
    private const string ClassWeights = "c2i/weights", TextWeights = "t2i/weights";

    /// <summary>A case by its file's name; null where this version does not know what the file was made from.</summary>
    public static CaseResult? Run(string name, ConformanceFiles files)
    {
        using var file = files.OpenCheckpoint(name);
        var comparison = new Comparison(name, file);
        switch (name[(name.LastIndexOf('/') + 1)..])
        {
            case "bare_state_dict.pt" or "legacy_format.pt" when files.Contains(ClassWeights):
                ClassModel(comparison, name, files, WeightChoice.Ema, 0);
                break;
            case "lightning.ckpt" when files.Contains(ClassWeights):
                ClassModel(comparison, name, files, WeightChoice.Ema, 0);
                ClassModel(comparison, name, files, WeightChoice.Raw, 1);
                break;
            case "pixeldit_t2i_bf16.pth" when files.Contains(TextWeights):
                TextModel(comparison, name, file, files);
                break;
            case "views.pt":
                Views(comparison, file);
                break;
            case "recovery_metadata.pth":
                Equal(comparison, file, "w", Counted(24));
                Refused(comparison, file, "no PixelDiT");
                break;
            default:
                return null;
        }
        return comparison.Result();
    }

    /// <summary>The weights under one choice are those of the case c2i plus a number, and the sizes inferred are its config.</summary>
    private static void ClassModel(Comparison comparison, string name, ConformanceFiles files, WeightChoice choice, float added)
    {
        using var expected = files.Open(ClassWeights);
        using var model = new StoredModel(files.OpenCheckpoint(name), choice);
        Sizes(comparison, model, expected);
        foreach (var tensor in expected.Tensors)
        {
            float[] found = new float[tensor.Count];
            model.ReadSingles(tensor.Name, 0, found);
            comparison.Value(tensor.Name, Difference([.. found], [.. expected.ReadSingles(tensor.Name).Select(value => (double)(value + added))]), 0);
        }
    }

    private static void Sizes(Comparison comparison, StoredModel model, SafetensorsReader expected)
        => comparison.Value("config", model.Info.Config == ModelConfig.FromJson(expected.Text("config"), expected.Source) ? 0 : double.PositiveInfinity, 0);

    /// <summary>The weights are those of the case t2i in bfloat16, one projector tensor stands beside them, and the model is found with its sizes and these values.</summary>
    private static void TextModel(Comparison comparison, string name, IWeightFile file, ConformanceFiles files)
    {
        const string prefix = "core.";
        using var expected = files.Open(TextWeights);
        using var model = new StoredModel(files.OpenCheckpoint(name));
        Sizes(comparison, model, expected);
        foreach (var tensor in expected.Tensors)
        {
            float[] values = expected.ReadSingles(tensor.Name);
            byte[] rounded = new byte[2 * values.Length];
            ElementConversion.Encode(DataType.BF16, values, rounded);
            ElementConversion.Decode<float>(DataType.BF16, rounded, values);
            double[] widened = Array.ConvertAll(values, value => (double)value);
            Equal(comparison, file, tensor.Name, widened);
            comparison.Value($"model: {tensor.Name}", Difference(model.ReadWidened(tensor.Name[prefix.Length..]), widened), 0);
        }
        string[] beside = [.. file.Tensors.Select(tensor => tensor.Name).Where(name => !expected.Contains(name))];
        comparison.Value("_repa_projector", beside is [['_', 'r', 'e', 'p', 'a', ..]] ? 0 : double.PositiveInfinity, 0);
    }

    /// <summary>Views of shared storages and every stored type; the numbers 0 … 23, row-major [4, 6], unless said otherwise.</summary>
    private static void Views(Comparison comparison, IWeightFile file)
    {
        double[] whole = Counted(24);
        foreach (string name in (string[])["whole", "half", "double"]) Equal(comparison, file, name, whole);
        Equal(comparison, file, "transposed", [.. from column in Enumerable.Range(0, 6) from row in Enumerable.Range(0, 4) select whole[(6 * row) + column]]);
        Equal(comparison, file, "slice", [8, 9, 10, 14, 15, 16]);
        Equal(comparison, file, "int64", Counted(5));
        Equal(comparison, file, "bool", [1, 0]);
        Equal(comparison, file, "scalar", [2.5]);
        Equal(comparison, file, "empty", []);
        Refused(comparison, file, "no PixelDiT");
    }

    private static double[] Counted(int count) => [.. Enumerable.Range(0, count).Select(i => (double)i)];

    private static void Equal(Comparison comparison, IWeightFile file, string tensor, double[] expected)
        => comparison.Value(tensor, file.Contains(tensor) ? Difference(file.ReadDoubles(tensor), expected) : double.PositiveInfinity, 0);

    /// <summary>The largest difference over the largest magnitude; a NaN or another length is infinitely far off.</summary>
    private static double Difference(double[] found, double[] expected)
    {
        if (found.Length != expected.Length) return double.PositiveInfinity;
        double difference = 0, largest = double.Epsilon;
        for (int i = 0; i < found.Length; i++)
        {
            double here = Math.Abs(found[i] - expected[i]);
            difference = double.IsNaN(here) ? double.PositiveInfinity : Math.Max(difference, here);
            largest = Math.Max(largest, Math.Abs(expected[i]));
        }
        return difference / largest;
    }

    private static void Refused(Comparison comparison, IWeightFile file, string reason)
    {
        try
        {
            WeightMap.FindModel(file, WeightChoice.Ema);
            comparison.Value($"refusal: {reason}", double.PositiveInfinity, 0);
        }
        catch (FileFormatException error)
        {
            comparison.Value($"refusal: {reason}", error.Message.Contains(reason, StringComparison.Ordinal) ? 0 : double.PositiveInfinity, 0);
        }
    }
}
