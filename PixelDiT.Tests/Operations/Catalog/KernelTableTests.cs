using System.Text.RegularExpressions;
using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations.Catalog;

namespace PixelDiT.Tests.Operations.Catalog;

/// <summary>The table of docs/kernels.md says what the assembler makes of each kernel; it may get better unnoticed, but not worse.</summary>
internal sealed partial class KernelTableTests
{
    /// <summary>How far registers may rise: assemblers of other versions differ by a few.</summary>
    private const int RegisterSlack = 8;

    /// <summary>A kernel for each architecture; null where one has not its instructions.</summary>
    private sealed record Line(string Name, IReadOnlyList<AssembledKernel?> Kernels)
    {
        public override string ToString() => $"| `{Name}` | {string.Join(" | ", Kernels.Select(kernel => kernel is null ? "–" : $"{kernel.Registers}"))} | {Kernels.Max(kernel => kernel?.Stack ?? 0)} | {Kernels[^1]!.Multiplications} |";
    }

    [Test]
    public void The_table_lists_every_kernel_and_none_has_got_worse()
    {
        var assembled = PtxCompiler.Architectures.Select(PtxAssembler.Assemble).ToList();
        var now = KernelCatalog.All.Select(kernel => new Line(kernel.Name, [.. assembled.Select(kernels => kernels.GetValueOrDefault(kernel.Name))])).ToList();
        TestContext.Out.WriteLine(string.Join('\n', now));
        var committed = Row().Matches(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "kernels.md"))).ToDictionary(match => match.Groups[1].Value);
        Assert.That(committed.Keys, Is.EquivalentTo(now.Select(line => line.Name)));
        Assert.That(now.Where(line => IsWorse(line, committed[line.Name])).Select(line => $"{line}, and the table says {committed[line.Name].Value}"), Is.Empty);
    }

    private static bool IsWorse(Line now, Match was) => now.Kernels.Select((kernel, i) => kernel is not null
        && (kernel.Registers > Number(was, i + 2) + RegisterSlack || kernel.Stack > 0 || kernel.Multiplications < Number(was, now.Kernels.Count + 3))).Any(worse => worse);

    [Test]
    public void There_is_an_instruction_for_every_16_by_8_of_a_warp_and_step()
    {
        foreach (var kernel in KernelCatalog.For("sm_90").Where(kernel => kernel.Precision is Precision.BFloat16 or Precision.TensorFloat32))
        {
            Assert.That(Multiplication().Count(PtxAssembler.Compile("sm_90").Kernels[kernel.Name]), Is.EqualTo(ByHand(kernel.Name)), kernel.Name);
        }
    }

    /// <summary>
    /// Products: 64 rows by 32 columns a warp, two steps a tile of k; with warp groups an instruction of 64 by 256 a step of 16. Attention: products [16, 32] of as
    /// many pieces of 16 channels as a head has, two in a forward, three for queries and four for keys.
    /// </summary>
    private static int ByHand(string name)
    {
        if (name.StartsWith("WgmmaProduct") || name.StartsWith("PersistentProduct")) return 64 / 16;
        if (name.StartsWith("MmaProduct")) return 64 / 16 * (32 / 8) * 2;
        int pieces = name.Contains("Width32") ? 2 : name.Contains("Width64") ? 4 : 5, products = name.Contains("Forward") ? 2 : name.Contains("QueryGradient") ? 3 : 4;
        return products * pieces * (32 / 8) * (name.Contains("TensorFloat") ? 2 : 1);
    }

    /// <summary>Loops of attention in bfloat16 by what the assembler makes of them; the docs' table says what that allows on a card.</summary>
    [Test]
    public void Loops_of_attention_are_as_short_as_listed()
    {
        var assembled = PtxAssembler.Assemble("sm_90");
        if (assembled.Values.All(kernel => kernel.Loop is null)) Assert.Ignore("needs cuobjdump beside ptxas");
        var now = assembled.Where(pair => pair.Key.Contains("Attention") && pair.Key.Contains("Width") && !pair.Key.Contains("Format") && pair.Value.Loop is not null).ToDictionary(pair => pair.Key, pair => pair.Value.Loop!);
        foreach (var (name, loop) in now.OrderBy(pair => pair.Key, StringComparer.Ordinal)) TestContext.Out.WriteLine(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"| `{name}` | {loop.Instructions} | {loop.Multiplications} | {loop.Functions} | {loop.Ratio:0.0} | {loop.Least:0} | {loop.Most:0} |"));
        var listed = LoopRow().Matches(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "kernels.md"))).ToDictionary(match => match.Groups[1].Value, match => int.Parse(match.Groups[2].Value));
        Assert.That(listed.Keys, Is.EquivalentTo(now.Keys));
        // Assemblers of other versions differ by a few.
        Assert.That(now.Where(pair => pair.Value.Instructions > listed[pair.Key] * 1.05).Select(pair => $"{pair.Key}: {pair.Value.Instructions}, and the table says {listed[pair.Key]}"), Is.Empty);
        foreach (string width in (string[])["Width32", "Width64", "Width80"])
        {
            // What the other kernels need for a multiplication, counted before these were written.
            Assert.That(now[$"AlignedAttentionForward<{width}>"].Ratio, Is.LessThan(0.5 * (width switch { "Width32" => 38.6, "Width64" => 21.2, _ => 17.6 })));
        }
    }

    private static int Number(Match match, int group) => int.TryParse(match.Groups[group].Value, out int number) ? number : 0;

    [GeneratedRegex(@"^\| `(.+?)` \| (\d+|–) \| (\d+|–) \| (\d+) \| (\d+) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"^\| `(.+?)` \| (\d+) \| \d+ \| \d+ \| [\d.]+ \| \d+ \| \d+ \|$", RegexOptions.Multiline)]
    private static partial Regex LoopRow();

    [GeneratedRegex(@"\b(mma\.sync|wgmma\.mma_async)\b")]
    private static partial Regex Multiplication();
}
