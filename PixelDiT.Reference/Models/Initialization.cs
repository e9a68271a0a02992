using PixelDiT.Kernels.Operations;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Reference.Models;

/// <summary>
/// The authors' initialisation (SPEC §3): the head and every adaLN Linear are zero, so that the model's first output is zero and its blocks are identities;
/// and one without zeros, for comparing implementations.
/// </summary>
public static class Initialization
{
    // Where nothing is zero: a Linear keeps the variance of its inputs, biases are uniform in ±½, norm weights in 1 ± ½.
    private const float Half = 0.5f;

    // Above the streams of a model's parameters, and below those of steps.
    private const ulong BesideStream = 1UL << 32;

    /// <summary>How the numbers of a tensor are drawn: about a centre, normal or uniform.</summary>
    private readonly record struct Distribution(float Center, float Spread, bool Normal = false);

    /// <summary>Draws all parameters of a model as training begins. A parameter's draws depend on the seed and its place in the model alone.</summary>
    /// <param name="model">The model.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="nonzero">Whether to draw every number at random instead, as <see cref="Fill"/> says.</param>
    public static void Draw(PixelTransformer model, ulong seed, bool nonzero = false)
    {
        var fill = Fill(model.Config, seed, nonzero);
        foreach (var parameter in model.Parameters.OfModel)
        {
            var values = new float[parameter.Shape.Count];
            fill(parameter.Name, 0, values);
            parameter.Value.Upload(values);
        }
        foreach (var (index, parameter) in model.Parameters.All.Where(parameter => parameter.IsBeside).Index()) DrawBeside(parameter, model.Parameters, seed, BesideStream + (ulong)index);
        model.Parameters.MarkChanged();
    }

    /// <summary>A projector begins as every other Linear does, weights and biases uniform in ±1/√(inputs), by draws of its own, so that the model's are the same with and without one.</summary>
    private static void DrawBeside(Parameter parameter, ParameterSet parameters, ulong seed, ulong stream)
    {
        int inputs = parameters[parameter.Name.Replace(".bias", ".weight", StringComparison.Ordinal)].Shape[1];
        var distribution = new Distribution(0, 1f / MathF.Sqrt(inputs));
        parameter.Value.Upload([.. Enumerable.Range(0, checked((int)parameter.Shape.Count)).Select(i => Number(distribution, seed, stream, (ulong)i))]);
    }

    /// <summary>The same draws without a model, any part of a tensor at a time.</summary>
    /// <param name="config">The sizes.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="nonzero">
    /// Whether to draw every number at random instead, none of them zero or one by rule: a model in which each part has an effect on the output, as comparisons need.
    /// </param>
    public static TensorFill Fill(ModelConfig config, ulong seed, bool nonzero = false)
    {
        var shapes = ModelCost.Shapes(config);
        var streams = shapes.Keys.Index().ToDictionary(entry => entry.Item, entry => (ulong)entry.Index, StringComparer.Ordinal);
        return (name, first, chunk) =>
        {
            // A bias has the inputs of its weight.
            int inputs = shapes[name].Count == 2 ? (int)shapes[name][1] : shapes.TryGetValue(name.Replace(".bias", ".weight", StringComparison.Ordinal), out var weight) ? (int)weight[^1] : 0;
            var distribution = nonzero ? Everywhere(name, inputs) : AsPublished(name, inputs, shapes[name], config.IsText);
            ulong stream = streams[name];
            for (int i = 0; i < chunk.Length; i++) chunk[i] = Number(distribution, seed, stream, (ulong)(first + i));
        };
    }

    private static Distribution AsPublished(string name, int inputs, IReadOnlyList<long> shape, bool text)
    {
        if (name.Contains("norm", StringComparison.Ordinal)) return new(1, 0);
        if (name == "y_pos_embedding") return new(0, 1, Normal: true);
        // A text model begins with modulations that are not zero (SPEC §6).
        bool zero = name.Contains("adaLN_modulation", StringComparison.Ordinal) && !text;
        if (name.StartsWith("final_layer.linear", StringComparison.Ordinal) || zero || name == "s_embedder.proj.bias") return new(0, 0);
        if (name == "s_embedder.proj.weight") return new(0, MathF.Sqrt(6f / (shape[0] + shape[1])));
        if (name == "y_embedder.embedding_table.weight" || (name.StartsWith("t_embedder", StringComparison.Ordinal) && shape.Count == 2)) return new(0, 0.02f, Normal: true);
        return new(0, 1f / MathF.Sqrt(inputs));
    }

    private static Distribution Everywhere(string name, int inputs)
    {
        if (name.Contains("norm", StringComparison.Ordinal)) return new(1, Half);
        if (name is "y_embedder.embedding_table.weight" or "y_pos_embedding") return new(0, 1, Normal: true);
        return new(0, name.EndsWith(".bias", StringComparison.Ordinal) ? Half : MathF.Sqrt(3f / inputs));
    }

    private static float Number(Distribution distribution, ulong seed, ulong stream, ulong index) => distribution switch
    {
        { Spread: 0 } => distribution.Center,
        { Normal: true } => distribution.Center + (distribution.Spread * Philox.Normal(seed, stream, index)),
        _ => distribution.Center + (distribution.Spread * ((2 * Philox.Uniform(seed, stream, index)) - 1))
    };
}
