namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <summary>
/// Queries and keys that are not rotated, or otherwise than by RoPE 2-D, in a text by RoPE along it (SPEC §2, §6). Where q or k is traced, A's rotation is taken back and another one put in its
/// place; where only a block's output is, the model computes the block again.
/// </summary>
internal sealed class RotationHint : IHint
{
    private const double Theta = 10000;
    private const string OfImage = ", in the image's stream", Sequential = "turns the image by places 0, 1, 2, … of a sequence, as a text; the model turns it by row and column";

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

    private static readonly (string Fault, Func<int, TraceGeometry, double[]?> Table)[] s_textTables =
    [
        ("leaves out the rotation of the text by RoPE", (head, g) => Exact.TextRopeTable(head, g.Words, null)),
        ("turns the text by the image's positions, the first of the patch grid; the model's are 0, 1, 2, … along the text", (head, g) => g.Words <= g.Tokens ? Exact.RopeTable(head, g.GridHeight, g.GridWidth)[..(g.Words * head)] : null),
        ("turns the text as an image of one row, its places stretched over 0 to 16; the model's are 0, 1, 2, …, with frequencies of their own", (head, g) => Exact.RopeTable(head, 1, g.Words)),
        ("turns the text by RoPE in the opposite direction", (head, g) => [.. Exact.TextRopeTable(head, g.Words, Theta).Select((value, i) => i % 2 == 0 ? value : -value)]),
        ("turns the text by RoPE, which A's model does not", (head, g) => Exact.TextRopeTable(head, g.Words, Theta))
    ];

    /// <inheritdoc/>
    public string? Explain(Suspect suspect)
    {
        if (suspect.Geometry is not { } g || suspect.Activation is not { } stage || StageName.Block(stage) is not { } at || !suspect.SameCount) return null;
        if (at.Step.Length == 0) return OfBlock(suspect, g, at.Stream.Length > 0);
        bool isText = at.Stream == "y";
        int tokens = isText ? g.Words : g.Tokens;
        if (at.Step is not ("attn.q" or "attn.k") || suspect.Reference.Shape(suspect.Name) is not [_, _, > 0 and var heads, > 0 and var head] || head % 4 != 0) return null;
        if (tokens == 0 || suspect.A.Length != (long)g.Images * tokens * heads * head) return null;

        double[] natural = !isText ? Exact.RopeTable(head, g.GridHeight, g.GridWidth) : suspect.Model is { Config: { IsText: true } config } && config.HeadWidth == head ? suspect.Model.TextTable(g) : Exact.TextRopeTable(head, tokens, Theta);
        double[] plain = Turn(suspect.A, natural, heads, head, -1);
        foreach (var (fault, table) in isText ? s_textTables.Select(entry => (entry.Fault, Table: entry.Table(head, g))) : OfGrid(head, g, at.Stream))
        {
            if (table is not null && suspect.Matches(Turn(plain, table, heads, head, 1))) return fault;
        }
        if (isText && suspect.Matches(Turn(suspect.A, natural, heads, head, 1))) return "turns the text by RoPE once more than A: twice, or where A's model does not";
        if (suspect.Matches(TurnHalves(plain, natural, heads, head))) return "pairs channel i with channel i + hd/2 in RoPE; the model pairs channels 2i and 2i + 1";
        // Where the token's position is (0, 0), no angle turns anything.
        double allowed = suspect.Tolerance * suspect.A.Max(Math.Abs);
        if (suspect.A.Where((a, i) => i / (heads * head) % tokens == 0 && !(Math.Abs(suspect.B[i] - a) <= allowed)).Any()) return null;
        return SameNorms(suspect, 2) ? "turns the right pairs of RoPE by other angles: the magnitude of every pair agrees"
            : SameNorms(suspect, head) ? "keeps the length of every row: it is turned, but not in RoPE's pairs of channels 2i and 2i + 1" : null;
    }

    /// <summary>What a block's output says, computed again with each fault; of an MM-DiT block also with those of its text.</summary>
    private static string? OfBlock(Suspect suspect, TraceGeometry g, bool isJoint)
    {
        if (suspect.Model is not { } model) return null;
        foreach (var (fault, table) in s_tables)
        {
            if (suspect.Matches(model.Compute(suspect, new StageVariant { RopeTable = table }))) return isJoint ? fault + OfImage : fault;
        }
        if (!isJoint) return null;
        foreach (var (fault, table) in s_textTables)
        {
            if (suspect.Matches(model.Compute(suspect, new StageVariant { TextRopeTable = table }))) return fault;
        }
        var none = new StageVariant { RopeTable = s_tables[0].Table, TextRopeTable = s_textTables[0].Table };
        if (suspect.Matches(model.Compute(suspect, none))) return "leaves out the rotation by RoPE of both streams, the image's and the text's";
        return suspect.Matches(model.Compute(suspect, new StageVariant { RopeTable = (head, rows, columns) => Exact.TextRopeTable(head, rows * columns, Theta) })) ? Sequential : null;
    }

    private static IEnumerable<(string Fault, double[]? Table)> OfGrid(int head, TraceGeometry g, string stream)
    {
        foreach (var (fault, table) in s_tables) yield return (stream.Length > 0 ? fault + OfImage : fault, table(head, g.GridHeight, g.GridWidth));
        if (stream.Length > 0) yield return (Sequential, Exact.TextRopeTable(head, g.Tokens, Theta));
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
