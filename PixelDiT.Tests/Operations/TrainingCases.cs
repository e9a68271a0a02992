using PixelDiT.Kernels.Operations;
using PixelDiT.Reference.Oracle;
using static PixelDiT.Tests.Operations.Input;

namespace PixelDiT.Tests.Operations;

/// <summary>Operations of training and sampling, which have no gradient.</summary>
internal static class TrainingCases
{
    public static IEnumerable<OperationCase> All =>
    [
        .. new[] { 1, 3, 17, 257, 5000 }.SelectMany<int, OperationCase>(n => [Path(n), NoisePath(n), Combined(n), Added(n), Filled(n), Norm(n)]),
        Stepped(17, step: 1, clip: 1, decay: 0.1, average: true), Stepped(257, step: 7, clip: 0, decay: 0, average: false),
        Stepped(5000, step: 1000, clip: 100_000, decay: 0.01, average: true), Stepped(1, step: 2, clip: 0.5, decay: 0, average: true),
        Drawn(1), Drawn(7), Drawn(257), Drawn(5000), Counted
    ];

    private static OperationCase Path(int n) => new($"flow_path_3x{n}", typeof(FlowPath))
    {
        Inputs = [Constant("x", [3, n]), Constant("noise", [3, n]), Constant("t", [3]) with { Draw = random => random.NextDouble() }],
        Forward = run =>
        {
            var y = run.Output([2, 3, n]);
            FlowPath.Forward(run.Tensor("x"), run.Tensor("noise"), run.Tensor("t"), y.Value.Slice(0, [3, n]), y.Value.Slice(3 * n, [3, n]));
            return y;
        },
        Oracle = at => [.. Exact.Interpolate(at["x"], at["noise"], at["t"]), .. Exact.Velocity(at["x"], at["noise"])],
        ForwardTolerance = new(2e-7, "two products and a sum")
    };

    private static OperationCase NoisePath(int n) => new($"flow_path_of_levels_3x{n}", typeof(FlowPath))
    {
        Inputs = [Constant("x", [3, n]), Constant("noise", [3, n]), Constant("alpha", [3]) with { Draw = random => random.NextDouble() }, Constant("sigma", [3]) with { Draw = random => random.NextDouble() }],
        Forward = run =>
        {
            var y = run.Output([2, 3, n]);
            FlowPath.Forward(run.Tensor("x"), run.Tensor("noise"), run.Tensor("alpha"), run.Tensor("sigma"), y.Value.Slice(0, [3, n]), y.Value.Slice(3 * n, [3, n]));
            return y;
        },
        Oracle = at =>
        [
            .. at["x"].Select((x, i) => (at["alpha"][i / n] * x) + (at["sigma"][i / n] * at["noise"][i])),
            .. Exact.Velocity(at["noise"], at["x"])
        ],
        ForwardTolerance = new(2e-7, "two products and a sum")
    };

    private static OperationCase Combined(int n) => new($"combine_{n}", typeof(Combine))
    {
        Inputs = [Constant("x", [n]), Constant("z", [n])],
        Forward = run =>
        {
            var y = run.Output([n]);
            Combine.Forward(1.5f, run.Tensor("x"), -0.5f, run.Tensor("z"), y.Value);
            return y;
        },
        Oracle = at => [.. at["x"].Zip(at["z"], (x, z) => 1.5 * x - 0.5 * z)],
        ForwardTolerance = new(2e-7, "two products and a sum")
    };

    private static OperationCase Added(int n) => new($"accumulate_{n}", typeof(Accumulate))
    {
        Inputs = [Activation("x", [n]), Activation("y", [n])],
        Forward = run =>
        {
            var y = run.Output([n], run.Storage);
            y.Value.Clear();
            Accumulate.Forward(run["y"].Value, y.Value);
            Accumulate.Forward(run["x"].Value, y.Value);
            return y;
        },
        Oracle = at => [.. at["x"].Zip(at["y"], (x, y) => x + y)],
        ForwardTolerance = Tolerances.Once,
        StorageTolerance = Tolerances.BFloat16
    };

