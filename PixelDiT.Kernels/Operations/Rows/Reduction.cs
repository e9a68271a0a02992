using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Rows;

/// <summary>What becomes of a sum over a whole tensor.</summary>
internal interface ITotal
{
    /// <summary>Writes the result.</summary>
    void Write(float sum);
}

/// <summary>Sums over whole tensors, or over each of their rows: fixed chunks, then their sums, in one order whatever the threads.</summary>
internal static class Reduction
{
    /// <summary>The numbers of which a chunk's sum is taken.</summary>
    public const int Chunk = 4096;

    /// <summary>Hands Σ over [0, count) of the term to <paramref name="total"/>.</summary>
    public static void Reduce<TTerm, TTotal>(Device device, TTerm term, long count, TTotal total) where TTerm : struct, ITerm where TTotal : struct, ITotal
    {
        using var partials = device.Allocate([ChunksOf(count)]);
        Chunks(device, term, count, partials);
        Total(device, partials, total);
    }

    /// <summary>How many chunks there are.</summary>
    public static int ChunksOf(long count) => checked((int)((count + Chunk - 1) / Chunk));

    /// <summary>The sum of the term over each chunk.</summary>
    public static void Chunks<TTerm>(Device device, TTerm term, long count, Tensor partials) where TTerm : struct, ITerm
        => device.Launch(new ChunkKernel<TTerm>(term, partials.View<float>(), count), ChunksOf(count), Elements.MaxLanes);

    /// <summary>Hands the sum of chunks to <paramref name="total"/>.</summary>
    public static void Total<TTotal>(Device device, Tensor partials, TTotal total) where TTotal : struct, ITotal
        => device.Launch(new TotalKernel<TTotal>(partials.View<float>(), checked((int)partials.Count), total), 1, Elements.MaxLanes);

    /// <summary>Writes for each of the rows the mean of the term over its elements, [0, width) of the first and so on.</summary>
    public static void MeanOfRows<TTerm>(Device device, TTerm term, int rows, long width, DeviceView<float> means) where TTerm : struct, ITerm
    {
        int chunks = checked((int)((width + Chunk - 1) / Chunk));
        using var partials = device.Allocate([rows, chunks]);
        device.Launch(new RowChunkKernel<TTerm>(term, partials.View<float>(), chunks, width), checked(rows * chunks), Elements.MaxLanes);
        device.Launch(new RowMeanKernel(partials.View<float>(), chunks, means, 1f / width), rows, Elements.MaxLanes);
    }

    private readonly struct Shifted<TTerm>(TTerm term, long first) : ITerm where TTerm : struct, ITerm
    {
        private readonly TTerm _term = term;
        private readonly long _first = first;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => _term.At<L, S>(_first + i);
    }

    private readonly struct PartialTerm(DeviceView<float> partials) : ITerm
    {
        private readonly DeviceView<float> _partials = partials;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => L.Load(_partials, i);
    }

    internal readonly struct ChunkKernel<TTerm>(TTerm term, DeviceView<float> partials, long count) : IKernel where TTerm : struct, ITerm
    {
        private readonly TTerm _term = term;
        private readonly DeviceView<float> _partials = partials;
        private readonly long _count = count;

        public void Run(int item, int lane, int lanes)
        {
            long first = (long)item * Chunk, left = _count - first;
            float sum = Elements.Sum(new Shifted<TTerm>(_term, first), left < Chunk ? (int)left : Chunk, lane, lanes);
            if (lane == 0) Scalar.Write(_partials, item, sum);
        }
    }

    internal readonly struct TotalKernel<TTotal>(DeviceView<float> partials, int chunks, TTotal total) : IKernel where TTotal : struct, ITotal
    {
        private readonly DeviceView<float> _partials = partials;
        private readonly int _chunks = chunks;
        private readonly TTotal _total = total;

        public void Run(int item, int lane, int lanes)
        {
            float sum = Elements.Sum(new PartialTerm(_partials), _chunks, lane, lanes);
            if (lane == 0) _total.Write(sum);
        }
    }

    internal readonly struct RowChunkKernel<TTerm>(TTerm term, DeviceView<float> partials, int chunks, long width) : IKernel where TTerm : struct, ITerm
    {
        private readonly TTerm _term = term;
        private readonly DeviceView<float> _partials = partials;
        private readonly int _chunks = chunks;
        private readonly long _width = width;

        public void Run(int item, int lane, int lanes)
        {
            int row = item / _chunks;
            long within = (long)(item - row * _chunks) * Chunk, left = _width - within;
            float sum = Elements.Sum(new Shifted<TTerm>(_term, row * _width + within), left < Chunk ? (int)left : Chunk, lane, lanes);
            if (lane == 0) Scalar.Write(_partials, item, sum);
        }
    }

    internal readonly struct RowMeanKernel(DeviceView<float> partials, int chunks, DeviceView<float> means, float factor) : IKernel
    {
        private readonly DeviceView<float> _partials = partials, _means = means;
        private readonly int _chunks = chunks;
        private readonly float _factor = factor;

        public void Run(int item, int lane, int lanes)
        {
            float sum = Elements.Sum(new Shifted<PartialTerm>(new PartialTerm(_partials), (long)item * _chunks), _chunks, lane, lanes);
            if (lane == 0) Scalar.Write(_means, item, sum * _factor);
        }
    }

    /// <summary>A sum times a factor.</summary>
    internal readonly struct Mean(DeviceView<float> result, float factor) : ITotal
    {
        private readonly DeviceView<float> _result = result;
        private readonly float _factor = factor;

        public void Write(float sum) => Scalar.Write(_result, 0, sum * _factor);
    }

    /// <summary>The root of a sum.</summary>
    internal readonly struct Root(DeviceView<float> result) : ITotal
    {
        private readonly DeviceView<float> _result = result;

        public void Write(float sum) => Scalar.Write(_result, 0, MathF.Sqrt(sum));
    }
}
