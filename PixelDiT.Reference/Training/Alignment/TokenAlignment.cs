using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations.Vision;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Vision;

namespace PixelDiT.Reference.Training.Alignment;

/// <summary>
/// The loss of representation alignment between projected tokens u and a teacher's z. Of class models it is the mean of 1 − cos(u, z); where the teacher has fewer tokens, u is pooled to its grid, where it has more, resized.
/// Of text models it is minus the mean cosine; where the teacher has fewer, unit vectors of u are resized to its grid, where it has more, z is resized to the student's.
/// </summary>
/// <param name="device">Where tokens are.</param>
/// <param name="ofText">Whether the model is a text model.</param>
/// <param name="weight">What the loss is multiplied by beside that of the flow.</param>
internal sealed class TokenAlignment(Device device, bool ofText, double weight = 0.5) : IDisposable
{
    /// <summary>What the loss is multiplied by beside that of the flow.</summary>
    public double Weight => weight;

    private readonly Dictionary<(int Student, int Teacher), CsrMatrix> _matrices = [];

    /// <summary>The loss, without its weight.</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="projected">u [B, ns, width], float32.</param>
    /// <param name="teacher">z [B, nt, width], float32.</param>
    /// <exception cref="ShapeException">Batches or widths differ, or numbers of tokens differ and are not both squares; of a text model they must be squares in any case.</exception>
    public Variable Loss(Tape tape, Variable projected, Tensor teacher)
    {
        if (teacher.Shape.Rank != 3 || teacher.Shape[0] != projected.Shape[0] || teacher.Shape[2] != projected.Shape[2]) throw new ShapeException($"a teacher's tokens {teacher.Shape} do not fit projected ones {projected.Shape}");
        int students = projected.Shape[1], teachers = teacher.Shape[1];
        if (ProblemOf(students, teachers, ofText) is { } problem) throw new ShapeException(problem);
        if (!ofText) return tape.CosineLoss(students == teachers ? projected : tape.SparseMatMul(MatrixOf(students, teachers), projected), teacher, offset: 1);
        if (students > teachers) return tape.CosineLoss(tape.SparseMatMul(MatrixOf(students, teachers), tape.L2Normalize(projected)), teacher, offset: 0);
        if (students == teachers) return tape.CosineLoss(projected, teacher, offset: 0);
        var resized = tape.Allocate(projected.Shape);
        SparseMatMul.Forward(MatrixOf(teachers, students), teacher, resized);
        return tape.CosineLoss(projected, resized, offset: 0);
    }

    /// <summary>Why two numbers of tokens cannot be compared; null where they can.</summary>
    public static string? ProblemOf(int students, int teachers, bool ofText)
        => (!ofText && students == teachers) || (IsSquare(students) && IsSquare(teachers)) ? null
        : $"{students} tokens are to be aligned with a teacher's {teachers}; {(ofText ? "both must be squares of whole numbers, as the text trainer has it" : "two numbers that differ must both be squares of whole numbers")}";

    private CsrMatrix MatrixOf(int from, int to)
    {
        if (_matrices.TryGetValue((from, to), out var known)) return known;
        int side = (int)Math.Sqrt(from), toSide = (int)Math.Sqrt(to);
        return _matrices[(from, to)] = !ofText && to < from ? TokenGrid.AveragePool(device, side, side, toSide, toSide) : TokenGrid.Bilinear(device, side, side, toSide, toSide);
    }

    private static bool IsSquare(int count) => (int)Math.Sqrt(count) is var side && side * side == count;

    /// <summary>Frees the matrices.</summary>
    public void Dispose()
    {
        foreach (var matrix in _matrices.Values) matrix.Dispose();
        _matrices.Clear();
    }
}
