using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <content>Matrices, whose moments are kept by rows and columns.</content>
public static partial class Came
{
    private static void StepMatrix(Tensor parameter, Gradient gradient, Tensor mean, CameFactors state, CameStep step)
    {
        var device = parameter.Device;
        var (rows, columns) = Matrix(parameter.Shape);
        state.Rows.RequireCountOf("row means", rows);
        state.Columns.RequireCountOf("column means", columns);
        state.ResidualRows.RequireCountOf("row means of a residual", rows);
        state.ResidualColumns.RequireCountOf("column means of a residual", columns);
        int lanes = Elements.LanesFor(columns);
        using var inverseRoots = device.Allocate([columns]);
        using var squares = device.Allocate([rows]);
        using var scalars = device.Allocate([2]);
        Tensor rowMean = scalars.Slice(0, [1]), scale = scalars.Slice(1, [1]);

        device.Launch(new RowMomentKernel(gradient, state.Rows.View<float>(), columns, step), rows, lanes);
        MixColumns(new SquareColumnTerm(gradient, columns, (float)step.Epsilon1), rows, state.Columns, inverseRoots, step.Beta2);
        Reduction.Reduce(device, new ValueTerm(state.Rows.View<float>()), rows, new Reduction.Mean(rowMean.View<float>(), 1f / rows));

        var update = new MatrixUpdate(gradient, state.Rows.View<float>(), rowMean.View<float>(), inverseRoots.View<float>(), scale.View<float>(), columns);
        device.Launch(new UpdateSquareKernel(update, squares.View<float>()), rows, lanes);
        Reduction.Reduce(device, new ValueTerm(squares.View<float>()), rows, new UpdateScale(scale.View<float>(), 1f / parameter.Count, (float)step.UpdateClip));

        device.Launch(new MeanKernel(update, mean.View<float>(), state.ResidualRows.View<float>(), step), rows, lanes);
        // A second vector: the first one's inverse roots are still read by the update.
        using var residualRoots = device.Allocate([columns]);
        MixColumns(new ResidualColumnTerm(update, mean.View<float>(), (float)step.Epsilon2), rows, state.ResidualColumns, residualRoots, step.Beta3);
        Reduction.Reduce(device, new ValueTerm(state.ResidualRows.View<float>()), rows, new Reduction.Mean(rowMean.View<float>(), 1f / rows));
        device.Launch(new StepKernel(
            parameter.View<float>(), mean.View<float>(), state.ResidualRows.View<float>(), rowMean.View<float>(), residualRoots.View<float>(), columns, step), rows, lanes);
    }

    /// <summary>Mixes the column means of a term into their moment, and writes 1/√ of the moment.</summary>
    private static void MixColumns<TTerm>(TTerm term, int rows, Tensor moment, Tensor inverseRoots, double beta) where TTerm : struct, IColumnTerm
    {
        int columns = (int)moment.Count;
        inverseRoots.Clear();
        ColumnSums.Accumulate(term, rows, columns, inverseRoots);
        Map.Launch(moment.Device, new MixEach(moment.View<float>(), inverseRoots.View<float>(), 1f / rows, beta), columns);
    }

    /// <summary>u of a matrix: g · √mean(r)/√r_i · 1/√c_j · scale. A row without gradient has an r of 1e-33, so the roots are divided, and the gradient comes first: no quotient leaves float32.</summary>
    internal readonly struct MatrixUpdate(
        Gradient gradient, DeviceView<float> rows, DeviceView<float> rowMean, DeviceView<float> inverseRoots, DeviceView<float> scale, int columns)
    {
        private readonly Gradient _gradient = gradient;
        private readonly DeviceView<float> _rows = rows, _rowMean = rowMean, _inverseRoots = inverseRoots, _scale = scale;

        public readonly int Columns = columns;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float RowFactor(int row) => MathF.Sqrt(Scalar.Read(_rowMean, 0)) / MathF.Sqrt(Scalar.Read(_rows, row));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Scale() => Scalar.Read(_scale, 0);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(long first, long column, float rowFactor, float scale) where L : struct, ILanes<S> where S : unmanaged
            => L.Multiply(L.Multiply(L.Multiply(_gradient.At<L, S>(first + column), L.Set(rowFactor)), L.Load(_inverseRoots, column)), L.Set(scale));
    }

