using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>The numbers of one CAME step.</summary>
/// <param name="LearningRate">lr.</param>
/// <param name="Beta1">Decay of the mean of updates.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Beta3">Decay of the residual's moment.</param>
/// <param name="Epsilon1">Added to squared gradients.</param>
/// <param name="Epsilon2">Added to squared residuals.</param>
/// <param name="UpdateClip">The largest root mean square of a tensor's update.</param>
/// <param name="WeightDecay">Decoupled decay.</param>
public readonly record struct CameStep(
    double LearningRate, double Beta1, double Beta2, double Beta3, double Epsilon1, double Epsilon2, double UpdateClip, double WeightDecay);

/// <summary>What CAME keeps of one parameter of n elements, float32, zero before the first step: matrices [R, C] keep rows and columns, others the whole second moment.</summary>
/// <param name="Mean">m [n], the mean of updates.</param>
/// <param name="Rms">[1], the root mean square of the parameter before the last step; written, never read.</param>
public sealed record CameState(Tensor Mean, Tensor Rms)
{
    /// <summary>v [n] of a parameter that is no matrix; else null.</summary>
    public Tensor? Second { get; init; }

    /// <summary>r [R], c [C] and those of the residual of a matrix; else null.</summary>
    public CameFactors? Factors { get; init; }
}

/// <summary>A matrix's moments by rows and columns.</summary>
/// <param name="Rows">r [R], the second moment's means over a row.</param>
/// <param name="Columns">c [C], its means over a column.</param>
/// <param name="ResidualRows">rr [R], the residual's means over a row.</param>
/// <param name="ResidualColumns">cc [C], its means over a column.</param>
public sealed record CameFactors(Tensor Rows, Tensor Columns, Tensor ResidualRows, Tensor ResidualColumns);

/// <summary>
/// CAME (Luo et al., ACL 2023) in the authors' variant, one parameter p at a time; mix(a, β, x) = βa + (1 − β)x, and nothing corrects for moments that begin at 0:
/// <code>
/// g ·= factor                                   q = g² + ε₁
/// matrix    r = mix(r, β₂, row means of q)      c = mix(c, β₂, column means of q)      u_ij = g_ij / √(r_i/mean(r)) / √c_j
/// else      v = mix(v, β₂, q)                                                          u = g/√v
/// u /= max(1, rms(u)/clip)                      m = mix(m, β₁, u)
/// matrix    z = (u − m)² + ε₂                   rr, cc = mix(…, β₃, means of z)        d_ij = m_ij / √(rr_i/mean(rr)) / √cc_j
/// else      d = m
/// p ·= 1 − lr·wd                                p −= lr·d
/// </code>
/// The update u is computed again where it is needed, so a step leaves the gradient as it was and needs no memory of the parameter's size.
/// </summary>
public static partial class Came
{
    /// <summary>Whether a parameter keeps rows and columns: matrices, and convolutions of 1×1 as [out, in].</summary>
    public static bool IsFactored(Shape shape) => shape.Rank == 2 || (shape.Rank == 4 && shape[2] == 1 && shape[3] == 1);

    /// <summary>Rows and columns of a factored parameter.</summary>
    public static (int Rows, int Columns) Matrix(Shape shape) => (shape[0], shape[1]);

    /// <summary>One step of a parameter and its state, all float32.</summary>
    /// <param name="parameter">p, of any shape.</param>
    /// <param name="gradient">g, the same count; unchanged.</param>
    /// <param name="factor">[1], what the gradient is multiplied by (<see cref="ClipFactor"/>).</param>
    /// <param name="state">The parameter's state, factored where <see cref="IsFactored"/>.</param>
    /// <param name="step">The numbers.</param>
    /// <exception cref="ShapeException">A count does not fit, or the state is of the other form.</exception>
    public static void Step(Tensor parameter, Tensor gradient, Tensor factor, CameState state, CameStep step)
    {
        parameter.RequireSameCount(gradient, state.Mean, state.Second);
        factor.RequireCountOf("a gradient's factor", 1);
        state.Rms.RequireCountOf("a root mean square", 1);
        if (IsFactored(parameter.Shape) ? state.Factors is null : state.Second is null) throw new ShapeException($"the state of a parameter {parameter.Shape} is of the wrong form: a matrix keeps rows and columns, others a whole second moment");
        Reduction.Reduce(parameter.Device, new GradientNorm.SquareTerm(parameter.View<float>()), parameter.Count, new RootMean(state.Rms.View<float>(), 1f / parameter.Count));
        var clipped = new Gradient(gradient.View<float>(), factor.View<float>());
        if (state.Factors is { } factors && IsFactored(parameter.Shape)) StepMatrix(parameter, clipped, state.Mean, factors, step);
        else StepPlain(parameter, clipped, state.Mean, state.Second!, step);
    }

