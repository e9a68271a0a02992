using System.Globalization;
using System.Text.RegularExpressions;

namespace PixelDiT.Tests.Operations.Catalog;

/// <summary>
/// The innermost loop of a kernel's machine code that multiplies matrices, and what its instructions cost a warp scheduler of an H100 at least: an issue slot each, four lanes of sixteen a cycle for powers of two, and
/// for a multiplication of 16 × 8 × 16 the 6.3 cycles that instructions of a warp take where those of a warp group take four (Luo et al. 2024, arXiv 2402.13499: mma.sync reaches 63 % of the peak).
/// </summary>
/// <param name="Instructions">Of the loop.</param>
/// <param name="Multiplications">Matrix multiplications of a warp.</param>
/// <param name="Functions">Powers of two, logarithms and reciprocals.</param>
internal sealed partial record MachineLoop(int Instructions, int Multiplications, int Functions)
{
    private const double MultiplicationCycles = 4 / 0.63, FunctionCycles = 8;

    /// <summary>Schedulers of an H100 times cycles in a nanosecond, at 1.755 GHz: what it can issue.</summary>
    private const double Slots = 132 * 4 * 1.755;

    /// <summary>Instructions for each multiplication.</summary>
    public double Ratio => (double)Instructions / Multiplications;

    /// <summary>Cycles of a scheduler if everything overlaps.</summary>
    public double Least => Math.Max(Instructions, Math.Max(Multiplications * MultiplicationCycles, Functions * FunctionCycles));

    /// <summary>Cycles of a scheduler if issuing, multiplying and powers of two never overlap.</summary>
    public double Most => Instructions + (Multiplications * MultiplicationCycles) + (Functions * FunctionCycles);

    /// <summary>TFLOP/s of useful operations in so many cycles.</summary>
    /// <param name="flops">Operations of a warp.</param>
    /// <param name="cycles">Of a scheduler.</param>
    public static double Tflops(double flops, double cycles) => flops / cycles * Slots / 1000;

    /// <summary>Finds the loop in what a disassembler wrote; null where nothing is multiplied in a loop.</summary>
    public static MachineLoop? Find(string machineCode)
    {
        var lines = Instruction().Matches(machineCode).Select(match => (Address: int.Parse(match.Groups[1].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture), Text: match.Groups[2].Value)).ToList();
        MachineLoop? best = null;
        for (int i = 0; i < lines.Count; i++)
        {
            if (Backward().Match(lines[i].Text) is not { Success: true } branch || !int.TryParse(branch.Groups[1].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int target) || target > lines[i].Address) continue;
            var body = lines.Where(line => line.Address >= target && line.Address <= lines[i].Address).Select(line => line.Text).ToList();
            var loop = new MachineLoop(body.Count(text => !text.Contains("NOP", StringComparison.Ordinal)), body.Count(text => Multiplication().IsMatch(text)), body.Count(text => text.Contains("MUFU", StringComparison.Ordinal)));
            if (loop.Multiplications > 0 && (best is null || loop.Instructions < best.Instructions)) best = loop;
        }
        return best;
    }

    [GeneratedRegex(@"/\*([0-9a-f]{4,5})\*/\s+([^;]+);")]
    private static partial Regex Instruction();

    [GeneratedRegex(@"\bBRA(?:\.\w+)* .*?0x([0-9a-f]+)")]
    private static partial Regex Backward();

    [GeneratedRegex(@"\bHG?MMA\.")]
    private static partial Regex Multiplication();
}
