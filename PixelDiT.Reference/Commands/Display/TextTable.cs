using Spectre.Console;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>A table of short texts. On a terminal too narrow for its columns each row becomes a few lines, so that no cell is broken into letters.</summary>
/// <param name="columns">The names of the columns; the first names a row.</param>
internal sealed class TextTable(params string[] columns)
{
    // Beside a cell: a border and two blanks.
    private const int Beside = 3;

    private readonly List<string[]> _rows = [];

    /// <summary>Whether all columns but the first hold numbers, which end at the right.</summary>
    public bool HasNumbers { get; init; }

    /// <summary>Adds a row.</summary>
    /// <param name="cells">Those of the first columns, in the markup of Spectre.Console; text of others went through <see cref="Terminal.Cell"/>. The rest is empty.</param>
    public void AddRow(params string[] cells) => _rows.Add([.. cells, .. Enumerable.Repeat("", columns.Length - cells.Length)]);

    /// <summary>Writes the table.</summary>
    /// <param name="console">Where to.</param>
    /// <param name="narrowest">The width below which a table that does not fit becomes lines; a wider terminal breaks cells between words.</param>
    public void WriteTo(IAnsiConsole console, int narrowest)
    {
        int width = columns.Index().Sum(column => Beside + _rows.Select(row => Markup.Remove(row[column.Index]).Length).Append(column.Item.Length).Max()) + 1;
        if (width > console.Profile.Width && console.Profile.Width < narrowest)
        {
            foreach (string[] row in _rows)
            {
                console.MarkupLine(row[0]);
                foreach (var (column, name) in columns.Index().Skip(1).Where(column => row[column.Index].Length > 0)) console.MarkupLine($"  {(name.Length > 0 ? $"{name}: " : "")}{row[column]}");
            }
            return;
        }
        var table = new Table().AddColumns(columns);
        foreach (var column in table.Columns.Skip(HasNumbers ? 1 : columns.Length)) column.RightAligned();
        foreach (string[] row in _rows) table.AddRow(row);
        console.Write(table);
    }
}
