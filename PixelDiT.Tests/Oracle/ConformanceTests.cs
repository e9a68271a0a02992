using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Oracle.Conformance;

namespace PixelDiT.Tests.Oracle;

/// <summary>The shipped conformance cases on both CPU back ends. Tolerances and their reasons stand beside the cases.</summary>
[TestFixture("cpu")]
[TestFixture("ilgpu-cpu")]
public sealed class ConformanceTests(string deviceName)
{
    [Test]
    public void Every_case_of_the_class_model_passes()
    {
        using var device = Device.Open(deviceName);
        var results = ConformanceSuite.Run(ConformanceFiles.Shipped(), device).ToList();
        Assert.Multiple(() =>
        {
            foreach (var result in results.Where(result => result.Status == CaseStatus.Fail))
                Assert.Fail($"{result.Name}: {result.Worst} is off by {result.Error:E2}, {result.Tolerance:E1} is allowed");
            Assert.That(results.Where(result => result.Status == CaseStatus.Pass).Select(result => result.Name), Is.SupersetOf((string[])
            [
                "optimizer", "c2i/forward_backward", "c2i/train", "c2i/sample", "c2i_rect_post/forward_backward", "c2i_rect_post/train", "c2i_rect_post/sample",
                "modules/tables", "modules/class_embedder", "modules/final_layer", "modules/gelu_mlp", "modules/patch_block", "modules/pixel_block",
                "modules/pixel_block_narrow_attention", "modules/pixel_block_post_modulation", "modules/pixel_token_embedder", "modules/rms_norm",
                "modules/rotary_attention", "modules/swiglu_feed_forward", "modules/timestep_conditioner"
            ]));
            Assert.That(device.Arena.BytesInUse, Is.Zero, "memory is back at its baseline");
        });
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
