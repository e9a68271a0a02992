using System.Runtime.Intrinsics;
using NUnit.Framework;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Cpu;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Reference.Oracle;

namespace PixelDiT.Tests.Machine.Lanes;

/// <summary>A formula that tests run at every width.</summary>
internal interface IFormula
{
    S At<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged;
}

/// <summary>The formulas' stated errors over their whole ranges, and equal bits at every width.</summary>
internal sealed class FormulaTests
{
    private readonly struct Exp : IFormula { public S At<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged => Formulas.Exp<L, S>(x); }

    private readonly struct Sigmoid : IFormula { public S At<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged => Formulas.Sigmoid<L, S>(x); }

    private readonly struct Silu : IFormula { public S At<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged => Formulas.Silu<L, S>(x); }

    private readonly struct SiluDerivative : IFormula { public S At<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged => Formulas.SiluDerivative<L, S>(x); }

    private readonly struct Tanh : IFormula { public S At<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged => Formulas.Tanh<L, S>(x); }

    private readonly struct GeluTanh : IFormula { public S At<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged => Formulas.GeluTanh<L, S>(x); }

    private readonly struct Normal : IFormula { public S At<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged => Formulas.NormalDistribution<L, S>(x, out _); }

    private readonly struct Bell : IFormula
    {
        public S At<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged
        {
            Formulas.NormalDistribution<L, S>(x, out S bell);
            return bell;
        }
    }

    private readonly struct Sine : IFormula { public S At<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged => Formulas.SinCos<L, S>(x, out _); }

    private readonly struct Cosine : IFormula
    {
        public S At<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged
        {
            Formulas.SinCos<L, S>(x, out S cosine);
            return cosine;
        }
    }

    private readonly struct Round : IFormula { public S At<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged => Formulas.Round<L, S>(x); }

    [Test]
    public void Exp_is_within_2e7_relative() => Check<Exp>(-87.3f, 88, Math.Exp, relative: 2e-7);

    /// <summary>A limit that let go of a NaN would make a number of it.</summary>
    [Test]
    public void What_is_no_number_stays_none_at_every_width() => Assert.Multiple(() =>
    {
        StaysNone<Exp>();
        StaysNone<Sigmoid>();
        StaysNone<Silu>();
        StaysNone<SiluDerivative>();
        StaysNone<Normal>();
        StaysNone<Tanh>();
        StaysNone<GeluTanh>();
    });

    private static void StaysNone<TFormula>() where TFormula : struct, IFormula
    {
        float[] x = [.. Enumerable.Repeat(float.NaN, 16)];
        Assert.That(Apply<TFormula>(x), Has.All.NaN, $"{typeof(TFormula).Name}, 1 wide");
        Assert.That(Apply<TFormula, Lanes4, Vector128<float>>(x), Has.All.NaN, $"{typeof(TFormula).Name}, 4 wide");
        if (Vector256.IsHardwareAccelerated) Assert.That(Apply<TFormula, Lanes8, Vector256<float>>(x), Has.All.NaN, $"{typeof(TFormula).Name}, 8 wide");
        if (Vector512.IsHardwareAccelerated) Assert.That(Apply<TFormula, Lanes16, Vector512<float>>(x), Has.All.NaN, $"{typeof(TFormula).Name}, 16 wide");
        Assert.That(ApplyOnThread<TFormula, GpuLanes8, Float8>(x), Has.All.NaN, $"{typeof(TFormula).Name}, 8 on a GPU's thread");
        Assert.That(ApplyOnThread<TFormula, GpuLane, float>(x), Has.All.NaN, $"{typeof(TFormula).Name}, 1 on a GPU's thread");
    }

    [Test]
    public void Log_is_within_3e7_relative()
    {
        double worst = 0;
        for (uint bits = 0x00800000; bits < 0x7F800000; bits += 9973)
        {
            float x = BitConverter.UInt32BitsToSingle(bits);
            double exact = Math.Log(x);
            worst = Math.Max(worst, Math.Abs(Formulas.Log(x) - exact) / Math.Abs(exact));
        }
        TestContext.Out.WriteLine($"{worst:e2}");
        Assert.That(worst, Is.LessThanOrEqualTo(3e-7));
        Assert.That(Formulas.Log(1), Is.Zero);
    }

