using System.Text.RegularExpressions;
using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations.Catalog;

namespace PixelDiT.Tests.Operations.Catalog;

/// <summary>Every kernel compiles to PTX, and that PTX assembles without spills, on machines without a card.</summary>
[TestFixture("sm_80"), TestFixture("sm_90")]
[Parallelizable]
internal sealed partial class KernelCatalogTests(string architecture)
{
    private IReadOnlyDictionary<string, string> Kernels => PtxAssembler.Compile(architecture).Kernels;

    [Test]
    public void Every_kernel_compiles()
    {
        TestContext.Out.WriteLine($"{Kernels.Count} kernels");
        Assert.That(PtxAssembler.Compile(architecture).Failures, Is.Empty);
        Assert.That(Kernels, Is.Not.Empty);
    }

    [Test]
    public void Every_kernel_has_a_file_name_of_its_own()
    {
        Assert.That(KernelCatalog.All.Select(kernel => kernel.FileName.ToLowerInvariant()), Is.Unique);
        Assert.That(KernelCatalog.All.Select(kernel => kernel.FileName), Has.All.Match(@"^[A-Za-z0-9.\-]+$"));
    }

    [Test]
    public void No_branch_claims_to_be_uniform() => Assert.That(Kernels.Where(pair => pair.Value.Contains(".uni", StringComparison.Ordinal)).Select(pair => pair.Key), Is.Empty);

    /// <summary>
    /// ILGPU moves a constant to the right of a comparison and makes an ordered one unordered by that: a NaN is then taken for less or for more, and a limit lets it become a number. One text asks in the
    /// negative on purpose: a norm that is not at most the largest number, or none at all, stops a step.
    /// </summary>
    [Test]
    public void No_comparison_with_a_constant_takes_nan_for_a_number() => Assert.That(
        Kernels.SelectMany(pair => UnorderedLimit().Matches(pair.Value).Select(match => (Kernel: pair.Key, Constant: match.Groups[1].Value)))
            .Where(found => found is not ("MapKernel<AdamW.Each>", "7F7FFFFF")).Distinct(), Is.Empty);

    /// <summary>A driver keeps what it assembled by the text: numbers that ILGPU counts through a process may not show in it. The first line names the kernel.</summary>
    [Test]
    public void A_text_has_no_numbers_of_the_process() => Assert.Multiple(() =>
    {
        Assert.That(Kernels.Where(pair => CountedName().IsMatch(pair.Value)).Select(pair => pair.Key), Is.Empty);
        Assert.That(Kernels.Where(pair => !pair.Value.StartsWith($"// Kernel: {pair.Key}\n", StringComparison.Ordinal)).Select(pair => pair.Key), Is.Empty);
    });

    /// <summary>The loader calls every access global that names no space: no kernel may take the address of anything else, but for that of tensor maps among its parameters, which only the copy engine follows.</summary>
    [Test]
    public void Every_access_names_its_space_and_none_is_on_a_stack() => Assert.That(
        Kernels.Where(pair => Spaceless().IsMatch(pair.Value) || pair.Value.Contains(".local", StringComparison.Ordinal) || pair.Value.Replace("cvta.param", "", StringComparison.Ordinal).Contains("cvta", StringComparison.Ordinal)).Select(pair => pair.Key), Is.Empty);

    /// <summary>Items that share a group would wait for each other in a barrier; the sums of <see cref="Kernels.Machine.Lanes.Elements"/> have theirs only where an item is a whole group.</summary>
    [Test]
    public void Kernels_that_share_groups_have_no_barrier_but_that_of_a_sum() => Assert.That(
        KernelCatalog.All.Where(kernel => typeof(IRowKernel).IsAssignableFrom(kernel.Kernel)).Select(kernel => (kernel.Name, Ptx: Kernels[kernel.Name]))
            .Where(kernel => (kernel.Ptx.Contains("bar.", StringComparison.Ordinal) || kernel.Ptx.Contains(".shared", StringComparison.Ordinal)) && !kernel.Ptx.Contains("shfl.sync", StringComparison.Ordinal))
            .Select(kernel => kernel.Name), Is.Empty);

    /// <summary>x is read twice, weight, scale and shift once, y is written: 32 bytes a thread as float32, 16 as bfloat16. The weight is float32.</summary>
    [TestCase("Single32, Single32", 10, 2), TestCase("BFloat16, Single32", 8, 1), TestCase("BFloat16, BFloat16", 6, 1)]
    public void Rows_move_in_accesses_of_128_bits(string storages, int loads, int stores)
    {
        string ptx = Kernels[$"NormModulate.ForwardKernel<{storages}>"];
        Assert.That(ptx.Split("ld.global.v4.").Length - 1, Is.EqualTo(loads));
        Assert.That(ptx.Split("st.global.v4.").Length - 1, Is.EqualTo(stores));
    }

    [Test]
    public void Every_kernel_assembles_without_stack_and_spills()
    {
        var assembled = PtxAssembler.Assemble(architecture);
        Assert.That(assembled.Where(pair => pair.Value.Fault is not null).Select(pair => $"{pair.Key}: {pair.Value.Fault}").Order(), Is.Empty);
        Assert.That(assembled.Where(pair => pair.Value.Stack > 0).Select(pair => $"{pair.Key}: {pair.Value.Stack} bytes of stack and spills").Order(), Is.Empty);
    }

    [GeneratedRegex(@"\b[A-Za-z_]\w*_\d{4,}")]
    private static partial Regex CountedName();

    [GeneratedRegex(@"setp\.[gl]tu\.f32\s+%p\d+, [^,]+, 0f([0-9A-F]{8});")]
    private static partial Regex UnorderedLimit();

    [GeneratedRegex(@"\b(ld|st|atom|red)\.(v[24]\.)?[bfsu]\d")]
    private static partial Regex Spaceless();
}
