using System.Runtime.CompilerServices;
using ILGPU.IR.Intrinsics;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Cpu;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Products;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// The matrix products of a Linear (SPEC §2). x [M, in], W [out, in] as stored, b [out], y [M, out]:
/// <code>
/// forward    y = x·Wᵀ + b
/// backward   dx (=, +=) dy·W        dW (=, +=) dyᵀ·x        db += Σ_rows dy
/// </code>
/// All three are one kernel, C[m, n] = A·B with any strides. Sums are float32 in an order fixed by the shapes: blocks of 256 along k, and where few tiles would have
/// to do much work, k is cut into slices that are added in order. A <see cref="Precision"/> rounds both operands before they are multiplied: a GPU then uses its
/// tensor cores, a CPU rounds where it packs. A GPU's products go through tiles in shared memory (<see cref="TiledMatMul"/>), but for strict float32 from bfloat16
/// storage and on cards before sm_80.
/// </summary>
public static class MatMul
{
    /// <summary>Rows up to which products pack a weight for themselves: with more, several threads pack the same columns, each for its own rows.</summary>
    private const int MostRowsThatPackInside = 512;

    private static long s_launches;

    /// <summary>y = x·Wᵀ + b.</summary>
    /// <param name="x">[.., in].</param>
    /// <param name="weight">[out, in], float32 or bfloat16.</param>
    /// <param name="packed">What <see cref="Pack"/> made of the weight for the same precision, or null; see <see cref="WantsPacked"/>.</param>
    /// <param name="bias">[out], or null.</param>
    /// <param name="y">[.., out], stored as x is.</param>
    /// <param name="precision">What x and the weight are rounded to; TF32 takes float32 storage only.</param>
    /// <exception cref="ShapeException">The shapes or the storages do not fit.</exception>
    /// <exception cref="DeviceException">The device does not multiply in that precision.</exception>
    public static void Forward(Tensor x, Tensor weight, Tensor? packed, Tensor? bias, Tensor y, Precision precision = Precision.Single)
    {
        int outputs = weight.Shape[0], inputs = weight.Shape[1], rows = Rows(x, inputs, "x"), rowsOut = Rows(y, outputs, "y");
        if (rows != rowsOut) throw new ShapeException($"x {x.Shape} has {rows} rows of {inputs} and y {y.Shape} has {rowsOut} rows of {outputs}");
        bias?.RequireCountOf("a bias", outputs);
        if (RunsInTiles(precision, x, weight, y))
        {
            TiledMatMul.Forward(x, packed ?? weight, bias, y, rows, outputs, inputs, precision);
            return;
        }
        var sizes = new ProductSizes { M = rows, N = outputs, K = inputs, ARow = inputs, AStep = 1, BStep = 1, BColumn = inputs, CRow = outputs, CColumn = 1, BiasColumn = 1, Precision = precision };
        if (weight.Type == ElementType.BFloat16) Forward<BFloat16>(x, weight, packed, bias, y, sizes);
        else Forward<Single32>(x, weight, packed, bias, y, sizes);
    }

    /// <summary>
    /// y = x·Wᵀ with a weight of which no packing is kept, for models that only infer and whose weights would not fit twice. A GPU in bfloat16 multiplies a bfloat16 weight as it lies; everything else
    /// widens it to float32, which is exact, packs it where that pays, and forgets both: 4 to 8 bytes for each of the weight's elements while the product runs, each written and read once.
    /// </summary>
    /// <param name="x">[.., in].</param>
    /// <param name="weight">[out, in], float32 or bfloat16.</param>
    /// <param name="y">[.., out], stored as x is.</param>
    /// <param name="precision">What x and the weight are rounded to.</param>
    /// <inheritdoc cref="Forward(Tensor, Tensor, Tensor?, Tensor?, Tensor, Precision)" path="/exception"/>
    public static void ForwardOnce(Tensor x, Tensor weight, Tensor y, Precision precision = Precision.Single)
    {
        var device = weight.Device;
        if (weight.Type == ElementType.BFloat16 && !(device.RunsTiles && precision == Precision.BFloat16))
        {
            using var wide = device.Allocate(weight.Shape);
            Widen.Forward(weight, wide);
            ForwardOnce(x, wide, y, precision);
            return;
        }
        using var packed = weight.Type == ElementType.Single && WantsPacked(Rows(x, weight.Shape[1], "x"), device) ? Pack(weight, null, precision) : null;
        Forward(x, weight, packed, null, y, precision);
    }

