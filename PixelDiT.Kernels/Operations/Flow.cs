using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// The straight path between noise and data. Of the class model (SPEC §4), where t = 1 is data: x, ε [B, ..], t [B], x_t = t·x + (1 − t)·ε and the target v = x − ε. Of the text model (SPEC §6), where σ = 1 is noise:
/// α, σ [B], x_σ = α·x + σ·ε and the target v = ε − x.
/// </summary>
public static class FlowPath
{
    private const int Chunk = 4096;

    /// <summary>x_t and v of the class model, of x's shape, float32.</summary>
    public static void Forward(Tensor x, Tensor noise, Tensor t, Tensor xt, Tensor target)
    {
        t.RequireCountOf("t", x.Shape[0]);
        Launch<FromNoise>(x, noise, t, t, xt, target);
    }

    /// <summary>x_σ and v of the text model, of x's shape, float32. α is given beside σ: the trainer's table rounds both from double precision, so that α is not always 1 − σ.</summary>
    public static void Forward(Tensor x, Tensor noise, Tensor alpha, Tensor sigma, Tensor xSigma, Tensor target)
    {
        alpha.RequireCountOf("alpha", x.Shape[0]);
        sigma.RequireCountOf("sigma", x.Shape[0]);
        Launch<FromData>(x, noise, alpha, sigma, xSigma, target);
    }

    private static void Launch<D>(Tensor x, Tensor noise, Tensor ofData, Tensor ofNoise, Tensor xt, Tensor target) where D : unmanaged, IDirection
    {
        x.RequireSameCount(noise, xt, target);
        int images = x.Shape[0], n = checked((int)(x.Count / images));
        x.Device.Launch(
            new Kernel<D>(x.View<float>(), noise.View<float>(), ofData.View<float>(), ofNoise.View<float>(), xt.View<float>(), target.View<float>(), n), checked(images * Chunks(n)), Elements.MaxLanes);
    }

    /// <summary>Which way the path runs.</summary>
    internal interface IDirection
    {
        /// <summary>The share of noise, from what the second tensor of shares holds.</summary>
        static abstract float NoiseShare(float read);

        /// <summary>The velocity.</summary>
        static abstract S Velocity<L, S>(S x, S noise) where L : struct, ILanes<S> where S : unmanaged;
    }

    /// <summary>The class model's: t grows towards data.</summary>
    internal readonly struct FromNoise : IDirection
    {
        public static float NoiseShare(float read) => 1f - read;

        public static S Velocity<L, S>(S x, S noise) where L : struct, ILanes<S> where S : unmanaged => L.Subtract(x, noise);
    }

    /// <summary>The text model's: σ grows towards noise.</summary>
    internal readonly struct FromData : IDirection
    {
        public static float NoiseShare(float read) => read;

        public static S Velocity<L, S>(S x, S noise) where L : struct, ILanes<S> where S : unmanaged => L.Subtract(noise, x);
    }

    private static int Chunks(int n) => (n + Chunk - 1) / Chunk;

    internal readonly struct Kernel<D>(DeviceView<float> x, DeviceView<float> noise, DeviceView<float> ofData, DeviceView<float> ofNoise, DeviceView<float> xt, DeviceView<float> target, int n) : IKernel
        where D : unmanaged, IDirection
    {
        private readonly DeviceView<float> _x = x, _noise = noise, _ofData = ofData, _ofNoise = ofNoise, _xt = xt, _target = target;
        private readonly int _n = n;

        public void Run(int item, int lane, int lanes)
        {
            int image = item / Chunks(_n), first = (item - (image * Chunks(_n))) * Chunk, left = _n - first;
            Elements.For(new Each(this, Scalar.Read(_ofData, image), D.NoiseShare(Scalar.Read(_ofNoise, image))), ((long)image * _n) + first, left < Chunk ? left : Chunk, lane, lanes);
        }

        private readonly struct Each(Kernel<D> a, float ofData, float ofNoise) : IEach
        {
            private readonly Kernel<D> _a = a;
            private readonly float _ofData = ofData, _ofNoise = ofNoise;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S x = L.Load(_a._x, i), noise = L.Load(_a._noise, i);
                L.Store(_a._xt, i, L.Add(L.Multiply(L.Set(_ofData), x), L.Multiply(L.Set(_ofNoise), noise)));
                L.Store(_a._target, i, D.Velocity<L, S>(x, noise));
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

    /// <summary>y = x, of numbers that are finite.</summary>
    public static void Copy(Tensor x, Tensor y) => Forward(1, x, 0, x, y);

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
