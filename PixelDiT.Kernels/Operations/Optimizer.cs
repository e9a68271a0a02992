using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>The norm of all gradients together (SPEC §4): norm [1] = √Σ g².</summary>
public static class GradientNorm
{
    /// <summary>norm [1].</summary>
    public static void Forward(Tensor gradients, Tensor norm)
        => Reduction.Reduce(gradients.Device, new SquareTerm(gradients.View<float>()), gradients.Count, new Reduction.Root(norm.View<float>()));

    /// <summary>The numbers of a part whose sum is taken by itself.</summary>
    public const int PartLength = Reduction.Chunk;

    /// <summary>Σ g² of each part of <see cref="PartLength"/> gradients: what <see cref="Forward"/> adds, so that parts may be computed in several places.</summary>
    /// <param name="gradients">Gradients that begin with a part.</param>
    /// <param name="sums">[parts], written.</param>
    public static void Parts(Tensor gradients, Tensor sums)
    {
        sums.RequireCountOf("sums of parts", Reduction.ChunksOf(gradients.Count));
        Reduction.Chunks(gradients.Device, new SquareTerm(gradients.View<float>()), gradients.Count, sums);
    }

    /// <summary>norm [1] from the sums of all parts in their order.</summary>
    public static void FromParts(Tensor sums, Tensor norm) => Reduction.Total(sums.Device, sums, new Reduction.Root(norm.View<float>()));

    internal readonly struct SquareTerm(DeviceView<float> gradients) : ITerm
    {
        private readonly DeviceView<float> _gradients = gradients;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
        {
            S g = L.Load(_gradients, i);
            return L.Multiply(g, g);
        }
    }
}

/// <summary>What clipping multiplies every gradient by (SPEC §4), on the device so that the host does not wait: factor [1] = min(1, clip/(norm + 1e-6)).</summary>
public static class ClipFactor
{
    /// <summary>factor [1] from norm [1].</summary>
    /// <param name="norm">‖g‖ of all gradients together, from <see cref="GradientNorm"/>.</param>
    /// <param name="clip">The largest norm of all gradients; 0 for no clipping.</param>
    /// <param name="factor">[1], written.</param>
    public static void Forward(Tensor norm, double clip, Tensor factor)
    {
        norm.RequireCountOf("a norm", 1);
        factor.RequireCountOf("a clip factor", 1);
        Map.Launch(norm.Device, new Each(norm.View<float>(), factor.View<float>(), (float)clip), 1);
    }

    internal readonly struct Each(DeviceView<float> norm, DeviceView<float> factor, float clip) : IEach
    {
        private readonly DeviceView<float> _norm = norm, _factor = factor;
        private readonly float _clip = clip;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
        {
            S factor = L.Divide(L.Set(_clip), L.Add(L.Load(_norm, i), L.Set(1e-6f)));
            // A norm that is no number leaves the factor no number: nothing hides it.
            L.Store(_factor, i, _clip > 0 ? L.Min(factor, L.Set(1)) : L.Set(1));
        }
    }
}

/// <summary>The numbers of one AdamW step.</summary>
/// <param name="LearningRate">lr.</param>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added after the root of the corrected second moment.</param>
/// <param name="WeightDecay">Decoupled decay.</param>
/// <param name="Clip">The largest norm of all gradients; 0 for no clipping.</param>
/// <param name="EmaDecay">The share of the average that is kept.</param>
/// <param name="Step">Updates made, this one included and the one before taken for made; from 1.</param>
public readonly record struct AdamWStep(double LearningRate, double Beta1, double Beta2, double Epsilon, double WeightDecay, double Clip, double EmaDecay, long Step);

