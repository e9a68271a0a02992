using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Oracle.Comparing;
using PixelDiT.Reference.Oracle.Comparing.Hints;
using PixelDiT.Reference.Oracle.Conformance;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit compare</c>: the first tensor of another implementation that is wrong, and how.</summary>
internal static class CompareCommand
{
    public static Command Create()
    {
        var reference = new Argument<string>("A") { Description = "The reference: what trace wrote, or the forward_backward file of a conformance case." };
        var other = new Argument<string>("B") { Description = "The same tensors of another implementation: safetensors of any precision, or a PyTorch file." };
        Option<string?> map = new("--map") { Description = "Lines 'theirs = ours' that rename B's tensors, with *; or a JSON object.", HelpName = "FILE" };
        Option<string?> model = new("--model") { Description = "A's model file: hints then compute stages again with the faults that ports have.", HelpName = "FILE" };
        // What --model was called before a model could hold several sets of weights.
        Option<string?> former = new("--weights") { Hidden = true, HelpName = "FILE" };
        var choice = Cli.Weights("--model-weights");
        var tolerance = Cli.Number("--tolerance", FormattableString.Invariant($"For activations, output and loss: the largest difference over the largest magnitude; where it is not given, {ConformanceTolerances.Single.TextActivation:0e-0} for text-to-image models."), ConformanceTolerances.Single.Activation);
        var gradients = Cli.Number("--gradient-tolerance", FormattableString.Invariant($"The same for gradients, {ConformanceTolerances.Single.TextGradient:0.0e-0}; the norm of all may differ by 2.5 times as much."), ConformanceTolerances.Single.Gradient);
        Option<bool> all = new("--all") { Description = "Print every tensor, not only those around the first difference, and the root mean square of its difference over that of A's tensor." };
        var command = new Command("compare", "Name the first tensor, in the order of execution, that differs between two traces. Exit code 1 on a difference.")
        {
            reference, other, map, model, former, choice, tolerance, gradients, all
        };
        command.SetRun((parsed, cancel) =>
        {
            var limits = (Activations: Positive("tolerance", parsed.GetValue(tolerance)), Gradients: Positive("gradient-tolerance", parsed.GetValue(gradients)));
            using var a = WeightFile.Open(parsed.GetRequiredValue(reference));
            using var b = WeightFile.Open(parsed.GetRequiredValue(other));
            var names = parsed.GetValue(map) is { } path ? NameMap.Open(path) : null;
            if (parsed.GetValue(model) is not null && parsed.GetValue(former) is not null) throw new ConfigurationException("--weights is the former name of --model; give one of them");
            using var stored = (parsed.GetValue(model) ?? parsed.GetValue(former)) is { } file ? StoredModel.Open(file, parsed.GetValue(choice)) : null;
            if (stored is not null) WeightsReport.SayTaken(stored);
            TraceFile left = new(a), right = new(b, names);
            var standard = new TraceComparison(left, right);
            var comparison = new TraceComparison(left, right)
            {
                Tolerance = Cli.IsGiven(parsed, tolerance) ? limits.Activations : standard.Tolerance,
                GradientTolerance = Cli.IsGiven(parsed, gradients) ? limits.Gradients : standard.GradientTolerance,
                Model = stored is null ? null : new StageModel(stored.Info.Config, stored.ReadWidened)
            };
            var result = comparison.Run(cancel);
            CompareReport.Print(result, parsed.GetValue(all), stored is not null);
            return result.First is null ? 0 : 1;
        });
        return command;
    }

    private static double Positive(string option, double value)
        => value >= 0 ? value : throw new ConfigurationException(FormattableString.Invariant($"{option} is {value}; it must be 0 or more"));
}