    /// <summary>dx = or += dy·W, dx stored as dy is. A CPU makes no use of <paramref name="packed"/>.</summary>
    /// <inheritdoc cref="Forward(Tensor, Tensor, Tensor?, Tensor?, Tensor, Precision)" path="/exception"/>
    public static void BackwardInput(Tensor dY, Tensor weight, Tensor dX, bool accumulate, Precision precision = Precision.Single, Tensor? packed = null)
    {
        int outputs = weight.Shape[0], inputs = weight.Shape[1], rows = Rows(dY, outputs, "dy");
        RequireFit(rows, inputs, dX);
        if (RunsInTiles(precision, dY, weight, dX))
        {
            TiledMatMul.BackwardInput(dY, packed ?? weight, dX, rows, inputs, outputs, accumulate, precision);
            return;
        }
        var sizes = new ProductSizes { M = rows, N = inputs, K = outputs, ARow = outputs, AStep = 1, BStep = inputs, BColumn = 1, CRow = inputs, CColumn = 1, Precision = precision };
        if (weight.Type == ElementType.BFloat16) BackwardInput<BFloat16>(dY, weight, dX, sizes, accumulate);
        else BackwardInput<Single32>(dY, weight, dX, sizes, accumulate);
    }

    /// <summary>dW = or += dyᵀ·x, dy stored as x is, dW in float32.</summary>
    /// <inheritdoc cref="Forward(Tensor, Tensor, Tensor?, Tensor?, Tensor, Precision)" path="/exception"/>
    public static void BackwardWeight(Tensor dY, Tensor x, Tensor dWeight, bool accumulate = true, Precision precision = Precision.Single)
    {
        int outputs = dWeight.Shape[0], inputs = dWeight.Shape[1], rows = Rows(x, inputs, "x");
        if (RunsInTiles(precision, dY, x, dWeight))
        {
            dY.RequireCountOf("dy", (long)rows * outputs);
            TiledMatMul.BackwardWeight(dY, x, dWeight, outputs, inputs, rows, accumulate, precision);
            return;
        }
        var sizes = new ProductSizes { M = outputs, N = inputs, K = rows, ARow = 1, AStep = outputs, BStep = inputs, BColumn = 1, CRow = inputs, CColumn = 1, Precision = precision };
        if (x.Type == ElementType.BFloat16) Launch<BFloat16, BFloat16, Single32>(dY, x, null, null, dWeight, sizes, accumulate);
        else Launch<Single32, Single32, Single32>(dY, x, null, null, dWeight, sizes, accumulate);
    }

    /// <summary>db += Σ over the rows of dy.</summary>
    public static void BackwardBias(Tensor dY, Tensor dBias)
    {
        int n = dBias.Shape[^1], rows = Rows(dY, n, "dy");
        if (dY.Type == ElementType.BFloat16) ColumnSums.Accumulate(new Modulate.SumTerm<BFloat16>(dY.View<BFloat16>(), n), rows, n, dBias);
        else ColumnSums.Accumulate(new Modulate.SumTerm<Single32>(dY.View<Single32>(), n), rows, n, dBias);
    }

    /// <summary>
    /// The weight as products read it, made once for each change of the weight instead of in every product: for a CPU [panel][in][width], for a GPU a copy rounded to bfloat16. Null where
    /// a GPU's products read the weight itself.
    /// </summary>
    /// <param name="weight">[out, in].</param>
    /// <param name="previous">An earlier packing of the same weight, whose memory is used again.</param>
    /// <param name="precision">What the weight is rounded to; the packing serves products of that precision only.</param>
    public static Tensor? Pack(Tensor weight, Tensor? previous, Precision precision = Precision.Single)
    {
        var device = weight.Device;
        if (device.RunsTiles && precision == Precision.BFloat16)
        {
            var rounded = previous ?? device.Allocate(weight.Shape, ElementType.BFloat16);
            Widen.Round(weight, rounded);
            return rounded;
        }
        if (device.RunsTiles || device.Kind == DeviceKind.Cuda) return null;
        int outputs = weight.Shape[0], inputs = weight.Shape[1], panels = (outputs + MicroKernel.Columns - 1) / MicroKernel.Columns;
        var packed = previous ?? device.Allocate([panels, inputs, MicroKernel.Columns]);
        device.Launch(new PackKernel(weight.View<float>(), packed.View<float>(), outputs, inputs, precision), panels);
        return packed;
    }

    private static int Rows(Tensor tensor, int width, string name) => tensor.Count % width == 0
        ? checked((int)(tensor.Count / width))
        : throw new ShapeException($"{name} {tensor.Shape} does not hold rows of {width}");

    private static void RequireFit(int rows, int columns, Tensor c)
    {
        if (c.Count != (long)rows * columns) throw new ShapeException($"a product of {rows} rows of {columns} does not fit a tensor {c.Shape}");
    }

