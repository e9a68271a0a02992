using PixelDiT.Kernels;
using PixelDiT.Reference.Editing;

namespace PixelDiT.Reference.Oracle;

/// <summary>A step of <see cref="ExactFlowEdit"/>.</summary>
/// <param name="State">The state that it arrived at.</param>
/// <param name="Velocity">What was multiplied by the step and added.</param>
public sealed record ExactEditStep(double[] State, double[] Velocity);

/// <summary>FlowEdit (Kulikov et al., algorithm 1) in double precision, in the convention of the text model: what <see cref="FlowEdit"/> is compared with.</summary>
public static class ExactFlowEdit
{
    /// <summary>Edits an image or a batch.</summary>
    /// <param name="source">x, of any length.</param>
    /// <param name="config">The settings; the time shift is not looked at.</param>
    /// <param name="levels">σ, [n + 1], falling to 0.</param>
    /// <param name="velocity">ε − x as a model has it, of a state at σ.</param>
    /// <param name="noise">The next draw of ε, as long as x.</param>
    /// <returns>The steps that are made, in their order; none leave x as it is.</returns>
    /// <exception cref="ConfigurationException">A setting is out of range.</exception>
    public static IReadOnlyList<ExactEditStep> Run(double[] source, FlowEditConfig config, IReadOnlyList<double> levels, Func<double[], double, EditSide, double[]> velocity, Func<double[]> noise)
    {
        config.Validate();
        var steps = new List<ExactEditStep>();
        double[] state = source;
        for (int i = 0; i < config.Steps; i++)
        {
            int left = config.Steps - i;
            double sigma = levels[i];
            if (left > config.MaxSteps) continue;
            double[] applied;
            if (left > config.MinSteps)
            {
                applied = new double[source.Length];
                for (int k = 0; k < config.Draws; k++)
                {
                    double[] noisy = At(source, noise(), sigma), moved = Sum(noisy, Difference(state, source));
                    double[] change = Difference(Guided(moved, sigma, EditSide.Target, config.Guidance), Guided(noisy, sigma, EditSide.Source, config.SourceGuidance));
                    applied = Sum(applied, change);
                }
                applied = Array.ConvertAll(applied, value => value / config.Draws);
            }
            else
            {
                // Ordinary sampling begins at the edited image with noise.
                if (left == config.MinSteps || steps.Count == 0) state = Sum(At(source, noise(), sigma), Difference(state, source));
                applied = Guided(state, sigma, EditSide.Target, config.Guidance);
            }
            double step = levels[i + 1] - sigma;
            state = [.. state.Zip(applied, (value, change) => value + (step * change))];
            steps.Add(new(state, applied));
        }
        return steps;

        double[] Guided(double[] x, double sigma, EditSide side, double guidance)
        {
            double[] conditional = velocity(x, sigma, side), unconditional = velocity(x, sigma, EditSide.Unconditional);
            return [.. unconditional.Zip(conditional, (u, c) => u + (guidance * (c - u)))];
        }
    }

    private static double[] At(double[] x, double[] noise, double sigma) => [.. x.Zip(noise, (value, epsilon) => ((1 - sigma) * value) + (sigma * epsilon))];

    private static double[] Sum(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

    private static double[] Difference(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x - y)];
}
