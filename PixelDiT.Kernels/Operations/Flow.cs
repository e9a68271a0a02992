using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// The straight path from noise to data (SPEC §4), t = 1 is data. x, ε [B, ..], t [B]: x_t = t·x + (1 − t)·ε and the target v = x − ε.
/// </summary>
public static class FlowPath
{
    private const int Chunk = 4096;

    /// <summary>x_t and v, of x's shape, float32.</summary>
    public static void Forward(Tensor x, Tensor noise, Tensor t, Tensor xt, Tensor target)
    {
        x.RequireSameCount(noise, xt, target);
        t.RequireCountOf("t", x.Shape[0]);
        int images = x.Shape[0], n = checked((int)(x.Count / images));
        x.Device.Launch(new Kernel(x.View<float>(), noise.View<float>(), t.View<float>(), xt.View<float>(), target.View<float>(), n), checked(images * Chunks(n)), Elements.MaxLanes);
    }

    private static int Chunks(int n) => (n + Chunk - 1) / Chunk;

    internal readonly struct Kernel(DeviceView<float> x, DeviceView<float> noise, DeviceView<float> t, DeviceView<float> xt, DeviceView<float> target, int n) : IKernel
    {
        private readonly DeviceView<float> _x = x, _noise = noise, _t = t, _xt = xt, _target = target;
        private readonly int _n = n;

        public void Run(int item, int lane, int lanes)
        {
            int image = item / Chunks(_n), first = (item - (image * Chunks(_n))) * Chunk, left = _n - first;
            Elements.For(new Each(this, Scalar.Read(_t, image)), ((long)image * _n) + first, left < Chunk ? left : Chunk, lane, lanes);
        }

        private readonly struct Each(Kernel a, float t) : IEach
        {
            private readonly Kernel _a = a;
            private readonly float _t = t;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S x = L.Load(_a._x, i), noise = L.Load(_a._noise, i);
                L.Store(_a._xt, i, L.Add(L.Multiply(L.Set(_t), x), L.Multiply(L.Set(1f - _t), noise)));
                L.Store(_a._target, i, L.Subtract(x, noise));
            }
        }
    }
}

/// <summary>
/// Sums of scaled tensors for guidance and samplers (SPEC §5), float32: y = a·x + b·z. y may be x or z.
/// </summary>
public static class Combine
{
    /// <summary>y = a·x + b·z.</summary>
    public static void Forward(float a, Tensor x, float b, Tensor z, Tensor y)
    {
        x.RequireSameCount(z, y);
        Map.Launch(x.Device, new Each(a, x.View<float>(), b, z.View<float>(), y.View<float>()), x.Count);
    }

    internal readonly struct Each(float a, DeviceView<float> x, float b, DeviceView<float> z, DeviceView<float> y) : IEach
    {
        private readonly DeviceView<float> _x = x, _z = z, _y = y;
        private readonly float _a = a, _b = b;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            => L.Store(_y, i, L.Add(L.Multiply(L.Load(_x, i), L.Set(_a)), L.Multiply(L.Load(_z, i), L.Set(_b))));
    }
}

/// <summary>Sums of two gradients or activations of any storage: y += x.</summary>
public static class Accumulate
{
    /// <summary>y += x.</summary>
    public static void Forward(Tensor x, Tensor y)
    {
        x.RequireSameCount(y);
        if (x.Type == ElementType.BFloat16) Map.Launch(x.Device, new Each<BFloat16>(x.View<BFloat16>(), y.View<BFloat16>()), x.Count);
        else Map.Launch(x.Device, new Each<Single32>(x.View<Single32>(), y.View<Single32>()), x.Count);
    }

    internal readonly struct Each<T>(DeviceView<T> x, DeviceView<T> y) : IEach where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _x = x, _y = y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => L.Store(_y, i, L.Add(L.Load(_y, i), L.Load(_x, i)));
    }
}
