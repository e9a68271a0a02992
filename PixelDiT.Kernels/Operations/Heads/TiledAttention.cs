using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>
/// Launches a GPU's attention in tiles: bfloat16 and TF32 on tensor cores, strict float32 by <see cref="ShuffleMma"/>. Heads of up to 80 channels, in each
/// precision as its activations are stored.
/// </summary>
internal static class TiledAttention
{
    /// <summary>Whether the device has tiles for it; otherwise the plain bodies, in float32, compute it.</summary>
    public static bool Serves(Tensor queries, AttentionSizes sizes, Precision precision)
        => queries.Device.RunsTiles && sizes.Width <= HeadTile.MaxWidth && (precision == Precision.BFloat16) == (queries.Type == ElementType.BFloat16);

    /// <inheritdoc cref="Attention.Forward"/>
    public static void Forward(HeadView q, HeadView k, HeadView v, AttentionSizes sizes, HeadView o, Tensor lse, Precision precision)
    {
        if (precision == Precision.BFloat16 && AreAligned(q, k, v)) ForwardAligned(q, k, v, sizes, o, lse);
        else if (precision == Precision.BFloat16) Forward<BFloat16Format, BFloat16>(q, k, v, sizes, o, lse);
        else if (precision == Precision.TensorFloat32) Forward<TensorFloat32Format, Single32>(q, k, v, sizes, o, lse);
        else Forward<SingleFormat, Single32>(q, k, v, sizes, o, lse);
    }

    /// <inheritdoc cref="Attention.Backward"/>
    public static void Backward(
        HeadView dO, HeadView q, HeadView k, HeadView v, HeadView o, Tensor lse, AttentionSizes sizes, HeadView dQ, HeadView dK, HeadView dV, Precision precision)
    {
        if (precision == Precision.BFloat16 && AreAligned(q, k, v, dO)) BackwardAligned(dO, q, k, v, o, lse, sizes, dQ, dK, dV);
        else if (precision == Precision.BFloat16) Backward<BFloat16Format, BFloat16>(dO, q, k, v, o, lse, sizes, dQ, dK, dV);
        else if (precision == Precision.TensorFloat32) Backward<TensorFloat32Format, Single32>(dO, q, k, v, o, lse, sizes, dQ, dK, dV);
        else Backward<SingleFormat, Single32>(dO, q, k, v, o, lse, sizes, dQ, dK, dV);
    }

    private static void Forward<TFormat, T>(HeadView q, HeadView k, HeadView v, AttentionSizes sizes, HeadView o, Tensor lse)
        where TFormat : struct, IHeadFormat where T : unmanaged, IStorage<T>
    {
        if (sizes.Width <= 32) Forward<TFormat, Width32, T>(q, k, v, sizes, o, lse);
        else if (sizes.Width <= 64) Forward<TFormat, Width64, T>(q, k, v, sizes, o, lse);
        else Forward<TFormat, Width80, T>(q, k, v, sizes, o, lse);
    }

    private static void Forward<TFormat, TWidth, T>(HeadView q, HeadView k, HeadView v, AttentionSizes sizes, HeadView o, Tensor lse)
        where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth where T : unmanaged, IStorage<T>
        => q.Values.Device.Launch(new TiledAttentionForward<TFormat, TWidth, T>(new(q), new(k), new(v), new(o), lse.View<float>(), sizes, Tiles(sizes)), Items(sizes), MmaTile.Threads);

    private static void Backward<TFormat, T>(HeadView dO, HeadView q, HeadView k, HeadView v, HeadView o, Tensor lse, AttentionSizes sizes, HeadView dQ, HeadView dK, HeadView dV)
        where TFormat : struct, IHeadFormat where T : unmanaged, IStorage<T>
    {
        var device = q.Values.Device;
        using var delta = device.Allocate(lse.Shape);
        device.Launch(new DeltaKernel<T>(new(dO), new(o), delta.View<float>(), sizes), sizes.Batch * sizes.Heads * sizes.Tokens, Elements.LanesFor(sizes.Width));
        if (sizes.Width <= 32) Backward<TFormat, Width32, T>(dO, q, k, v, lse, delta, sizes, dQ, dK, dV);
        else if (sizes.Width <= 64) Backward<TFormat, Width64, T>(dO, q, k, v, lse, delta, sizes, dQ, dK, dV);
        else Backward<TFormat, Width80, T>(dO, q, k, v, lse, delta, sizes, dQ, dK, dV);
    }

    private static void Backward<TFormat, TWidth, T>(HeadView dO, HeadView q, HeadView k, HeadView v, Tensor lse, Tensor delta, AttentionSizes sizes, HeadView dQ, HeadView dK, HeadView dV)
        where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth where T : unmanaged, IStorage<T>
    {
        var device = q.Values.Device;
        DeviceView<float> lses = lse.View<float>(), deltas = delta.View<float>();
        device.Launch(
            new TiledAttentionBackward<QueryGradient, TFormat, TWidth, T>(new(q), new(dO), new(k), new(v), lses, deltas, new(dQ), default, sizes, Tiles(sizes)), Items(sizes), MmaTile.Threads);
        device.Launch(
            new TiledAttentionBackward<KeyValueGradient, TFormat, TWidth, T>(new(k), new(v), new(q), new(dO), lses, deltas, new(dK), new(dV), sizes, Tiles(sizes)), Items(sizes), MmaTile.Threads);
    }

    private static bool AreAligned(params ReadOnlySpan<HeadView> views)
    {
        foreach (var view in views)
        {
            if (!view.IsAligned(8)) return false;
        }
        return true;
    }

