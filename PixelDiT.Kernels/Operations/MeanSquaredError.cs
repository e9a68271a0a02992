using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// The loss (SPEC §4). x, target of n float32 elements, loss [1]:
/// <code>
/// forward    loss = 1/n·Σ (x − target)²
/// backward   dx = dloss·2/n·(x − target)
/// each row   losses[b] = B/n·Σ over row b of (x − target)²
/// </code>
/// </summary>
public static class MeanSquaredError
{
    /// <summary>loss [1].</summary>
    public static void Forward(Tensor x, Tensor target, Tensor loss)
    {
        x.RequireSameCount(target);
        Reduction.Reduce(x.Device, new SquareTerm(x.View<float>(), target.View<float>()), x.Count, new Reduction.Mean(loss.View<float>(), 1f / x.Count));
    }

    /// <summary>losses [B] of x, target [B, …]: the mean of each image alone, which no gradient is asked of.</summary>
    public static void EachRow(Tensor x, Tensor target, Tensor losses)
    {
        x.RequireSameCount(target);
        losses.RequireCountOf("the losses of the rows", x.Shape[0]);
        Reduction.MeanOfRows(x.Device, new SquareTerm(x.View<float>(), target.View<float>()), x.Shape[0], x.Count / x.Shape[0], losses.View<float>());
    }

    /// <summary>dX, written.</summary>
    public static void Backward(Tensor dLoss, Tensor x, Tensor target, Tensor dX)
    {
        x.RequireSameCount(target, dX);
        Map.Launch(x.Device, new BackwardEach(dLoss.View<float>(), x.View<float>(), target.View<float>(), dX.View<float>(), 2f / x.Count), x.Count);
    }

    internal readonly struct SquareTerm(DeviceView<float> x, DeviceView<float> target) : ITerm
    {
        private readonly DeviceView<float> _x = x, _target = target;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
        {
            S difference = L.Subtract(L.Load(_x, i), L.Load(_target, i));
            return L.Multiply(difference, difference);
        }
    }

    internal readonly struct BackwardEach(DeviceView<float> dLoss, DeviceView<float> x, DeviceView<float> target, DeviceView<float> dX, float factor) : IEach
    {
        private readonly DeviceView<float> _dLoss = dLoss, _x = x, _target = target, _dX = dX;
        private readonly float _factor = factor;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            => L.Store(_dX, i, L.Multiply(L.Subtract(L.Load(_x, i), L.Load(_target, i)), L.Set(_factor * Scalar.Read(_dLoss, 0))));
    }
}