    /// <summary>r_i = mix(r_i, β₂, mean of row i).</summary>
    internal readonly struct RowMomentKernel(Gradient gradient, DeviceView<float> rows, int columns, CameStep step) : IRowKernel
    {
        private readonly Gradient _gradient = gradient;
        private readonly DeviceView<float> _rows = rows;
        private readonly int _columns = columns;
        private readonly float _epsilon = (float)step.Epsilon1, _keep = (float)step.Beta2, _new = (float)(1 - step.Beta2);

        public void Run(int row, int lane, int lanes)
        {
            float sum = Elements.Sum(new Term(_gradient, (long)row * _columns, _epsilon), _columns, lane, lanes);
            if (lane == 0) Scalar.Write(_rows, row, (_keep * Scalar.Read(_rows, row)) + (_new * (sum / _columns)));
        }

        private readonly struct Term(Gradient gradient, long first, float epsilon) : ITerm
        {
            private readonly Gradient _gradient = gradient;
            private readonly long _first = first;
            private readonly float _epsilon = epsilon;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => _gradient.SquareAt<L, S>(_first + i, _epsilon);
        }
    }

    /// <summary>The sum of u² along a row, before the update is scaled.</summary>
    internal readonly struct UpdateSquareKernel(MatrixUpdate update, DeviceView<float> squares) : IRowKernel
    {
        private readonly MatrixUpdate _update = update;
        private readonly DeviceView<float> _squares = squares;

        public void Run(int row, int lane, int lanes)
        {
            float sum = Elements.Sum(new Term(_update, (long)row * _update.Columns, _update.RowFactor(row)), _update.Columns, lane, lanes);
            if (lane == 0) Scalar.Write(_squares, row, sum);
        }

        private readonly struct Term(MatrixUpdate update, long first, float rowFactor) : ITerm
        {
            private readonly MatrixUpdate _update = update;
            private readonly long _first = first;
            private readonly float _rowFactor = rowFactor;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S u = _update.At<L, S>(_first, i, _rowFactor, 1f);
                return L.Multiply(u, u);
            }
        }
    }

    /// <summary>m = mix(m, β₁, u) along a row, then rr_i = mix(rr_i, β₃, mean of (u − m)² + ε₂). Both loops give a lane the same elements, so it reads what it wrote.</summary>
    internal readonly struct MeanKernel(MatrixUpdate update, DeviceView<float> mean, DeviceView<float> residualRows, CameStep step) : IRowKernel
    {
        private readonly MatrixUpdate _update = update;
        private readonly DeviceView<float> _mean = mean, _residualRows = residualRows;
        private readonly float _keep = (float)step.Beta1, _new = (float)(1 - step.Beta1), _epsilon = (float)step.Epsilon2;
        private readonly float _keepResidual = (float)step.Beta3, _newResidual = (float)(1 - step.Beta3);

        public void Run(int row, int lane, int lanes)
        {
            long first = (long)row * _update.Columns;
            float rowFactor = _update.RowFactor(row), scale = _update.Scale();
            Elements.For(new Mix(_update, _mean, first, rowFactor, scale, _keep, _new), 0, _update.Columns, lane, lanes);
            float sum = Elements.Sum(new Residual(_update, _mean, first, rowFactor, scale, _epsilon), _update.Columns, lane, lanes);
            if (lane == 0) Scalar.Write(_residualRows, row, (_keepResidual * Scalar.Read(_residualRows, row)) + (_newResidual * (sum / _update.Columns)));
        }

        private readonly struct Mix(MatrixUpdate update, DeviceView<float> mean, long first, float rowFactor, float scale, float keep, float fresh) : IEach
        {
            private readonly MatrixUpdate _update = update;
            private readonly DeviceView<float> _mean = mean;
            private readonly long _first = first;
            private readonly float _rowFactor = rowFactor, _scale = scale, _keep = keep, _new = fresh;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
                => L.Store(_mean, _first + i, L.Add(L.Multiply(L.Load(_mean, _first + i), L.Set(_keep)), L.Multiply(_update.At<L, S>(_first, i, _rowFactor, _scale), L.Set(_new))));
        }
    }

    /// <summary>(u − m)² + ε₂ along a row.</summary>
    private readonly struct Residual(MatrixUpdate update, DeviceView<float> mean, long first, float rowFactor, float scale, float epsilon) : ITerm
    {
        private readonly MatrixUpdate _update = update;
        private readonly DeviceView<float> _mean = mean;
        private readonly long _first = first;
        private readonly float _rowFactor = rowFactor, _scale = scale, _epsilon = epsilon;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
        {
            S residual = L.Subtract(_update.At<L, S>(_first, i, _rowFactor, _scale), L.Load(_mean, _first + i));
            return L.MultiplyAdd(residual, residual, L.Set(_epsilon));
        }
    }

    /// <summary>p of a row: decay, then p −= lr · m · √mean(rr)/√rr_i · 1/√cc_j.</summary>
    internal readonly struct StepKernel(
        DeviceView<float> parameter, DeviceView<float> mean, DeviceView<float> residualRows, DeviceView<float> rowMean, DeviceView<float> inverseRoots, int columns, CameStep step) : IRowKernel
    {
        private readonly DeviceView<float> _parameter = parameter, _mean = mean, _residualRows = residualRows, _rowMean = rowMean, _inverseRoots = inverseRoots;
        private readonly int _columns = columns;
        private readonly float _rate = (float)step.LearningRate, _keep = (float)(1 - (step.LearningRate * step.WeightDecay));

        public void Run(int row, int lane, int lanes)
        {
            float rowFactor = MathF.Sqrt(Scalar.Read(_rowMean, 0)) / MathF.Sqrt(Scalar.Read(_residualRows, row));
            Elements.For(new Each(_parameter, _mean, _inverseRoots, (long)row * _columns, rowFactor, _rate, _keep), 0, _columns, lane, lanes);
        }

        private readonly struct Each(DeviceView<float> parameter, DeviceView<float> mean, DeviceView<float> inverseRoots, long first, float rowFactor, float rate, float keep) : IEach
        {
            private readonly DeviceView<float> _parameter = parameter, _mean = mean, _inverseRoots = inverseRoots;
            private readonly long _first = first;
            private readonly float _rowFactor = rowFactor, _rate = rate, _keep = keep;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S d = L.Multiply(L.Multiply(L.Load(_mean, _first + i), L.Set(_rowFactor)), L.Load(_inverseRoots, i));
                L.Store(_parameter, _first + i, L.Subtract(L.Multiply(L.Load(_parameter, _first + i), L.Set(_keep)), L.Multiply(d, L.Set(_rate))));
            }
        }
    }

    /// <summary>g² + ε₁ by columns.</summary>
    internal readonly struct SquareColumnTerm(Gradient gradient, int columns, float epsilon) : IColumnTerm
    {
        private readonly Gradient _gradient = gradient;
        private readonly int _columns = columns;
        private readonly float _epsilon = epsilon;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(int row, int column) where L : struct, ILanes<S> where S : unmanaged => _gradient.SquareAt<L, S>(((long)row * _columns) + column, _epsilon);
    }

    /// <summary>(u − m)² + ε₂ by columns.</summary>
    internal readonly struct ResidualColumnTerm(MatrixUpdate update, DeviceView<float> mean, float epsilon) : IColumnTerm
    {
        private readonly MatrixUpdate _update = update;
        private readonly DeviceView<float> _mean = mean;
        private readonly float _epsilon = epsilon;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(int row, int column) where L : struct, ILanes<S> where S : unmanaged
            => new Residual(_update, _mean, (long)row * _update.Columns, _update.RowFactor(row), _update.Scale(), _epsilon).At<L, S>(column);
    }

    /// <summary>A column's moment mixed with its mean, and 1/√ of it in place of the sum.</summary>
    internal readonly struct MixEach(DeviceView<float> moment, DeviceView<float> sums, float inverseRows, double beta) : IEach
    {
        private readonly DeviceView<float> _moment = moment, _sums = sums;
        private readonly float _inverseRows = inverseRows, _keep = (float)beta, _new = (float)(1 - beta);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
        {
            S mean = L.Multiply(L.Load(_sums, i), L.Set(_inverseRows));
            S moment = L.Add(L.Multiply(L.Load(_moment, i), L.Set(_keep)), L.Multiply(mean, L.Set(_new)));
            L.Store(_moment, i, moment);
            L.Store(_sums, i, L.Divide(L.Set(1), L.Sqrt(moment)));
        }
    }
}
