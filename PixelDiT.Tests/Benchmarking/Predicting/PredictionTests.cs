using NUnit.Framework;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations.Products;
using PixelDiT.Reference.Benchmarking.Predicting;
using PixelDiT.Reference.Models;
using PixelDiT.Tests.Commands;
using PixelDiT.Tests.Docs;

namespace PixelDiT.Tests.Benchmarking.Predicting;

/// <summary>What arithmetic says of a card: it must tell what others have measured, and the page of predictions has the numbers that the program has.</summary>
internal sealed class PredictionTests
{
    private static string Page => File.ReadAllText(Path.Combine(Repository.Root ?? throw new IgnoreException("the tests do not run in their repository"), "docs", "predictions.md"));

    [TestCase("XL", 256, 8), TestCase("XL", 256, 32), TestCase("XL", 256, 64), TestCase("T2I", 1024, 8), TestCase("T2I", 1024, 32), TestCase("T2I", 1024, 64)]
    public void The_page_has_the_totals_of_a_training_step(string model, int resolution, int batch) => Assert.That(Page, Does.Contain(new WaveTable(model, batch, resolution, CardModel.H200).Total));

    [Test]
    public void Products_of_a_training_step_use_the_card()
    {
        var table = new WaveTable("XL", 32, 256, CardModel.H200);
        Assert.That(table.Share, Is.GreaterThan(0.95));
        Assert.That(table.ShareBefore, Is.EqualTo(0.766).Within(0.01), "what a review found");
        Assert.That(table.Tflops / CardModel.H200.SustainedTflops, Is.GreaterThan(0.85));
        Assert.That(table.Teraflops, Is.EqualTo(28.9).Within(0.3), "what a review found");
        foreach (string line in table.Lines) Assert.That(Page, Does.Contain(line));
    }

    [Test]
    public void The_arithmetic_tells_what_was_measured()
    {
        foreach (var step in ProductLadder.All) Assert.That(Page, Does.Contain(step.Line));
        // The library's rate is where the model has its power limit from; the fifth is told too, and is the worst.
        foreach (double measured in (double[])[488.5, 635.4, 777.5, 797.8]) Assert.That(Math.Abs(ProductLadder.All.Single(step => step.Measured == measured).Error), Is.LessThan(0.1), $"{measured}");
    }

    [TestCase(8192, 1152, 1152, 192, 192, 1), TestCase(8192, 3072, 1152, 128, 256, 1), TestCase(32, 6912, 1152, 64, 128, 1)]
    public void A_tile_is_chosen_by_shape(int m, int n, int k, int rows, int columns, int slices) => Assert.That(TilePlan.For(new ProductShape(m, n, k), CardModel.H200), Is.EqualTo(new TilePlan(rows, columns, slices)));

    /// <summary>The plan cannot choose a kernel that there is not: every tile of each kind of product is in the catalog.</summary>
    [Test]
    public void Every_plan_has_its_kernel([Values(1, 40, 64, 65, 300, 8192)] int m, [Values(200, 1152, 24576)] int n, [Values(128, 1152, 8192)] int k, [Values(1, 3, 114, 132)] int multiprocessors)
    {
        var card = CardModel.H200 with { Multiprocessors = multiprocessors };
        foreach (var shape in (ProductShape[])[new(m, n, k), new(m, n, k, HasOperands: true), new(m, n, k, IsSliced: true), new(m, n, k, IsSliced: true, IsSingle: true)])
        {
            var plan = TilePlan.For(shape, card);
            string tile = $"Tile{plan.Rows}x{plan.Columns}";
            Assert.That(PersistentProduct.Kernels.Where(kernel => kernel.GetGenericArguments() is var a && a[0].Name == tile
                && (shape.HasOperands ? a[4].Name.StartsWith("Gate") : a[4] == typeof(IdentityEpilogue)) && (shape.IsSingle ? a[1].Name == "MNMajor" : a[1].Name == "KMajor")
                && (shape is { IsSliced: true, IsSingle: false } ? a[2].Name == "MNMajor" : shape.IsSingle || a[2].Name == "KMajor")), Is.Not.Empty, $"{shape}: {plan}");
            Assert.That(plan.SliceDepth(shape) * plan.Slices, Is.GreaterThanOrEqualTo(k));
        }
    }

    [TestCase("XL", 256, 32), TestCase("XL", 512, 8), TestCase("T2I", 1024, 4)]
    public void The_page_has_the_memory_of_a_training_step(string model, int resolution, int batch)
        => Assert.That(Page, Does.Contain(StepMemoryParts.For(Presets.Get(model), resolution, Precision.BFloat16).Line($"{model} {resolution}²", batch)));

    [Test]
    public void The_program_shows_them_too()
    {
        var shown = PixelDiTProgram.Run(Path.GetTempPath(), "kernels", "--waves", "XL", "--batch", "8");
        Assert.That((shown.ExitCode, shown.Error), Is.EqualTo((0, "")));
        Assert.That(shown.Output, Does.Contain(new WaveTable("XL", 8, 256, CardModel.H200).Total));
        var refused = PixelDiTProgram.Run(Path.GetTempPath(), "kernels", "--waves", "XL", "--resolution", "100");
        Assert.That(refused.ExitCode, Is.EqualTo(1));
        Assert.That(refused.Error, Does.Contain("--resolution is 100; XL takes multiples of 16"));
    }
}
