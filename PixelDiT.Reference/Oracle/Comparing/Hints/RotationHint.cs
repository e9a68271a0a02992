namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <summary>
/// Queries and keys that are not rotated, or otherwise than by RoPE 2-D (SPEC §2). Where q or k is traced, A's rotation is taken back and another one put in its place;
/// where only a block's output is, the model computes the block again.
/// </summary>
internal sealed class RotationHint : IHint
{
    private static readonly (string Fault, Func<int, int, int, double[]> Table)[] s_tables =
    [
        ("leaves out the rotation by RoPE", (head, rows, columns) => Angles(head, rows, columns, (_, _, _) => 0)),
        ("takes token rows for columns in RoPE: even pairs turn by the column, odd pairs by the row",
            (head, rows, columns) => Angles(head, rows, columns, (x, y, pair) => pair % 2 == 0 ? Span(y, rows) : Span(x, columns))),
        ("turns by RoPE in the opposite direction",
            (head, rows, columns) => Angles(head, rows, columns, (x, y, pair) => pair % 2 == 0 ? -Span(x, columns) : -Span(y, rows))),
        ("counts tokens 0, 1, 2, … as positions of RoPE; the model stretches every grid over 0 to 16",
            (head, rows, columns) => Angles(head, rows, columns, (x, y, pair) => pair % 2 == 0 ? x : y))
    ];

    /// <inheritdoc/>
    public string? Explain(Suspect suspect)
    {
        if (suspect.Geometry is not { } g || suspect.Activation is not { } stage || StageName.Block(stage) is not var (_, _, step) || !suspect.SameCount) return null;
        if (step.Length == 0) return s_tables.FirstOrDefault(entry => suspect.Matches(suspect.Model?.Compute(suspect, new StageVariant { RopeTable = entry.Table }))).Fault;
        if (step is not ("attn.q" or "attn.k") || suspect.Reference.Shape(suspect.Name) is not [.., var heads, var head] || suspect.Axes.Count != 5 || head % 4 != 0) return null;

        double[] natural = Exact.RopeTable(head, g.GridHeight, g.GridWidth), plain = Turn(suspect.A, natural, heads, head, -1);
        foreach (var (fault, table) in s_tables)
        {
            if (suspect.Matches(Turn(plain, table(head, g.GridHeight, g.GridWidth), heads, head, 1))) return fault;
        }
        if (suspect.Matches(TurnHalves(plain, natural, heads, head))) return "pairs channel i with channel i + hd/2 in RoPE; the model pairs channels 2i and 2i + 1";
        // Where the token's position is (0, 0), no angle turns anything.
        double allowed = suspect.Tolerance * suspect.A.Max(Math.Abs);
        if (suspect.A.Where((a, i) => i / (heads * head) % g.Tokens == 0 && !(Math.Abs(suspect.B[i] - a) <= allowed)).Any()) return null;
        return SameNorms(suspect, 2) ? "turns the right pairs of RoPE by other angles: the magnitude of every pair agrees"
            : SameNorms(suspect, head) ? "keeps the length of every row: it is turned, but not in RoPE's pairs of channels 2i and 2i + 1" : null;
    }

    /// <summary>Whether runs of so many values have equal lengths in A and B.</summary>
    private static bool SameNorms(Suspect suspect, int run) => suspect with { A = Norms(suspect.A, run), B = Norms(suspect.B, run) } is var norms && norms.Matches(norms.A);

    private static double[] Norms(double[] x, int run) => [.. x.Chunk(run).Select(values => Math.Sqrt(values.Sum(value => value * value)))];

    private static double Span(int index, int count) => count == 1 ? 0 : 16.0 * index / (count - 1);

    private static double[] Angles(int head, int rows, int columns, Func<int, int, int, double> position)
    {
        double[] table = new double[rows * columns * head];
        for (int i = 0; i < table.Length; i += 2)
        {
            int token = i / head, pair = i % head / 2;
            double angle = position(token % columns, token / columns, pair) * Math.Pow(10000, -4.0 * (pair / 2) / head);
            (table[i], table[i + 1]) = (Math.Cos(angle), Math.Sin(angle));
        }
        return table;
    }

    private static double[] Turn(double[] x, double[] table, int heads, int head, int direction)
    {
        double[] y = new double[x.Length];
        for (int i = 0; i < x.Length; i += 2)
        {
            int at = (i / (heads * head) * head + (i % head)) % table.Length;
            double cos = table[at], sin = direction * table[at + 1];
            (y[i], y[i + 1]) = ((x[i] * cos) - (x[i + 1] * sin), (x[i] * sin) + (x[i + 1] * cos));
        }
        return y;
    }

    private static double[] TurnHalves(double[] x, double[] table, int heads, int head)
    {
        double[] y = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            int pair = i % head;
            if (pair >= head / 2) continue;
            int at = ((i / (heads * head) * head) + (2 * pair)) % table.Length, other = i + (head / 2);
            (y[i], y[other]) = ((x[i] * table[at]) - (x[other] * table[at + 1]), (x[i] * table[at + 1]) + (x[other] * table[at]));
        }
        return y;
    }
}
