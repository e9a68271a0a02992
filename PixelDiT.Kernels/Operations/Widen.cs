using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// From bfloat16 storage to float32, for what is kept in float32 whatever the precision. x [n] in bfloat16, y [n] in float32:
/// <code>
/// forward    y = x                  exact
/// backward   dx (=, +=) dy          rounded to nearest even
/// </code>
/// </summary>
public static class Widen
{
    /// <summary>y = x.</summary>
    public static void Forward(Tensor x, Tensor y)
    {
        x.RequireSameCount(y);
        Map.Launch(x.Device, new ForwardEach(x.View<BFloat16>(), y.View<float>()), x.Count);
    }

    /// <summary>dX, written or added to.</summary>
    public static void Backward(Tensor dY, Tensor dX, bool accumulate)
    {
        dY.RequireSameCount(dX);
        Map.Launch(dY.Device, new BackwardEach(dY.View<float>(), dX.View<BFloat16>(), accumulate ? 1 : 0), dY.Count);
    }

    /// <summary>The other direction as an operation of its own: x [n] in float32, rounded to nearest even into y [n] in bfloat16.</summary>
    internal static void Round(Tensor x, Tensor y) => Backward(x, y, accumulate: false);

    internal readonly struct ForwardEach(DeviceView<BFloat16> x, DeviceView<float> y) : IEach
    {
        private readonly DeviceView<BFloat16> _x = x;
        private readonly DeviceView<float> _y = y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => L.Store(_y, i, L.Load(_x, i));
    }

    internal readonly struct BackwardEach(DeviceView<float> dY, DeviceView<BFloat16> dX, int accumulate) : IEach
    {
        private readonly DeviceView<float> _dY = dY;
        private readonly DeviceView<BFloat16> _dX = dX;
        private readonly int _accumulate = accumulate;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => Elements.Put<L, S, BFloat16>(_dX, i, L.Load(_dY, i), _accumulate);
    }
}