/// <summary>
/// Clipping, AdamW and EMA in one pass over all parameters (SPEC §4):
/// <code>
/// g ·= min(1, clip/(‖g‖ + 1e-6))                      p ·= 1 − lr·wd
/// m = β₁m + (1 − β₁)g      v = β₂v + (1 − β₂)g²       p −= lr/(1 − β₁ᵗ)·m / (√v/√(1 − β₂ᵗ) + ε)
/// ema = decay·ema + (1 − decay)·p
/// </code>
/// The norm is read on the device, so the host does not wait. Where it is infinite or no number, nothing is updated, and t does not count the step: a host that has not read the norm of the step before gives it too, and t is one less
/// where that was not finite.
/// </summary>
public static class AdamW
{
    /// <summary>Updates parameters, both moments and, where given, the average; all of one count, float32.</summary>
    /// <param name="parameters">p.</param>
    /// <param name="gradients">g.</param>
    /// <param name="first">m.</param>
    /// <param name="second">v.</param>
    /// <param name="average">ema, or null.</param>
    /// <param name="norm">‖g‖ [1].</param>
    /// <param name="step">The numbers.</param>
    /// <param name="normBefore">‖g‖ [1] of the step before, where the host does not know it yet; else null.</param>
    public static void Step(Tensor parameters, Tensor gradients, Tensor first, Tensor second, Tensor? average, Tensor norm, AdamWStep step, Tensor? normBefore = null)
    {
        parameters.RequireSameCount(gradients, first, second, average);
        Map.Launch(parameters.Device, new Each(
            parameters.View<float>(), gradients.View<float>(), first.View<float>(), second.View<float>(), (average ?? parameters).View<float>(), norm.View<float>(), (normBefore ?? norm).View<float>(), step,
            average is not null, normBefore is not null), parameters.Count);
    }

    internal readonly struct Each(
        DeviceView<float> parameters, DeviceView<float> gradients, DeviceView<float> first, DeviceView<float> second, DeviceView<float> average, DeviceView<float> norm, DeviceView<float> before, AdamWStep step, bool averaged, bool late) : IEach
    {
        private readonly DeviceView<float> _parameters = parameters, _gradients = gradients, _first = first, _second = second, _average = average, _norm = norm, _before = before;
        private readonly float _rate = Rate(step, step.Step), _inverseRoot = InverseRoot(step, step.Step), _rateOfOneLess = Rate(step, step.Step - 1), _inverseRootOfOneLess = InverseRoot(step, step.Step - 1);
        private readonly float _beta1 = (float)step.Beta1, _beta2 = (float)step.Beta2, _new1 = (float)(1 - step.Beta1), _new2 = (float)(1 - step.Beta2);
        private readonly float _epsilon = (float)step.Epsilon, _keep = (float)(1 - (step.LearningRate * step.WeightDecay)), _clip = (float)step.Clip;
        private readonly float _emaKeep = (float)step.EmaDecay, _emaNew = (float)(1 - step.EmaDecay);
        private readonly int _averaged = averaged ? 1 : 0, _late = late ? 1 : 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
        {
            float norm = Scalar.Read(_norm, 0);
            if (!(norm <= float.MaxValue)) return;
            bool isOneLess = _late != 0 && !(Scalar.Read(_before, 0) <= float.MaxValue);
            float rate = isOneLess ? _rateOfOneLess : _rate, inverseRoot = isOneLess ? _inverseRootOfOneLess : _inverseRoot;
            float factor = _clip > 0 ? _clip / (norm + 1e-6f) : 1f;
            if (factor > 1f) factor = 1f;
            S g = L.Multiply(L.Load(_gradients, i), L.Set(factor));
            S m = L.Add(L.Multiply(L.Load(_first, i), L.Set(_beta1)), L.Multiply(g, L.Set(_new1)));
            S v = L.Add(L.Multiply(L.Load(_second, i), L.Set(_beta2)), L.Multiply(L.Multiply(g, g), L.Set(_new2)));
            S root = L.Add(L.Multiply(L.Sqrt(v), L.Set(inverseRoot)), L.Set(_epsilon));
            S p = L.Subtract(L.Multiply(L.Load(_parameters, i), L.Set(_keep)), L.Multiply(L.Set(rate), L.Divide(m, root)));
            L.Store(_first, i, m);
            L.Store(_second, i, v);
            L.Store(_parameters, i, p);
            if (_averaged != 0) L.Store(_average, i, L.Add(L.Multiply(L.Load(_average, i), L.Set(_emaKeep)), L.Multiply(p, L.Set(_emaNew))));
        }

        private static float Rate(AdamWStep step, long count) => (float)(step.LearningRate / (1 - Math.Pow(step.Beta1, Math.Max(1, count))));

        private static float InverseRoot(AdamWStep step, long count) => (float)(1 / Math.Sqrt(1 - Math.Pow(step.Beta2, Math.Max(1, count))));
    }
}
