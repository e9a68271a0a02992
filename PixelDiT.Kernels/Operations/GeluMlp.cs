using System.Runtime.CompilerServices;
using ILGPU.IR.Intrinsics;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Cpu;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// The pixel level's MLP in one pass over the rows (SPEC §2), on a CPU: replaces <see cref="MatMul"/>, <see cref="Gelu"/>, <see cref="MatMul"/>, which are its oracle
/// and what a GPU runs. x [R, d], W₁ [f, d], b₁ [f], W₂ [n, f], b₂ [n], y [R, n], all float32:
/// <code>
/// forward    z = x·W₁ᵀ + b₁      a = gelu(z)      y = a·W₂ᵀ + b₂
/// backward   z and a again       dz = (dy·W₂)·gelu′(z)
///            dx (=, +=) dz·W₁    dW₁ += dzᵀ·x     db₁ += Σ dz      dW₂ += dyᵀ·a     db₂ += Σ dy
/// </code>
/// z and a, four times as large as x, never leave the cache: 64 rows at a time. Gradients of weights are summed over segments of 1024 rows, then over segments in order.
/// </summary>
public static class GeluMlp
{
    private const int SegmentRows = 1024;

    /// <summary>Rows whose z and a are in work at once.</summary>
    internal const int ChunkRows = 64;

    /// <summary>Whether the device and the storage have this form.</summary>
    public static bool Serves(Tensor x) => x.Device.Kind != DeviceKind.Cuda && !x.Device.RunsTiles && x.Type == ElementType.Single;

    /// <summary>y [R, n].</summary>
    /// <param name="x">[R, d].</param>
    /// <param name="packed1">W₁ as <see cref="MatMul.Pack"/> made it.</param>
    /// <param name="bias1">[f].</param>
    /// <param name="packed2">W₂ as <see cref="MatMul.Pack"/> made it.</param>
    /// <param name="bias2">[n].</param>
    /// <param name="y">[R, n].</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static void Forward(Tensor x, Tensor packed1, Tensor bias1, Tensor packed2, Tensor bias2, Tensor y)
    {
        var sizes = new GeluMlpSizes(x.Shape.Rows, x.Shape[^1], (int)bias1.Count, (int)bias2.Count);
        y.RequireCountOf("y", (long)sizes.Rows * sizes.Outputs);
        x.Device.Launch(
            new ForwardKernel(x.View<float>(), packed1.View<float>(), bias1.View<float>(), packed2.View<float>(), bias2.View<float>(), y.View<float>(), sizes),
            (sizes.Rows + ChunkRows - 1) / ChunkRows);
    }

    /// <summary>dX (written, or added to) and the gradients of weights and biases (added to).</summary>
    /// <param name="dY">[R, n].</param>
    /// <param name="x">[R, d].</param>
    /// <param name="weight1">[f, d].</param>
    /// <param name="packed1">W₁ as <see cref="MatMul.Pack"/> made it.</param>
    /// <param name="bias1">[f].</param>
    /// <param name="weight2">[n, f].</param>
    /// <param name="dX">[R, d], or null where it is not wanted.</param>
    /// <param name="accumulate">Adds to dX.</param>
    /// <param name="gradients">Where gradients of weights are added, or null where they are not wanted.</param>
    public static void Backward(
        Tensor dY, Tensor x, Tensor weight1, Tensor packed1, Tensor bias1, Tensor weight2, Tensor? dX, bool accumulate, (Tensor Weight1, Tensor Bias1, Tensor Weight2, Tensor Bias2)? gradients)
    {
        var device = x.Device;
        var sizes = new GeluMlpSizes(x.Shape.Rows, x.Shape[^1], weight1.Shape[0], weight2.Shape[0]);
        int segments = (sizes.Rows + SegmentRows - 1) / SegmentRows;
        using Tensor weights1 = device.Allocate([segments, sizes.Inner * sizes.Inputs]), biases1 = device.Allocate([segments, sizes.Inner]);
        using Tensor weights2 = device.Allocate([segments, sizes.Outputs * sizes.Inner]), biases2 = device.Allocate([segments, sizes.Outputs]);
        device.Launch(
            new BackwardKernel(
                dY.View<float>(), x.View<float>(), weight1.View<float>(), packed1.View<float>(), bias1.View<float>(), weight2.View<float>(), (dX ?? x).View<float>(),
                weights1.View<float>(), biases1.View<float>(), weights2.View<float>(), biases2.View<float>(), sizes, SegmentRows, dX is null ? 0 : 1, accumulate ? 1 : 0),
            segments);
        if (gradients is not { } target) return;
        foreach (var (partials, sum) in ((Tensor, Tensor)[])[(weights1, target.Weight1), (biases1, target.Bias1), (weights2, target.Weight2), (biases2, target.Bias2)])
        {
            ColumnSums.Accumulate(new ColumnSums.PartialTerm(partials.View<float>(), partials.Shape[1]), segments, partials.Shape[1], sum);
        }
    }

    [HostOnly]
    internal readonly struct ForwardKernel(
        DeviceView<float> x, DeviceView<float> packed1, DeviceView<float> bias1, DeviceView<float> packed2, DeviceView<float> bias2, DeviceView<float> y, GeluMlpSizes sizes) : IKernel
    {
        public readonly DeviceView<float> X = x, Packed1 = packed1, Bias1 = bias1, Packed2 = packed2, Bias2 = bias2, Y = y;
        public readonly GeluMlpSizes Sizes = sizes;

        public void Run(int item, int lane, int lanes)
        {
            if (lane == 0) GeluMlpBody.Forward(this, item * ChunkRows);
        }
    }

