using NUnit.Framework;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;

namespace PixelDiT.Tests.Operations;

/// <summary>Gradients of parameters are always added to; gradients of activations are added to by every consumer but the first.</summary>
internal sealed class OperationAccumulationTests
{
    /// <summary>What is there takes part in the rounding of each partial sum.</summary>
    private const double Rounding = 1e-6;

    [TestCaseSource(typeof(OperationCases), nameof(OperationCases.WithGradients))]
    public void Parameter_gradients_are_added_to(OperationCase row)
    {
        var parameters = row.Inputs.Where(input => input.Role == Role.Parameter).ToList();
        if (parameters.Count == 0) return;
        using var run = new OperationRun(row, OperationDevices.Cpu, row.Draw());
        run.Backward(row.Forward(run));
        var once = parameters.ToDictionary(input => input.Name, run.Gradient);
        // A second step on fresh leaves, with what the first has left in the parameters.
        using var again = new OperationRun(row, OperationDevices.Cpu, row.Draw());
        foreach (var input in parameters) again.Parameter(input.Name).Gradient!.Upload(once[input.Name]);
        again.Backward(row.Forward(again));
        foreach (var input in parameters)
        {
            float[] twice = [.. once[input.Name].Select(value => 2 * value)];
            double scale = input.Vanishes ? 1 : 0;
            Assert.That(Distance.Largest(again.Gradient(input), twice, scale), Is.LessThanOrEqualTo(Rounding), input.Name);
        }
    }

    private static IEnumerable<TestCaseData> Shared => Activations(shared: true);

    private static IEnumerable<TestCaseData> Alone => Activations(shared: false);

    private static IEnumerable<TestCaseData> Activations(bool shared) => OperationCases.WithGradients.SelectMany(row => row.Inputs
        .Where(input => input.HasGradient && input.Role != Role.Parameter && input.Shared == shared)
        .Select(input => new TestCaseData(row, input).SetArgDisplayNames(row.Name, input.Name)));

    [TestCaseSource(nameof(Shared))]
    public void A_second_consumer_of_an_activation_adds(OperationCase row, Input input)
    {
        using var run = new OperationRun(row, OperationDevices.Cpu, row.Draw());
        float[] alone = OperationRun.Execute(row, OperationDevices.Cpu).Gradients[input.Name];
        float[] other = WithAnotherConsumer(row, run, input);
        float[] both = [.. alone.Zip(other, (a, b) => a + b)];
        Assert.That(Distance.Largest(run.Gradient(input), both), Is.LessThanOrEqualTo(Rounding));
    }

    [TestCaseSource(nameof(Alone))]
    public void A_second_consumer_is_refused_where_the_gradient_is_written_whole_or_in_parts(OperationCase row, Input input)
    {
        using var run = new OperationRun(row, OperationDevices.Cpu, row.Draw());
        Assert.That(() => WithAnotherConsumer(row, run, input), Throws.InvalidOperationException.With.Message.Contains("writer"));
    }

    /// <summary>Runs a row whose input has, further on, a consumer that has written a gradient already; returns that gradient.</summary>
    private static float[] WithAnotherConsumer(OperationCase row, OperationRun run, Input input)
    {
        var output = row.Forward(run);
        var variable = run[input.Name];
        float[] written = [.. Enumerable.Range(0, (int)variable.Value.Count).Select(i => (i % 5) - 2f)];
        var end = run.Tape.Output(output.Shape, ElementType.Single, requiresGradient: true);
        run.Tape.Push(end, _ =>
        {
            run.Tape.Target(variable, out bool accumulate)!.Upload(written);
            Assert.That(accumulate, Is.False);
            run.Tape.Pass(end, output);
        });
        end.Value.Clear();
        Accumulate.Forward(output.Value, end.Value);
        run.Backward(end);
        return written;
    }
}
