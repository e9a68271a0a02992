using System.Text.RegularExpressions;
using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Tests.Devices;

/// <summary>The table of docs/kernels.md says what the assembler makes of each tensor-core kernel; it may get better unnoticed, but not worse.</summary>
internal sealed partial class TensorKernelTableTests
{
    /// <summary>How far registers may rise: assemblers of other versions differ by a few.</summary>
    private const int RegisterSlack = 8;

    private static IEnumerable<string> Names(string architecture) => KernelCatalog.For(architecture).Where(kernel => kernel.Precision is Precision.BFloat16 or Precision.TensorFloat32).Select(kernel => kernel.Name);

    [Test]
    public void The_table_lists_every_kernel_and_none_has_got_worse()
    {
        var now = PtxCompiler.Architectures.SelectMany(architecture => Names(architecture).Select(name => (Name: name, Architecture: architecture, Kernel: PtxAssembler.Assemble(architecture)[name]))).ToList();
        string table = string.Join('\n', now.Select(row => $"| `{row.Name}` | {row.Architecture} | {row.Kernel.Registers} | {row.Kernel.Stack} | {row.Kernel.Multiplications} |"));
        TestContext.Out.WriteLine(table);
        var committed = Row().Matches(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "kernels.md")))
            .ToDictionary(match => (match.Groups[1].Value, match.Groups[2].Value), match => (Registers: Number(match, 3), Stack: Number(match, 4), Multiplications: Number(match, 5)));
        Assert.That(committed.Keys, Is.EquivalentTo(now.Select(row => (row.Name, row.Architecture))));
        var worse = now.Where(row => committed[(row.Name, row.Architecture)] is var was
            && (row.Kernel.Registers > was.Registers + RegisterSlack || row.Kernel.Stack > 0 || row.Kernel.Multiplications < was.Multiplications));
        Assert.That(worse.Select(row => $"{row.Name} for {row.Architecture}: {row.Kernel}"), Is.Empty);
    }

    [Test]
    public void There_is_an_instruction_for_every_16_by_8_of_a_warp_and_step()
    {
        foreach (string name in Names("sm_90"))
        {
            Assert.That(Multiplication().Count(PtxAssembler.Compile("sm_90").Kernels[name]), Is.EqualTo(ByHand(name)), name);
        }
    }

    /// <summary>Products: 64 rows by 32 columns a warp, two steps a tile of k; with warp groups an instruction of 64 by 256 a step of 16. Attention: products [16, 32] of as many pieces of 16 channels as a head has, two in a forward, three for queries and four for keys.</summary>
    private static int ByHand(string name)
    {
        if (name.StartsWith("WideProduct")) return 64 / 16;
        if (name.StartsWith("TensorProduct")) return 64 / 16 * (32 / 8) * 2;
        int pieces = name.Contains("Width32") ? 2 : name.Contains("Width64") ? 4 : 5, products = name.Contains("Forward") ? 2 : name.Contains("QuerySide") ? 3 : 4;
        return products * pieces * (32 / 8) * (name.Contains("TensorFloat") ? 2 : 1);
    }

    private static int Number(Match match, int group) => int.Parse(match.Groups[group].Value);

    [GeneratedRegex(@"^\| `(.+?)` \| (sm_\d+) \| (\d+) \| (\d+) \| (\d+) \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"\b(mma\.sync|wgmma\.mma_async)\b")]
    private static partial Regex Multiplication();
}