    /// <summary>All numbers of 24 bits in (0, 1]: those next to 1 are where a card's own logarithm may be positive, and the root of its negative no number.</summary>
    [Test]
    public void Log_of_every_uniform_draw_is_finite_and_not_positive()
    {
        int wrong = 0;
        for (int i = 1; i <= 1 << 24; i++)
        {
            float log = Formulas.Log(i * (1f / 16777216f));
            if (!(log <= 0 && log > -17)) wrong++;
        }
        Assert.That(wrong, Is.Zero);
        for (int i = 1; i <= 1000; i++)
        {
            double exact = Math.Log(1 - (i / 16777216.0));
            Assert.That(Formulas.Log(1 - (i / 16777216f)), Is.EqualTo(exact).Within(3e-7 * Math.Abs(exact)), $"1 - {i}·2⁻²⁴");
        }
    }

    [Test]
    public void Exp_is_limited_beyond_its_range()
    {
        float[] y = Apply<Exp>([-1000, -87.3f, 88, 1000, float.NegativeInfinity, float.PositiveInfinity]);
        Assert.That(new[] { y[0], y[4] }, Is.All.EqualTo(y[1]));
        Assert.That(new[] { y[3], y[5] }, Is.All.EqualTo(y[2]));
    }

    [Test]
    public void Sigmoid_is_within_3e7_relative() => Check<Sigmoid>(-87, 87, x => 1 / (1 + Math.Exp(-x)), relative: 3e-7);

    [Test]
    public void Silu_is_within_36e8_relative() => Check<Silu>(-87, 87, x => x / (1 + Math.Exp(-x)), relative: 3.6e-7);

    // The slope passes through 0 near -1.28, so only its absolute error can be small everywhere.
    [Test]
    public void Silu_slope_is_within_15e7_absolute() => Check<SiluDerivative>(-87, 87, x => (1 + x * (1 - 1 / (1 + Math.Exp(-x)))) / (1 + Math.Exp(-x)), absolute: 1.5e-6);

    [Test]
    public void Tanh_is_within_3e7_relative() => Check<Tanh>(-100, 100, Math.Tanh, relative: 3e-7);

    [Test]
    public void Tanh_of_large_numbers_is_1() => Assert.That(Apply<Tanh>([-1e30f, float.NegativeInfinity, 1e30f, float.PositiveInfinity]), Is.EqualTo(new float[] { -1, -1, 1, 1 }));

    [Test]
    public void Gelu_with_tanh_is_within_3e6_relative() => Check<GeluTanh>(-4, 40, ExactGeluTanh, relative: 3e-6);

    [Test]
    public void Gelu_with_tanh_is_within_1e9_in_its_far_tail() => Check<GeluTanh>(-40, -4, ExactGeluTanh, absolute: 1e-9);

    // x / (1 + e^(−2u)), which is x/2·(1 + tanh(u)) and loses no digits.
    private static double ExactGeluTanh(double x) => x / (1 + Math.Exp(-2 * Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));

    // Without fused multiply-add each step of the polynomials rounds twice.
    [Test]
    public void Normal_distribution_is_within_5e7_relative() => Check<Normal>(-4, 10, x => Exact.Erfc(-x / Math.Sqrt(2)) / 2, relative: CpuVectors.FusedMultiplyAdd ? 5e-7 : 6e-7);

    [Test]
    public void Normal_distribution_is_within_5e7_in_its_far_tail() => Check<Normal>(-40, -4, x => Exact.Erfc(-x / Math.Sqrt(2)) / 2, absolute: 5e-7);

    // x^2/2 rounds by 6e-8 of up to 8, and the exponential turns that into a relative error.
    [Test]
    public void Bell_is_an_exponential_of_a_rounded_square() => Check<Bell>(-4, 4, x => Math.Exp(-x * x / 2), relative: 8e-7);

    [Test]
    public void Sine_is_within_1e7_absolute() => Check<Sine>(-1000, 1000, Math.Sin, absolute: 1.2e-7);

