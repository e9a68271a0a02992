using PixelDiT.Kernels.Operations.Products;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Benchmarking.Predicting;

/// <summary>Products of one shape in a training step.</summary>
/// <param name="Name">The layer and the direction, such as "w2 dx".</param>
/// <param name="Count">How many there are.</param>
/// <param name="Shape">Their sizes.</param>
internal sealed record StepProduct(string Name, int Count, ProductShape Shape)
{
    /// <summary>Operations of all of them.</summary>
    public double Flops => Count * Shape.Flops;
}

/// <summary>The products of a training step that are large enough for warp groups: each Linear's y = x·Wᵀ, dx = dy·W and dW = dyᵀ·x.</summary>
internal static class StepProducts
{
    /// <summary>Columns of C, and terms of a sum, below which a product is not one of warp groups.</summary>
    private const int SmallestColumns = 192, SmallestDepth = 128;

    /// <summary>All of them, in the order of the model.</summary>
    /// <param name="config">The model.</param>
    /// <param name="batch">Images.</param>
    /// <param name="height">H in pixels.</param>
    /// <param name="width">W in pixels.</param>
    public static IReadOnlyList<StepProduct> Of(ModelConfig config, int batch, int height, int width)
    {
        int tokens = batch * (height / config.Patch) * (width / config.Patch), words = batch * config.TextTokens, d = config.Hidden, a = config.PixelAttentionWidth, n = config.PatchDepth, m = config.PixelDepth;
        var products = new List<StepProduct>();
        Add("patches", 1, tokens, d, config.Channels * config.PatchPixels);
        Patch("", tokens);
        if (config.IsText) Patch(" of text", words);
        if (m == 0) return products;
        Add("pixel modulation", m, tokens, config.PatchModulation, d);
        Add("compress", m, tokens, a, config.AttentionTokenValues);
        Add("pixel qkv", m, tokens, 3 * a, a);
        Add("pixel proj", m, tokens, a, a);
        Add("expand", m, tokens, config.AttentionTokenValues, a, hasOperands: true);
        return products;

        void Patch(string kind, int rows)
        {
            Add($"modulation{kind}", n, batch, 6 * d, d);
            Add($"qkv{kind}", n, rows, 3 * d, d);
            Add($"proj{kind}", n, rows, d, d, hasOperands: true);
            Add($"w1{kind}", n, rows, config.FeedForward, d);
            Add($"w3{kind}", n, rows, config.FeedForward, d, hasOperands: true);
            Add($"w2{kind}", n, rows, d, config.FeedForward, hasOperands: true);
        }

        void Add(string name, int count, int rows, int outputs, int inputs, bool hasOperands = false)
        {
            Put($"{name} y", new(rows, outputs, inputs, HasOperands: hasOperands), count);
            Put($"{name} dx", new(rows, inputs, outputs, IsSliced: true), count);
            Put($"{name} dW", new(outputs, inputs, rows, IsSingle: true, IsSliced: true), count);
        }

        void Put(string name, ProductShape shape, int count)
        {
            if (shape.N >= SmallestColumns && shape.K >= SmallestDepth) products.Add(new(name, count, shape));
        }
    }
}