    [HostOnly]
    internal readonly struct BackwardKernel(
        DeviceView<float> dY, DeviceView<float> x, DeviceView<float> weight1, DeviceView<float> packed1, DeviceView<float> bias1, DeviceView<float> weight2, DeviceView<float> dX,
        DeviceView<float> dWeight1, DeviceView<float> dBias1, DeviceView<float> dWeight2, DeviceView<float> dBias2, GeluMlpSizes sizes, int segmentRows, int wantsInput, int accumulate) : IKernel
    {
        public readonly DeviceView<float> DY = dY, X = x, Weight1 = weight1, Packed1 = packed1, Bias1 = bias1, Weight2 = weight2, DX = dX;
        public readonly DeviceView<float> DWeight1 = dWeight1, DBias1 = dBias1, DWeight2 = dWeight2, DBias2 = dBias2;
        public readonly GeluMlpSizes Sizes = sizes;
        public readonly int SegmentRows = segmentRows, WantsInput = wantsInput, Accumulate = accumulate;

        public void Run(int item, int lane, int lanes)
        {
            if (lane == 0) GeluMlpBody.Backward(this, item);
        }
    }
}

/// <summary>R, d, f and n of a <see cref="GeluMlp"/>.</summary>
internal readonly record struct GeluMlpSizes(int Rows, int Inputs, int Inner, int Outputs);

/// <summary>The bodies of <see cref="GeluMlp"/>'s kernels.</summary>
internal static unsafe class GeluMlpBody
{
    [IntrinsicImplementation]
    internal static void Forward(GeluMlp.ForwardKernel k, int first)
    {
        var (all, inputs, inner, outputs) = k.Sizes;
        int rows = Math.Min(GeluMlp.ChunkRows, all - first);
        float* z = HostMemory.Floats((long)rows * inner);
        MacroKernel.Multiply(Rows(k.X, first, inputs), PanelsB.Packed(k.Packed1.Address, inputs), z, inner, rows, inner, inputs, add: false, k.Bias1.Address);
        var activations = new DeviceView<Single32>((Single32*)z);
        Elements.For(new Gelu.ForwardEach<Single32>(activations, activations), 0, rows * inner, lane: 0, lanes: 1);
        MacroKernel.Multiply(
            PanelsA.InPlace(z, inner, 1), PanelsB.Packed(k.Packed2.Address, inner), k.Y.Address + ((long)first * outputs), outputs, rows, outputs, inner, add: false, k.Bias2.Address);
    }

    [IntrinsicImplementation]
    internal static void Backward(GeluMlp.BackwardKernel k, int segment)
    {
        var (all, inputs, inner, outputs) = k.Sizes;
        float* dw1 = k.DWeight1.Address + ((long)segment * inner * inputs), db1 = k.DBias1.Address + ((long)segment * inner);
        float* dw2 = k.DWeight2.Address + ((long)segment * outputs * inner), db2 = k.DBias2.Address + ((long)segment * outputs);
        new Span<float>(db1, inner).Clear();
        new Span<float>(db2, outputs).Clear();
        float* z = HostMemory.Floats(2L * GeluMlp.ChunkRows * inner), dz = z + (GeluMlp.ChunkRows * inner);
        int start = segment * k.SegmentRows, end = Math.Min(all, start + k.SegmentRows);
        for (int first = start; first < end; first += GeluMlp.ChunkRows)
        {
            int rows = Math.Min(GeluMlp.ChunkRows, end - first);
            float* x = k.X.Address + ((long)first * inputs), dy = k.DY.Address + ((long)first * outputs);
            MacroKernel.Multiply(PanelsA.InPlace(x, inputs, 1), PanelsB.Packed(k.Packed1.Address, inputs), z, inner, rows, inner, inputs, add: false, k.Bias1.Address);
            MacroKernel.Multiply(PanelsA.InPlace(dy, outputs, 1), PanelsB.InPlace(k.Weight2.Address, inner), dz, inner, rows, inner, outputs, add: false, bias: null);
            Elements.For(new DerivativeEach(new DeviceView<float>(z), new DeviceView<float>(dz)), 0, rows * inner, lane: 0, lanes: 1);
            if (k.WantsInput != 0)
            {
                MacroKernel.Multiply(
                    PanelsA.InPlace(dz, inner, 1), PanelsB.InPlace(k.Weight1.Address, inputs), k.DX.Address + ((long)first * inputs), inputs, rows, inputs, inner, k.Accumulate != 0, bias: null);
            }
            bool add = first > start;
            MacroKernel.Multiply(PanelsA.InPlace(dz, 1, inner), PanelsB.InPlace(x, inputs), dw1, inputs, inner, inputs, rows, add, bias: null);
            MacroKernel.Multiply(PanelsA.InPlace(dy, 1, outputs), PanelsB.InPlace(z, inner), dw2, inner, outputs, inner, rows, add, bias: null);
            Blas1.AddRows(dz, rows, inner, db1);
            Blas1.AddRows(dy, rows, outputs, db2);
        }
    }

    /// <summary>dz = dz·gelu′(z); z = gelu(z): both need the same Φ(z).</summary>
    private readonly struct DerivativeEach(DeviceView<float> z, DeviceView<float> dz) : IEach
    {
        private readonly DeviceView<float> _z = z, _dz = dz;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
        {
            S z = L.Load(_z, i), below = Formulas.NormalDistribution<L, S>(z, out S bell);
            L.Store(_dz, i, L.Multiply(L.Load(_dz, i), Formulas.GeluDerivative<L, S>(z, below, bell)));
            L.Store(_z, i, L.Multiply(z, below));
        }
    }

    private static PanelsA Rows(DeviceView<float> matrix, int first, int width) => PanelsA.InPlace(matrix.Address + ((long)first * width), width, 1);
}
