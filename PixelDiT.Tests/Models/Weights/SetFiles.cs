using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Training;

namespace PixelDiT.Tests.Models.Weights;

/// <summary>Files with several sets of weights of one small model. Each set's numbers are the model's plus a number of its own, by which it is known.</summary>
internal static class SetFiles
{
    public static ModelConfig Config { get; } = new() { Hidden = 16, Heads = 2, Patch = 2, PatchDepth = 2, PixelDepth = 1, PixelHidden = 4, Classes = 3 };

    /// <summary>A set under names of its own.</summary>
    /// <param name="rename">From a released name to the file's.</param>
    /// <param name="added">What is added to every number.</param>
    /// <param name="config">Another model than <see cref="Config"/>.</param>
    public static IEnumerable<TensorData> Set(Func<string, string> rename, float added = 0, ModelConfig? config = null)
        => ModelCost.Shapes(config ?? Config).Select((entry, i) => new TensorData(rename(entry.Key), entry.Value, Values(i, entry.Value, added)));

    /// <summary>A set under a prefix.</summary>
    public static IEnumerable<TensorData> Set(string prefix, float added = 0) => Set(name => prefix + name, added);

    /// <summary>A set as a list without names, such as <c>ema.shadow_params.0</c>.</summary>
    public static IEnumerable<TensorData> Numbered(string prefix, float added = 0)
    {
        var numbers = ModelCost.Shapes(Config).Keys.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        return Set(name => $"{prefix}{numbers[name]}", added);
    }

    /// <summary>A file of these tensors.</summary>
    public static SafetensorsReader Open(IEnumerable<TensorData> tensors, params (string Key, string Value)[] metadata)
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}");
        Write(path, tensors, metadata);
        byte[] bytes = File.ReadAllBytes(path);
        File.Delete(path);
        return SafetensorsReader.Open(new MemoryStream(bytes), "f");
    }

    /// <summary>Writes a file of these tensors.</summary>
    public static void Write(string path, IEnumerable<TensorData> tensors, params (string Key, string Value)[] metadata)
        => SafetensorsWriter.Write(path, [.. tensors], metadata.ToDictionary(entry => entry.Key, entry => entry.Value));

    /// <summary>The number by which the set that a choice takes is known.</summary>
    public static float Taken(IWeightFile file, string choice)
    {
        using var model = new StoredModel(file, WeightChoice.Parse(choice));
        float added = float.NaN;
        foreach (var ((name, shape), i) in ModelCost.Shapes(Config).Select((entry, i) => (entry, i)))
        {
            float[] found = new float[shape.Aggregate(1L, (a, b) => a * b)];
            model.ReadSingles(name, 0, found);
            if (i == 0) added = found[0] - Values(0, shape, 0)[0];
            if (!found.SequenceEqual(Values(i, shape, added))) throw new InvalidOperationException($"{name} holds other numbers than those of its place");
        }
        return added;
    }

    /// <summary>The numbers of the tensor at a place.</summary>
    public static float[] Values(int tensor, IReadOnlyList<long> shape, float added)
        => [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b)).Select(i => (((tensor * 37) + i) % 251) + added)];
}
