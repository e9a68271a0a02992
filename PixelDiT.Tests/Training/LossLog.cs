namespace PixelDiT.Tests.Training;

/// <summary>loss.csv without what is never the same twice: speeds, waiting, memory and the time.</summary>
internal static class LossLog
{
    private static readonly string[] s_everTheSame = ["step", "loss", "grad_norm", "lr", "loss_t00", "loss_t25", "loss_t50", "loss_t75"];

    /// <summary>The lines of a file, the header first, with the columns that follow from the run's settings.</summary>
    public static string[] Figures(string path)
    {
        string[][] rows = [.. File.ReadLines(path).Select(line => line.Split(','))];
        int[] columns = Array.ConvertAll(s_everTheSame, name => Array.IndexOf(rows[0], name));
        return [.. rows.Select(row => string.Join(',', columns.Select(column => row[column])))];
    }
}
