using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Reports;

/// <summary>
/// The rows of a run's loss.csv, by the names of its columns. Rows of an earlier version have fewer columns, and a row that is being written is not whole: what a row does not have is NaN, and a row without a step is left out.
/// </summary>
internal sealed class RunHistory
{
    private readonly Dictionary<string, List<double>> _columns;

    private RunHistory(List<long> steps, Dictionary<string, List<double>> columns) => (Steps, _columns) = (steps, columns);

    /// <summary>The steps of the rows, rising.</summary>
    public IReadOnlyList<long> Steps { get; }

    /// <summary>A column, a number a row; all NaN where the file has no such column.</summary>
    public IReadOnlyList<double> this[string column] => _columns.GetValueOrDefault(column) ?? [.. Enumerable.Repeat(double.NaN, Steps.Count)];

    /// <summary>Whether any row has a number in a column.</summary>
    public bool Has(string column) => _columns.GetValueOrDefault(column)?.Any(double.IsFinite) == true;

    /// <summary>Reads a file, also while a run writes it.</summary>
    /// <param name="path">The file; one that is not there has no rows.</param>
    /// <exception cref="FileFormatException">It cannot be read, or its first line does not begin with a column of steps.</exception>
    public static RunHistory Read(string path)
    {
        var steps = new List<long>();
        var columns = new Dictionary<string, List<double>>(StringComparer.Ordinal);
        if (!File.Exists(path)) return new(steps, columns);
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var text = new StreamReader(file);
            string[] names = (text.ReadLine() ?? "").Split(',');
            if (names[0] != "step") throw new FileFormatException($"{path}: its first line is {Quote.Text(string.Join(',', names))}; the names of columns, step first, were expected");
            foreach (string name in names.Skip(1)) columns[name] = [];
            while (text.ReadLine() is { } line)
            {
                string[] fields = line.Split(',');
                if (!long.TryParse(fields[0], NumberStyles.None, CultureInfo.InvariantCulture, out long step) || (steps.Count > 0 && step <= steps[^1])) continue;
                steps.Add(step);
                for (int i = 1; i < names.Length; i++) columns[names[i]].Add(i < fields.Length && double.TryParse(fields[i], NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : double.NaN);
            }
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be read: {SystemReason.Of(error)}", error);
        }
        return new(steps, columns);
    }
}
