using System.Globalization;
using NUnit.Framework;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Commands;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Docs;

/// <summary>The page of ablations: its figures are the program's, and its configs are ones that train takes.</summary>
public sealed class AblationPageTests
{
    private static string Root => Repository.Root ?? throw new IgnoreException("the tests do not run in their repository");

    private static string Page => File.ReadAllText(Path.Combine(Root, "docs", "ablations.md"));

    private static string Number(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    [Test]
    public void Figures_of_XL_are_those_of_the_program()
    {
        // A program of its own: a table is written to the console that was there when the first one was.
        var info = PixelDiTProgram.Run(Root, "info", "--preset", "XL");
        Assert.That((info.ExitCode, info.Error), Is.EqualTo((0, "")));
        foreach (var kind in Enum.GetValues<PixelLevelKind>())
        {
            var config = Presets.Get("XL").With(kind);
            string parameters = Number($"{ModelCost.Parameters(config):N0}"), gigaflops = Number($"{ModelCost.ForwardFlops(config, 1, 256, 256) / 1e9:N3}");
            Assert.That(Page, Does.Contain($"| `{kind.Name}` | {parameters} | {ModelCost.Tensors(config)} | {gigaflops} |"));
            Assert.That(info.Output, Does.Match($"{kind.Name} .* {parameters} .* {gigaflops} "));
        }
    }

    [TestCase("patch-only", PixelLevelKind.None), TestCase("no-pixel-adaln", PixelLevelKind.PatchAdaLN), TestCase("no-compaction", PixelLevelKind.NoCompaction), TestCase("full", PixelLevelKind.Full)]
    public void A_config_trains_its_model_and_the_page_says_what_it_costs(string name, PixelLevelKind kind)
    {
        using var folder = new TemporaryFolder();
        string run = Path.Combine(folder.Path, "run"), file = Path.Combine(Root, "docs", "configs", $"ablation-{name}.json");
        var train = PixelDiTProgram.RunHere(["train", "--config", file, "--steps", "2", "--warmup", "1", "--sample-steps", "0", "--device", "cpu", "--out", run]);
        Assert.That(train.ExitCode, Is.Zero, train.Error);
        using var stored = StoredModel.Open(run);
        var config = stored.Info.Config;
        Assert.That(config.PixelLevel, Is.EqualTo(kind));
        var size = stored.Info.Size!.Value;
        Assert.That(Page, Does.Contain(Number($"| [{name}](configs/ablation-{name}.json) | {ModelCost.Parameters(config):N0} | {ModelCost.ForwardFlops(config, 1, size.Height, size.Width) / 1e9:F5} |")));
        Assert.That(PixelDiTProgram.RunHere(["info", run]).Output, Does.Contain(Number($"{ModelCost.Parameters(config):N0} parameters")).And.Contain(Number($"{ModelCost.ForwardFlops(config, 1, size.Height, size.Width) / 1e9:F5} GFLOP")));
    }

    [Test]
    public void The_four_configs_differ_in_the_pixel_level_alone()
    {
        string[][] lines = [.. Directory.GetFiles(Path.Combine(Root, "docs", "configs"), "ablation-*.json").Select(File.ReadAllLines)];
        Assert.That(lines, Has.Length.EqualTo(4));
        string[] common = [.. lines[0].Where(line => !line.Contains("pixel-") && !line.Contains("patch-depth"))];
        foreach (string[] other in lines) Assert.That(other.Where(line => !line.Contains("pixel-") && !line.Contains("patch-depth")), Is.EqualTo(common));
    }
}