    private static OperationCase Filled(int n) => new($"fill_{n}", typeof(Fill))
    {
        Inputs = [],
        Forward = run =>
        {
            var y = run.Output([n], run.Storage);
            Fill.Forward(-1.5f, y.Value);
            return y;
        },
        Oracle = _ => [.. Enumerable.Repeat(-1.5, n)],
        ForwardTolerance = new(0, "a number that every storage holds")
    };

    private static OperationCase Norm(int n) => new($"gradient_norm_{n}", typeof(GradientNorm))
    {
        Inputs = [Constant("gradients", [n])],
        Forward = run =>
        {
            var norm = run.Output([1]);
            GradientNorm.Forward(run.Tensor("gradients"), norm.Value);
            return norm;
        },
        Oracle = at => [Exact.GradientNorm([at["gradients"]])],
        ForwardTolerance = Tolerances.Row
    };

    private static OperationCase Stepped(int n, int step, double clip, double decay, bool average)
    {
        const double rate = 1e-2, beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, keep = 0.99;
        string[] names = average ? ["p", "m", "v", "ema"] : ["p", "m", "v"];
        return new($"adamw_{n}_step_{step}", typeof(AdamW))
        {
            Inputs = [Constant("g", [n]), .. names.Select(name => Constant(name, [n]) with { Draw = random => 0.5 + random.NextDouble() })],
            Forward = run =>
            {
                var y = run.Output([names.Length, n]);
                y.Value.Clear();
                var state = names.Select((name, i) => y.Value.Slice(i * n, [n])).ToArray();
                for (int i = 0; i < names.Length; i++) Accumulate.Forward(run.Tensor(names[i]), state[i]);
                var norm = run.Output([1]);
                GradientNorm.Forward(run.Tensor("g"), norm.Value);
                AdamW.Step(
                    state[0], run.Tensor("g"), state[1], state[2], average ? state[3] : null, norm.Value, new AdamWStep(rate, beta1, beta2, epsilon, decay, clip, keep, step));
                return y;
            },
            Oracle = at =>
            {
                double factor = clip > 0 ? Exact.ClipFactor(Exact.GradientNorm([at["g"]]), clip) : 1;
                var (p, m, v) = Exact.AdamW(at["p"], [.. at["g"].Select(g => g * factor)], at["m"], at["v"], step, rate, decay, beta1, beta2, epsilon);
                double[] state = [.. p, .. m, .. v];
                return average ? [.. state, .. Exact.Ema(at["ema"], p, keep)] : state;
            },
            ForwardTolerance = new(5e-7, "some ten roundings, and the norm's")
        };
    }

    private static OperationCase Drawn(int n) => new($"noise_{n}", typeof(Noise))
    {
        Inputs = [],
        Forward = run =>
        {
            var y = run.Output([n]);
            Noise.Fill(y.Value, key: 0x0123456789ABCDEF, stream: 42);
            return y;
        },
        Oracle = _ => [.. PhiloxOracle.Normal(0x0123456789ABCDEF, 42).Take(n)],
        ForwardTolerance = new(1e-6, "an angle of up to 2π, rounded to float32, is off by 5e-7, and a radius multiplies that")
    };

    /// <summary>The words of counters that end in a carry, as fractions of 2²⁴, which float32 holds exactly.</summary>
    private static OperationCase Counted => new("philox", typeof(Philox))
    {
        Inputs = [],
        Forward = run =>
        {
            var y = run.Output([8]);
            y.Value.Upload([.. Enumerable.Range(0, 8).Select(i => Philox.Uniform(ulong.MaxValue - 5, 1UL << 33, 0xFFFFFFFCUL + (ulong)i))]);
            return y;
        },
        Oracle = _ => [.. Enumerable.Range(0, 8).Select(i => (PhiloxOracle.Words(ulong.MaxValue - 5, 1UL << 33, 0xFFFFFFFCUL + (ulong)i)[0] >> 8) / 16777216.0)],
        ForwardTolerance = Tolerances.Exact
    };
}