    [Test]
    public void Cosine_is_within_1e7_absolute() => Check<Cosine>(-1000, 1000, Math.Cos, absolute: 1.2e-7);

    [Test]
    public void Round_is_exact() => Check<Round>(-(1 << 22) + 1, (1 << 22) - 1, x => Math.Round(x, MidpointRounding.ToEven), absolute: 0);

    private static void Check<TFormula>(float low, float high, Func<double, double> exact, double relative = 0, double absolute = 0) where TFormula : struct, IFormula
    {
        float[] x = Arguments(low, high), y = Apply<TFormula>(x);
        double worst = 0;
        float where = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double expected = exact(x[i]), error = Math.Abs(y[i] - expected);
            if (relative > 0) error /= Math.Abs(expected);
            if (error <= worst || (error == 0 && relative > 0)) continue;
            (worst, where) = (error, x[i]);
        }
        TestContext.Out.WriteLine($"{worst:e2} at {where}");
        Assert.That(y, Has.None.NaN);
        Assert.That(worst, Is.LessThanOrEqualTo(Math.Max(relative, absolute)), $"at {where}");

        Assert.That(Bits(Apply<TFormula, Lanes4, Vector128<float>>(x)), Is.EqualTo(Bits(y)), "4 wide");
        if (Vector256.IsHardwareAccelerated) Assert.That(Bits(Apply<TFormula, Lanes8, Vector256<float>>(x)), Is.EqualTo(Bits(y)), "8 wide");
        if (Vector512.IsHardwareAccelerated) Assert.That(Bits(Apply<TFormula, Lanes16, Vector512<float>>(x)), Is.EqualTo(Bits(y)), "16 wide");
        // A GPU's bodies round a product before they add to it.
        Assert.That(Bits(ApplyOnThread<TFormula, GpuLanes8, Float8>(x)), Is.EqualTo(Bits(ApplyOnThread<TFormula, GpuLane, float>(x))), "8 on a GPU's thread");
    }

    private static float[] Apply<TFormula>(float[] x) where TFormula : struct, IFormula => Array.ConvertAll(x, value => default(TFormula).At<Lanes1, float>(value));

    private static unsafe float[] Apply<TFormula, L, S>(float[] x) where TFormula : struct, IFormula where L : struct, ICpuLanes<S> where S : unmanaged
    {
        float[] y = new float[x.Length];
        fixed (float* from = x, to = y)
        {
            int i = 0;
            for (; i + L.Count <= x.Length; i += L.Count) L.Store(to + i, default(TFormula).At<L, S>(L.Load(from + i)));
            for (; i < x.Length; i++) to[i] = default(TFormula).At<Lanes1, float>(from[i]);
        }
        return y;
    }

    private static unsafe float[] ApplyOnThread<TFormula, L, S>(float[] x) where TFormula : struct, IFormula where L : struct, ILanes<S> where S : unmanaged
    {
        float[] y = new float[x.Length / 8 * 8];
        fixed (float* from = x, to = y)
        {
            for (int i = 0; i < y.Length; i += L.Count) L.Store(new DeviceView<float>(to), i, default(TFormula).At<L, S>(L.Load(new DeviceView<float>(from), i)));
        }
        return y;
    }

    /// <summary>Numbers evenly spread, numbers spread by their exponents, the whole ones and the ends.</summary>
    private static float[] Arguments(float low, float high)
    {
        var random = new Random(1);
        var even = Enumerable.Range(0, 100_000).Select(_ => (float)(low + ((high - (double)low) * random.NextDouble())));
        var small = Enumerable.Range(0, 50_000).Select(_ => (float)((random.Next(2) * 2 - 1) * Math.Pow(2, 50 * random.NextDouble() - 40)));
        var whole = Enumerable.Range(-2000, 4001).Select(i => i / 2f);
        return [.. even.Concat(small).Concat(whole).Append(0f).Where(x => x >= low && x <= high), low, high];
    }

    private static uint[] Bits(float[] values) => Array.ConvertAll(values, BitConverter.SingleToUInt32Bits);
}