    private static void StepPlain(Tensor parameter, Gradient gradient, Tensor mean, Tensor second, CameStep step)
    {
        var device = parameter.Device;
        using var scale = device.Allocate([1]);
        Map.Launch(device, new PlainMomentEach(gradient, second.View<float>(), step), parameter.Count);
        Reduction.Reduce(device, new PlainUpdateTerm(gradient, second.View<float>()), parameter.Count, new UpdateScale(scale.View<float>(), 1f / parameter.Count, (float)step.UpdateClip));
        Map.Launch(device, new PlainStepEach(parameter.View<float>(), gradient, mean.View<float>(), second.View<float>(), scale.View<float>(), step), parameter.Count);
    }

    /// <summary>The gradient times its factor.</summary>
    internal readonly struct Gradient(DeviceView<float> values, DeviceView<float> factor)
    {
        private readonly DeviceView<float> _values = values, _factor = factor;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => L.Multiply(L.Load(_values, i), L.Set(Scalar.Read(_factor, 0)));

        /// <summary>g² + ε.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S SquareAt<L, S>(long i, float epsilon) where L : struct, ILanes<S> where S : unmanaged
        {
            S g = At<L, S>(i);
            return L.MultiplyAdd(g, g, L.Set(epsilon));
        }
    }

    /// <summary>v = mix(v, β₂, g² + ε₁).</summary>
    internal readonly struct PlainMomentEach(Gradient gradient, DeviceView<float> second, CameStep step) : IEach
    {
        private readonly Gradient _gradient = gradient;
        private readonly DeviceView<float> _second = second;
        private readonly float _epsilon = (float)step.Epsilon1, _keep = (float)step.Beta2, _new = (float)(1 - step.Beta2);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            => L.Store(_second, i, L.Add(L.Multiply(L.Load(_second, i), L.Set(_keep)), L.Multiply(_gradient.SquareAt<L, S>(i, _epsilon), L.Set(_new))));
    }

    /// <summary>(g/√v)².</summary>
    internal readonly struct PlainUpdateTerm(Gradient gradient, DeviceView<float> second) : ITerm
    {
        private readonly Gradient _gradient = gradient;
        private readonly DeviceView<float> _second = second;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
        {
            S u = L.Divide(_gradient.At<L, S>(i), L.Sqrt(L.Load(_second, i)));
            return L.Multiply(u, u);
        }
    }

    /// <summary>m = mix(m, β₁, u); p ·= 1 − lr·wd; p −= lr·m.</summary>
    internal readonly struct PlainStepEach(
        DeviceView<float> parameter, Gradient gradient, DeviceView<float> mean, DeviceView<float> second, DeviceView<float> scale, CameStep step) : IEach
    {
        private readonly DeviceView<float> _parameter = parameter, _mean = mean, _second = second, _scale = scale;
        private readonly Gradient _gradient = gradient;
        private readonly float _keep = (float)step.Beta1, _new = (float)(1 - step.Beta1);
        private readonly float _rate = (float)step.LearningRate, _keepParameter = (float)(1 - (step.LearningRate * step.WeightDecay));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
        {
            S u = L.Multiply(L.Divide(_gradient.At<L, S>(i), L.Sqrt(L.Load(_second, i))), L.Set(Scalar.Read(_scale, 0)));
            S m = L.Add(L.Multiply(L.Load(_mean, i), L.Set(_keep)), L.Multiply(u, L.Set(_new)));
            L.Store(_mean, i, m);
            L.Store(_parameter, i, L.Subtract(L.Multiply(L.Load(_parameter, i), L.Set(_keepParameter)), L.Multiply(m, L.Set(_rate))));
        }
    }

    /// <summary>The values themselves.</summary>
    internal readonly struct ValueTerm(DeviceView<float> values) : ITerm
    {
        private readonly DeviceView<float> _values = values;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => L.Load(_values, i);
    }

    /// <summary>√ of a mean.</summary>
    internal readonly struct RootMean(DeviceView<float> result, float inverseCount) : ITotal
    {
        private readonly DeviceView<float> _result = result;
        private readonly float _inverseCount = inverseCount;

        public void Write(float sum) => Scalar.Write(_result, 0, MathF.Sqrt(sum * _inverseCount));
    }

    /// <summary>1/max(1, rms/clip) of the sum of u².</summary>
    internal readonly struct UpdateScale(DeviceView<float> result, float inverseCount, float clip) : ITotal
    {
        private readonly DeviceView<float> _result = result;
        private readonly float _inverseCount = inverseCount, _clip = clip;

        public void Write(float sum)
        {
            float over = MathF.Sqrt(sum * _inverseCount) / _clip;
            Scalar.Write(_result, 0, over > 1f ? 1f / over : 1f);
        }
    }
}
