namespace PixelDiT.Reference.Commands.Options;

/// <summary>Which of several names somebody may have meant.</summary>
internal static class Nearest
{
    private const int MostShown = 2;

    /// <summary>", did you mean …?" where one or two names are near, and else nothing.</summary>
    /// <param name="typed">What was typed.</param>
    /// <param name="known">The names there are.</param>
    public static string Advice(string typed, IEnumerable<string> known)
    {
        // A third of the letters may be wrong: one of a short name, three of a long one.
        int most = Math.Max(1, typed.TrimStart('-').Length / 3);
        string[] near =
        [
            .. known.Select(name => (Name: name, Distance: Distance(typed.ToLowerInvariant(), name.ToLowerInvariant())))
                .Where(candidate => candidate.Distance <= most || (typed.TrimStart('-').Length > 2 && candidate.Name.StartsWith(typed, StringComparison.OrdinalIgnoreCase)))
                .OrderBy(candidate => candidate.Distance).ThenBy(candidate => candidate.Name, StringComparer.Ordinal).Select(candidate => candidate.Name).Take(MostShown)
        ];
        return near.Length == 0 ? "" : $"; did you mean {string.Join(" or ", near)}?";
    }

    /// <summary>The least number of letters to insert, drop, replace or swap with their neighbour that makes one text of another (optimal string alignment).</summary>
    private static int Distance(string a, string b)
    {
        var rows = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++) rows[i, 0] = i;
        for (int j = 0; j <= b.Length; j++) rows[0, j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            for (int j = 1; j <= b.Length; j++)
            {
                int change = rows[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                rows[i, j] = Math.Min(change, Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
            }
        }
        return rows[a.Length, b.Length];
    }
}
