using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Oracle.Conformance;

namespace PixelDiT.Tests.Oracle;

/// <summary>The shipped conformance cases on both CPU back ends. Tolerances and their reasons stand beside the cases.</summary>
[TestFixture("cpu", Precision.Single)]
[TestFixture("cpu", Precision.TensorFloat32)]
[TestFixture("cpu", Precision.BFloat16)]
[TestFixture("ilgpu-cpu", Precision.Single)]
[TestFixture("ilgpu-cpu", Precision.BFloat16)]
public sealed class ConformanceTests(string deviceName, Precision precision)
{
    [Test]
    public void Every_case_passes()
    {
        using var device = Device.Open(deviceName);
        var results = ConformanceSuite.Run(ConformanceFiles.Shipped(), device, precision).ToList();
        Assert.Multiple(() =>
        {
            foreach (var result in results.Where(result => result.Status == CaseStatus.Fail))
                Assert.Fail($"{result.Name}: {result.Worst} is off by {result.Error:E2}, {result.Tolerance:E1} is allowed");
            Assert.That(results.Where(result => result.Status == CaseStatus.Pass).Select(result => result.Name), Is.SupersetOf((string[])
            [
                "optimizer", "came", "t2i_train/time_table", "c2i/forward_backward", "c2i/train", "c2i/sample", "c2i_rect_post/forward_backward", "c2i_rect_post/train", "c2i_rect_post/sample",
                "modules/tables", "modules/class_embedder", "modules/final_layer", "modules/gelu_mlp", "modules/patch_block", "modules/pixel_block",
                "modules/pixel_block_narrow_attention", "modules/pixel_block_post_modulation", "modules/pixel_token_embedder", "modules/rms_norm",
                "modules/rotary_attention", "modules/swiglu_feed_forward", "modules/timestep_conditioner", "checkpoints/bare_state_dict.pt", "checkpoints/legacy_format.pt",
                "checkpoints/lightning.ckpt", "checkpoints/pixeldit_t2i_bf16.pth", "checkpoints/recovery_metadata.pth", "checkpoints/views.pt",
                "t2i/forward_backward", "t2i/sample", "t2i_options/forward_backward", "t2i_options/sample", "t2i_train/t2i", "t2i_train/t2i_options", "modules/mmdit_block", "flowedit/analytic", "flowedit/t2i",
                "text/gemma/forward", "text/gemma_bf16/forward", "text/gemma_one_kv_head/forward", "fid/inception", "fid/metrics", "h5/expected", "h5/many/expected"
            ]));
            Assert.That(results.Where(result => result.Status == CaseStatus.Skipped), Is.Empty);
            Assert.That(device.Arena.BytesInUse, Is.Zero, "memory is back at its baseline");
        });
    }
}

/// <summary>Modules and whole models by the bodies that a GPU runs: in groups of a warp, which rows of few elements share.</summary>
public sealed class GroupConformanceTests
{
    [Test]
    public void Modules_and_gradients_of_models_pass_in_groups_of_32()
    {
        using var device = Device.OpenIlgpuCpu(threads: 1, groupSize: 32);
        // Training and sampling are the same kernels many times over, and take most of a minute.
        var files = ConformanceFiles.Shipped().Where(name => name.StartsWith("modules/") || name.EndsWith("weights") || name.EndsWith("/forward_backward"));
        var results = ConformanceSuite.Run(files, device).Where(result => result.Status != CaseStatus.Skipped).ToList();
        Assert.That(results, Has.Count.EqualTo(18));
        Assert.That(results.Where(result => result.Status == CaseStatus.Fail).Select(result => $"{result.Name}: {result.Worst} is off by {result.Error:E2}, {result.Tolerance:E1} is allowed"), Is.Empty);
    }
}

/// <summary>A whole model, forward and backward, by the kernels that a card with tensor cores runs: tiled products and attention with every instruction emulated, in groups of 256.</summary>
public sealed class TensorCoreConformanceTests
{
    [TestCase(Precision.BFloat16)]
    [TestCase(Precision.TensorFloat32)]
    [TestCase(Precision.Single)]
    public void A_model_and_its_gradients_agree_with_the_golden_tensors(Precision precision)
    {
        using var device = Device.OpenIlgpuCpu(threads: 1, groupSize: 256);
        var files = ConformanceFiles.Shipped().Where(name => name == "c2i/weights" || name == "c2i/forward_backward");
        var result = ConformanceSuite.Run(files, device, precision).Single(result => result.Status != CaseStatus.Skipped);
        TestContext.Out.WriteLine($"{result.Worst}: {result.Error:E2} of {result.Tolerance:E1}, {device.Launches} launches");
        Assert.That(result.Status, Is.EqualTo(CaseStatus.Pass), $"{result.Worst} is off by {result.Error:E2}, {result.Tolerance:E1} is allowed");
    }
}

/// <summary>That a wrong result is seen: a suite that cannot fail proves nothing.</summary>
public sealed class ComparisonTests
{
    private static Comparison OfNorm(out float[] expected)
    {
        var files = ConformanceFiles.Shipped();
        var golden = files.Open("modules/rms_norm");
        expected = golden.ReadSingles("out");
        return new Comparison("rms_norm", golden);
    }

    [Test]
    public void Equal_tensors_pass()
    {
        var comparison = OfNorm(out float[] expected);
        comparison.Tensor("out", expected, 1e-6);
        Assert.That(comparison.Result().Status, Is.EqualTo(CaseStatus.Pass));
    }

    [Test]
    public void One_wrong_element_fails_and_is_named()
    {
        var comparison = OfNorm(out float[] expected);
        expected[7] += 1e-3f;
        comparison.Tensor("out", expected, 1e-6);
        Assert.That(comparison.Result(), Has.Property("Status").EqualTo(CaseStatus.Fail).And.Property("Worst").EqualTo("out"));
    }

    [Test]
    public void A_NaN_fails()
    {
        var comparison = OfNorm(out float[] expected);
        expected[3] = float.NaN;
        comparison.Tensor("out", expected, 1e9);
        Assert.That(comparison.Result().Status, Is.EqualTo(CaseStatus.Fail));
    }

    [Test]
    public void Nothing_compared_is_no_pass() => Assert.That(OfNorm(out _).Result().Status, Is.EqualTo(CaseStatus.Fail));
}
