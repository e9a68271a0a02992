using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>One number in every element of a tensor of any floating-point storage: y = value. Written on the device, so the host neither copies nor waits.</summary>
public static class Fill
{
    /// <summary>y = value, rounded to y's storage.</summary>
    public static void Forward(float value, Tensor y)
    {
        if (y.Type == ElementType.BFloat16) Map.Launch(y.Device, new Each<BFloat16>(value, y.View<BFloat16>()), y.Count);
        else Map.Launch(y.Device, new Each<Single32>(value, y.View<Single32>()), y.Count);
    }

    internal readonly struct Each<T>(float value, DeviceView<T> y) : IEach where T : unmanaged, IStorage<T>
    {
        private readonly float _value = value;
        private readonly DeviceView<T> _y = y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => Elements.Put<L, S, T>(_y, i, L.Set(_value), 0);
    }
}
