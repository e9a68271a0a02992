using PixelDiT.Reference.Models;
using static System.FormattableString;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>What the paper's ablations of a model cost, side by side (<see cref="ModelCost"/>).</summary>
internal static class AblationReport
{
    /// <summary>The largest side whose cost without compaction a whole number of 64 bits can tell.</summary>
    public const int MostSide = 4096;

    /// <summary>Prints a row for each kind of pixel level.</summary>
    /// <param name="name">The model's name.</param>
    /// <param name="model">The model.</param>
    /// <param name="side">The side of the image of a forward, a multiple of the patch.</param>
    public static void Print(string name, ModelConfig model, int side)
    {
        Terminal.WriteLine(Invariant($"{name}, a forward of one image of {side}×{side}{(model.IsText ? $" with {model.TextTokens} tokens of text" : "")}:"));
        var table = new TextTable("pixel level", "parameters", "tensors", "GFLOP") { HasNumbers = true };
        foreach (var kind in Enum.GetValues<PixelLevelKind>())
        {
            var config = model.With(kind);
            table.AddRow(kind.Name, Invariant($"{ModelCost.Parameters(config):N0}"), Invariant($"{ModelCost.Tensors(config)}"), Gigaflops(config, side, side));
        }
        Terminal.Write(table);
    }

    /// <summary>The cost of a forward of one image.</summary>
    public static string Gigaflops(ModelConfig config, int height, int width)
    {
        double gigaflops = ModelCost.ForwardFlops(config, 1, height, width) / 1e9;
        return gigaflops < 1 ? Invariant($"{gigaflops:F5}") : Invariant($"{gigaflops:N3}");
    }
}
