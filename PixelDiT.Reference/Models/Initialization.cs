using PixelDiT.Kernels.Operations;
using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Reference.Models;

/// <summary>
/// The authors' initialisation (SPEC §3): the head and every adaLN Linear are zero, so that the model's first output is zero and its blocks are identities.
/// </summary>
public static class Initialization
{
    /// <summary>Draws all parameters of a class model. A parameter's draws depend on the seed and its place in the model alone.</summary>
    public static void Draw(PixelDiTModel model, ulong seed)
    {
        var all = model.Parameters.All;
        for (int index = 0; index < all.Count; index++)
        {
            var parameter = all[index];
            var values = new float[parameter.Shape.Count];
            Fill(values, parameter, all, seed, (ulong)index);
            parameter.Value.Upload(values);
        }
        model.Parameters.MarkChanged();
    }

    private static void Fill(float[] values, Parameter parameter, IReadOnlyList<Parameter> all, ulong seed, ulong stream)
    {
        string name = parameter.Name;
        if (name.Contains("norm", StringComparison.Ordinal)) Array.Fill(values, 1f);
        else if (name.StartsWith("final_layer.linear", StringComparison.Ordinal) || name.Contains("adaLN_modulation", StringComparison.Ordinal)) return;
        else if (name == "s_embedder.proj.bias") return;
        else if (name == "s_embedder.proj.weight") Uniform(values, MathF.Sqrt(6f / (parameter.Shape[0] + parameter.Shape[1])), seed, stream);
        else if (name == "y_embedder.embedding_table.weight" || (name.StartsWith("t_embedder", StringComparison.Ordinal) && parameter.Shape.Rank == 2)) Normal(values, 0.02f, seed, stream);
        else Uniform(values, 1f / MathF.Sqrt(Inputs(parameter, all)), seed, stream);
    }

    /// <summary>The inputs of a Linear; a bias has those of its weight.</summary>
    private static int Inputs(Parameter parameter, IReadOnlyList<Parameter> all) => parameter.Shape.Rank == 2
        ? parameter.Shape[1]
        : all.Single(other => other.Name == parameter.Name.Replace(".bias", ".weight", StringComparison.Ordinal)).Shape[1];

    private static void Uniform(float[] values, float bound, ulong seed, ulong stream)
    {
        for (int i = 0; i < values.Length; i++) values[i] = bound * ((2 * Philox.Uniform(seed, stream, (ulong)i)) - 1);
    }

    private static void Normal(float[] values, float deviation, ulong seed, ulong stream)
    {
        for (int i = 0; i < values.Length; i++) values[i] = deviation * Philox.Normal(seed, stream, (ulong)i);
    }
}