    private static void ForwardAligned(HeadView q, HeadView k, HeadView v, AttentionSizes sizes, HeadView o, Tensor lse)
    {
        if (sizes.Width <= 32) ForwardAligned<Width32>(q, k, v, sizes, o, lse);
        else if (sizes.Width <= 64) ForwardAligned<Width64>(q, k, v, sizes, o, lse);
        else ForwardAligned<Width80>(q, k, v, sizes, o, lse);
    }

    private static void ForwardAligned<TWidth>(HeadView q, HeadView k, HeadView v, AttentionSizes sizes, HeadView o, Tensor lse) where TWidth : struct, IHeadWidth
        => q.Values.Device.Launch(new AlignedAttentionForward<TWidth>(new(q), new(k), new(v), new(o), lse.View<float>(), sizes, Tiles(sizes)), Items(sizes), MmaTile.Threads);

    private static void BackwardAligned(HeadView dO, HeadView q, HeadView k, HeadView v, HeadView o, Tensor lse, AttentionSizes sizes, HeadView dQ, HeadView dK, HeadView dV)
    {
        var device = q.Values.Device;
        int padded = AttentionStatistics.Padded(sizes.Tokens);
        using var statistics = device.Allocate([sizes.Batch, sizes.Heads, padded, 2]);
        device.Launch(new AttentionStatistics(new(dO), new(o), lse.View<float>(), statistics.View<float>(), sizes), checked(sizes.Batch * sizes.Heads * padded), Elements.LanesFor(sizes.Width));
        if (sizes.Width <= 32) BackwardAligned<Width32>(dO, q, k, v, statistics, sizes, dQ, dK, dV);
        else if (sizes.Width <= 64) BackwardAligned<Width64>(dO, q, k, v, statistics, sizes, dQ, dK, dV);
        else BackwardAligned<Width80>(dO, q, k, v, statistics, sizes, dQ, dK, dV);
    }

    private static void BackwardAligned<TWidth>(HeadView dO, HeadView q, HeadView k, HeadView v, Tensor statistics, AttentionSizes sizes, HeadView dQ, HeadView dK, HeadView dV) where TWidth : struct, IHeadWidth
    {
        var device = q.Values.Device;
        var table = statistics.View<float>();
        device.Launch(new AlignedAttentionBackward<QueryGradient, TWidth>(new(q), new(dO), new(k), new(v), table, new(dQ), default, sizes, Tiles(sizes)), Items(sizes), MmaTile.Threads);
        device.Launch(new AlignedAttentionBackward<KeyValueGradient, TWidth>(new(k), new(v), new(q), new(dO), table, new(dK), new(dV), sizes, Tiles(sizes)), Items(sizes), MmaTile.Threads);
    }

    private static int Tiles(AttentionSizes sizes) => (sizes.Tokens + HeadTile.GroupRows - 1) / HeadTile.GroupRows;

    private static int Items(AttentionSizes sizes) => sizes.Batch * sizes.Heads * Tiles(sizes);

    /// <summary>δ [B, h, L] = Σ_c do·o.</summary>
    internal readonly struct DeltaKernel<T>(HeadMemory<T> dO, HeadMemory<T> o, DeviceView<float> delta, AttentionSizes sizes) : IRowKernel where T : unmanaged, IStorage<T>
    {
        private readonly HeadMemory<T> _dO = dO, _o = o;
        private readonly DeviceView<float> _delta = delta;
        private readonly int _tokens = sizes.Tokens, _heads = sizes.Heads, _width = sizes.Width;

        public void Run(int item, int lane, int lanes)
        {
            // Heads of a token lie side by side.
            int head = item % _heads, token = item / _heads % _tokens, image = item / _heads / _tokens;
            float delta = Elements.Sum(
                new Term(_dO.Values, _o.Values, _dO.Row(image, head, token), _o.Row(image, head, token)), _width, lane, lanes);
            if (lane == 0) Scalar.Write(_delta, ((((long)image * _heads) + head) * _tokens) + token, delta);
        }

        private readonly struct Term(DeviceView<T> dO, DeviceView<T> o, long upstream, long result) : ITerm
        {
            private readonly DeviceView<T> _dO = dO, _o = o;
            private readonly long _upstream = upstream, _result = result;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => L.Multiply(L.Load(_dO, _upstream + i), L.Load(_o, _result + i));
        }
    }

    /// <summary>The kernels that can be launched.</summary>
    public static IEnumerable<Type> Kernels(Type kernel)
    {
        foreach (var width in (Type[])[typeof(Width32), typeof(Width64), typeof(Width80)])
        {
            if (kernel == typeof(AlignedAttentionForward<>)) yield return kernel.MakeGenericType(width);
            else if (kernel == typeof(AlignedAttentionBackward<,>))
            {
                yield return kernel.MakeGenericType(typeof(QueryGradient), width);
                yield return kernel.MakeGenericType(typeof(KeyValueGradient), width);
            }
            else foreach (var (format, storage) in ((Type, Type)[])[(typeof(BFloat16Format), typeof(BFloat16)), (typeof(TensorFloat32Format), typeof(Single32)), (typeof(SingleFormat), typeof(Single32))])
            {
                if (kernel == typeof(TiledAttentionForward<,,>)) yield return kernel.MakeGenericType(format, width, storage);
                else foreach (var side in (Type[])[typeof(QueryGradient), typeof(KeyValueGradient)]) yield return kernel.MakeGenericType(side, format, width, storage);
            }
        }
    }
}