    private static bool RunsInTiles(Precision precision, Tensor a, Tensor b, Tensor c)
    {
        bool single = a.Type == ElementType.Single && b.Type == ElementType.Single && c.Type == ElementType.Single;
        if (precision == Precision.TensorFloat32 && !single)
        {
            throw new ShapeException($"a product in TF32 takes float32 storage; its operands are {a.Shape} of {a.Type} and {b.Shape} of {b.Type}, its result {c.Shape} of {c.Type}");
        }
        // Strict float32 from bfloat16 storage is left to the plain body.
        if (c.Device.RunsTiles) return precision != Precision.Single || single;
        // An older card, or groups of any other size, run the plain body, which rounds nothing.
        if (precision != Precision.Single && c.Device.GroupSize != 1)
        {
            throw new DeviceException($"a product in {precision} needs an NVIDIA card of architecture sm_80 or later, or a CPU; this is {c.Device.Description}{(c.Device.GroupSize > 1 ? $" in groups of {c.Device.GroupSize}" : "")}");
        }
        return false;
    }

    private static void BackwardInput<TWeight>(Tensor dY, Tensor weight, Tensor dX, ProductSizes sizes, bool accumulate) where TWeight : unmanaged, IStorage<TWeight>
    {
        if (dY.Type == ElementType.BFloat16) Launch<BFloat16, TWeight, BFloat16>(dY, weight, null, null, dX, sizes, accumulate);
        else Launch<Single32, TWeight, Single32>(dY, weight, null, null, dX, sizes, accumulate);
    }

    private static void Forward<TWeight>(Tensor x, Tensor weight, Tensor? packed, Tensor? bias, Tensor y, ProductSizes sizes) where TWeight : unmanaged, IStorage<TWeight>
    {
        if (x.Type == ElementType.BFloat16) Forward<BFloat16, TWeight>(x, weight, packed, bias, y, sizes);
        else Forward<Single32, TWeight>(x, weight, packed, bias, y, sizes);
    }

    private static void Forward<T, TWeight>(Tensor x, Tensor weight, Tensor? packed, Tensor? bias, Tensor y, ProductSizes sizes)
        where T : unmanaged, IStorage<T> where TWeight : unmanaged, IStorage<TWeight>
    {
        if (y.Device.Kind == DeviceKind.Cuda || WantsPacked(sizes.M, y.Device))
        {
            Launch<T, TWeight, T>(x, weight, packed, bias, y, sizes, accumulate: false, sliced: false);
            return;
        }
        // Few rows: yᵀ = W·xᵀ, so that x is packed and not the weight.
        var turned = sizes with
        {
            M = sizes.N,
            N = sizes.M,
            BColumn = sizes.ARow,
            CRow = 1,
            CColumn = sizes.CRow,
            BiasRow = 1,
            BiasColumn = 0
        };
        Launch<TWeight, T, T>(weight, x, null, bias, y, turned, accumulate: false, sliced: false);
    }

    /// <summary>Whether a product of so many rows is quicker with a packed weight; on a CPU, with fewer the weight is read as it is.</summary>
    /// <param name="rows">Rows of x.</param>
    /// <param name="device">Where.</param>
    public static bool WantsPacked(int rows, Device device) => device.RunsTiles || (device.Kind != DeviceKind.Cuda && rows > MicroKernel.Columns);

    /// <summary>Whether a product of so many rows packs a weight in its own tasks as quickly as it reads one that is packed: what is packed stays in a cache, and need not be written to memory and read again.</summary>
    /// <param name="rows">Rows of x.</param>
    /// <param name="device">Where.</param>
    public static bool PacksInside(int rows, Device device) => !device.RunsTiles && device.Kind != DeviceKind.Cuda && rows <= MostRowsThatPackInside;

    private static void SetItemColumns(ref ProductSizes sizes, int columns) => (sizes.ItemColumns, sizes.ColumnBlocks) = (columns, (sizes.N + columns - 1) / columns);

