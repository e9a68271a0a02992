using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Oracle;
using static PixelDiT.Tests.Operations.Input;

namespace PixelDiT.Tests.Operations;

/// <summary>CAME's step from moments that hold something, and the factor of clipped gradients.</summary>
internal static class CameCases
{
    private const double Rate = 1e-2, Beta1 = 0.9, Beta2 = 0.99, Beta3 = 0.95, Epsilon1 = 1e-12, Epsilon2 = 1e-8, Factor = 0.75;

    // The whole state is one output, measured over its largest magnitude: parameters near 1.
    private static readonly Tolerance s_step = new(1e-6, "sums along rows and columns, four roots, and some twenty products and quotients of a few u each");

    public static IEnumerable<OperationCase> All =>
    [
        .. (((int Rows, int Columns)[])[(1, 1), (1, 6), (9, 1), (5, 7), (3, 257), (257, 3), (17, 5000), (700, 17)]).Select(size => Matrix(size.Rows, size.Columns, clip: 1, decay: 0)),
        Matrix(17, 64, clip: 0.01, decay: 0.1),
        .. new[] { 1, 11, 257, 5000 }.Select(n => Plain(n, clip: 1, decay: 0)),
        Plain(48, clip: 0.01, decay: 0.1),
        Clipped("below", 0.5, 1), Clipped("above", 20, 0.2), Clipped("off", 20, 0)
    ];

    private static OperationCase Matrix(int rows, int columns, double clip, double decay)
    {
        int n = rows * columns;
        string[] names = ["p", "m", "r", "c", "rr", "cc", "rms"];
        int[] sizes = [n, n, rows, columns, rows, columns, 1];
        return new($"came_{rows}x{columns}{(decay > 0 ? "_decay" : "")}", typeof(Came))
        {
            Inputs = [Constant("g", [rows, columns]), Constant("factor", [1]) with { Draw = _ => Factor }, .. names.Zip(sizes, State)],
            Forward = run => Stepped(run, names, sizes, state =>
            {
                var factors = new CameFactors(state[2], state[3], state[4], state[5]);
                Came.Step(state[0].Reshape([rows, columns]), run.Tensor("g"), run.Tensor("factor"), new CameState(state[1], state[6]) { Factors = factors }, Numbers(clip, decay));
            }),
            Oracle = at =>
            {
                var (p, m, (r, c, rr, cc)) = Exact.CameMatrix(
                    at["p"], Gradient(at), at["m"], (at["r"], at["c"], at["rr"], at["cc"]), Rate, decay, (Beta1, Beta2, Beta3), (Epsilon1, Epsilon2), clip);
                return [.. p, .. m, .. r, .. c, .. rr, .. cc, RootMeanSquare(at["p"])];
            },
            ForwardTolerance = s_step
        };
    }

    private static OperationCase Plain(int n, double clip, double decay)
    {
        string[] names = ["p", "m", "v", "rms"];
        int[] sizes = [n, n, n, 1];
        return new($"came_{n}{(decay > 0 ? "_decay" : "")}", typeof(Came))
        {
            Inputs = [Constant("g", [n]), Constant("factor", [1]) with { Draw = _ => Factor }, .. names.Zip(sizes, State)],
            Forward = run => Stepped(run, names, sizes, state => Came.Step(
                state[0], run.Tensor("g"), run.Tensor("factor"), new CameState(state[1], state[3]) { Second = state[2] }, Numbers(clip, decay))),
            Oracle = at =>
            {
                var (p, m, v) = Exact.CamePlain(at["p"], Gradient(at), at["m"], at["v"], Rate, decay, (Beta1, Beta2), Epsilon1, clip);
                return [.. p, .. m, .. v, RootMeanSquare(at["p"])];
            },
            ForwardTolerance = s_step
        };
    }

    private static OperationCase Clipped(string name, double norm, double clip) => new($"clip_factor_{name}", typeof(ClipFactor))
    {
        Inputs = [Constant("norm", [1]) with { Draw = _ => norm }],
        Forward = run =>
        {
            var factor = run.Output([1]);
            ClipFactor.Forward(run.Tensor("norm"), clip, factor.Value);
            return factor;
        },
        Oracle = at => [clip > 0 ? Exact.ClipFactor(at["norm"][0], clip) : 1],
        ForwardTolerance = new(2e-7, "a sum and a quotient")
    };

    private static Input State(string name, int size) => Constant(name, [size]) with { Draw = random => 0.5 + random.NextDouble() };

    private static CameStep Numbers(double clip, double decay) => new(Rate, Beta1, Beta2, Beta3, Epsilon1, Epsilon2, clip, decay);

    private static double[] Gradient(OperationValues at) => [.. at["g"].Select(g => g * at["factor"][0])];

    private static double RootMeanSquare(double[] x) => Math.Sqrt(x.Average(value => value * value));

    /// <summary>Copies the state into one output, a tensor after the other, and steps there.</summary>
    private static Reference.Autodiff.Variable Stepped(OperationRun run, string[] names, int[] sizes, Action<Tensor[]> step)
    {
        var y = run.Output([sizes.Sum()]);
        y.Value.Clear();
        var state = new Tensor[sizes.Length];
        for (int i = 0, first = 0; i < sizes.Length; first += sizes[i++])
        {
            state[i] = y.Value.Slice(first, [sizes[i]]);
            Accumulate.Forward(run.Tensor(names[i]), state[i]);
        }
        step(state);
        return y;
    }
}
