namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <summary>
/// The right values in another order of the axes: a transposition, heads before tokens, tokens by columns, an image put together from its patches otherwise. Axes that a
/// file stores as one, such as a grid's rows and columns, are tried apart.
/// </summary>
internal sealed class AxesHint : IHint
{
    // 7! orders, each of which fails at its first elements unless it is the one.
    private const int MostAxes = 7;

    /// <inheritdoc/>
    public string? Explain(Suspect suspect)
    {
        Axis[] axes = [.. suspect.Axes.Where(axis => axis.Size > 1)];
        if (!suspect.SameCount || axes.Length is < 2 or > MostAxes) return null;
        double allowed = suspect.A.Max(Math.Abs) * Math.Min(suspect.Tolerance, suspect.Error / 10);
        int[]? order = Orders(axes.Length).Skip(1).FirstOrDefault(order => Agrees(suspect, axes, order, allowed));
        if (order is null) return null;
        int[] moved = [.. Enumerable.Range(0, order.Length).Where(i => order[i] != i)];
        return moved.Length == 2
            ? $"has A's values with {axes[moved[0]].Name} and {axes[moved[1]].Name} exchanged"
            : $"has A's values in the order ({Names(order.Select(i => axes[i]))}); A has ({Names(axes)})";
    }

    private static string Names(IEnumerable<Axis> axes) => string.Join(", ", axes.Select(axis => axis.Name));

    /// <summary>Whether B, element by element, is A with its axes in another order.</summary>
    private static bool Agrees(Suspect suspect, Axis[] axes, int[] order, double allowed)
    {
        int[] strides = new int[axes.Length];
        for (int i = axes.Length - 1, stride = 1; i >= 0; stride *= axes[i--].Size) strides[i] = stride;
        int[] sizes = [.. order.Select(i => axes[i].Size)], steps = [.. order.Select(i => strides[i])], index = new int[axes.Length];
        int source = 0;
        foreach (double b in suspect.B)
        {
            if (!(Math.Abs(suspect.A[source] - b) <= allowed)) return false;
            for (int axis = index.Length - 1; axis >= 0; axis--)
            {
                source += steps[axis];
                if (++index[axis] < sizes[axis]) break;
                source -= steps[axis] * sizes[axis];
                index[axis] = 0;
            }
        }
        return true;
    }

    /// <summary>All orders of 0 … n − 1, the natural one first, those that move two next.</summary>
    private static IEnumerable<int[]> Orders(int count) => Permute([.. Enumerable.Range(0, count)], 0).OrderBy(order => order.Where((axis, i) => axis != i).Count());

    private static IEnumerable<int[]> Permute(int[] axes, int from)
    {
        if (from >= axes.Length - 1) yield return [.. axes];
        for (int i = from; i < axes.Length && from < axes.Length - 1; i++)
        {
            (axes[from], axes[i]) = (axes[i], axes[from]);
            foreach (int[] order in Permute(axes, from + 1)) yield return order;
            (axes[from], axes[i]) = (axes[i], axes[from]);
        }
    }
}