    private static void Launch<TA, TB, TC>(Tensor a, Tensor b, Tensor? packed, Tensor? bias, Tensor c, ProductSizes sizes, bool accumulate, bool sliced = true)
        where TA : unmanaged, IStorage<TA> where TB : unmanaged, IStorage<TB> where TC : unmanaged, IStorage<TC>
    {
        RequireFit(sizes.M, sizes.N, c);
        var device = c.Device;
        // Multiples of both heights of a tile, 6 and 8. Where k is long, B is: taller blocks then read it from memory fewer times, and slices of k make up for the fewer blocks.
        sizes.BlockRows = sliced && sizes.K >= 4096 ? 264 : 96;
        sizes.RowBlocks = (sizes.M + sizes.BlockRows - 1) / sizes.BlockRows;
        SetItemColumns(ref sizes, ProductSizes.BlockColumns);
        sizes.Accumulate = accumulate ? 1 : 0;
        sizes.HasBias = bias is null ? 0 : 1;
        sizes.IsPacked = packed is null ? 0 : 1;
        sizes.Launch = Interlocked.Increment(ref s_launches);
        int tiles = sizes.RowBlocks * sizes.ColumnBlocks;
        int slices = !sliced || tiles >= 16 ? 1 : Math.Max(1, Math.Min(sizes.K / 512, 16 / tiles));
        sizes.SliceDepth = (((sizes.K + slices - 1) / slices) + 7) / 8 * 8;
        slices = (sizes.K + sizes.SliceDepth - 1) / sizes.SliceDepth;
        if (device.Kind != DeviceKind.Cuda)
        {
            // A that is packed is packed for all columns at once, where its blocks are many and all of B can be kept. A weight is packed in columns of which all of k can be kept.
            int kept = (int)Math.Min(BlockedProductBody.MostKept / sizes.SliceDepth, sizes.N);
            if (sizes.PacksColumnsOfA && sizes.RowBlocks >= 32 && kept == sizes.N) SetItemColumns(ref sizes, sizes.N);
            else if (sizes.BStep == 1 && packed is null && kept < ProductSizes.BlockColumns) SetItemColumns(ref sizes, Math.Max(kept / 64 * 64, 64));
            tiles = sizes.RowBlocks * sizes.ColumnBlocks;
        }
        string kind = sizes.BStep == 1 ? "x·Wᵀ" : sizes.AStep == 1 ? "dy·W" : "dyᵀ·x";
        device.Profile?.Describe($"{sizes.M}×{sizes.N}×{sizes.K} {kind}", 2.0 * sizes.M * sizes.N * sizes.K);
        var biasView = bias is null ? default : bias.View<float>();
        var packedView = packed is null ? default : packed.View<float>();
        if (slices == 1)
        {
            device.Launch(new BlockedProduct<TA, TB, TC>(a.View<TA>(), b.View<TB>(), packedView, biasView, c.View<TC>(), sizes), tiles, Elements.MaxLanes);
            return;
        }
        using var partials = device.Allocate([slices, sizes.M, sizes.N]);
        sizes.CSlice = (long)sizes.M * sizes.N;
        var partSizes = sizes with { Accumulate = 0, CRow = sizes.N };
        device.Launch(new BlockedProduct<TA, TB, Single32>(a.View<TA>(), b.View<TB>(), packedView, biasView, partials.View<Single32>(), partSizes), tiles * slices, Elements.MaxLanes);
        Map.Launch(device, new AddSlices<TC>(partials.View<float>(), c.View<TC>(), slices, sizes.CSlice, sizes.Accumulate), sizes.CSlice);
    }

    /// <summary>c = [c +] Σ over slices, in order.</summary>
    internal readonly struct AddSlices<T>(DeviceView<float> partials, DeviceView<T> c, int slices, long stride, int accumulate) : IEach
        where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<float> _partials = partials;
        private readonly DeviceView<T> _c = c;
        private readonly int _slices = slices, _accumulate = accumulate;
        private readonly long _stride = stride;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
        {
            S sum = L.Load(_partials, i);
            for (int slice = 1; slice < _slices; slice++) sum = L.Add(sum, L.Load(_partials, (slice * _stride) + i));
            Elements.Put<L, S, T>(_c, i, sum, _accumulate);
        }
    }

    [HostOnly]
    internal readonly unsafe struct PackKernel(DeviceView<float> weight, DeviceView<float> packed, int outputs, int inputs, Precision precision) : IKernel
    {
        private readonly DeviceView<float> _weight = weight, _packed = packed;
        private readonly int _outputs = outputs, _inputs = inputs;
        private readonly Precision _precision = precision;

        public void Run(int item, int lane, int lanes)
        {
            if (lane == 0) PackPanel(_weight, _packed, item, _outputs, _inputs, _precision);
        }

        [IntrinsicImplementation]
        private static void PackPanel(DeviceView<float> weight, DeviceView<float> packed, int panel, int outputs, int inputs, Precision precision)
        {
            int first = panel * MicroKernel.Columns;
            float* to = packed.Address + ((long)first * inputs);
            Packing.PackB(weight.Address + ((long)first * inputs), 1, inputs, inputs, Math.Min(MicroKernel.Columns, outputs - first), to);
            OperandRounding.Round(to, (nint)inputs * MicroKernel.Columns, precision);
        }
    }
}
