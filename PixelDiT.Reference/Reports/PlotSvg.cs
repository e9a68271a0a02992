using System.Globalization;
using System.Text;

namespace PixelDiT.Reference.Reports;

/// <summary>Draws a plot as SVG that stands in a page: colours come from its style sheet, and a person who sees no picture is told what it shows.</summary>
/// <param name="steps">The steps of the rows.</param>
/// <param name="marks">What happened to the run.</param>
internal sealed class PlotSvg(IReadOnlyList<long> steps, PlotMarks marks)
{
    private const int Width = 640, Height = 250, Left = 58, Right = 14, Top = 12, Bottom = 34, Columns = 320;

    private readonly Axis _x = new(steps.Select(step => (double)step));

    /// <summary>The picture with its caption and legend.</summary>
    /// <param name="plot">What to draw.</param>
    /// <param name="id">Tells it from others of the page.</param>
    public string Draw(Plot plot, string id)
    {
        var lines = plot.Curves.Select(curve => (Curve: curve, Smoothed: curve.Smoothed())).ToList();
        var shown = lines.SelectMany(line => line.Curve.ShowsRange ? line.Curve.Values.Concat(line.Smoothed) : line.Smoothed);
        var y = new Axis(plot.Level is { } level ? shown.Append(level.Value) : shown, plot.MayBeLogarithmic);
        var svg = new StringBuilder();
        string unit = plot.Unit.Length > 0 ? $", {plot.Unit}" : "", scale = y.IsLogarithmic ? ", logarithmic" : "";
        svg.Append($"<figure class=\"plot\">\n<figcaption>{HtmlText.Of(plot.Title + unit + scale)}</figcaption>\n<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\n");
        svg.Append($"<title id=\"{id}-t\">{HtmlText.Of(plot.Title)}</title><desc id=\"{id}-d\">{HtmlText.Of(Describe(plot, lines))}</desc>\n");
        Axes(svg, y);
        foreach (long step in marks.Resumed) svg.Append(Invariant($"<line class=\"resumed\" x1=\"{X(step):F1}\" x2=\"{X(step):F1}\" y1=\"{Top}\" y2=\"{Height - Bottom}\"/>\n"));
        foreach (long step in Spread(marks.Skipped)) svg.Append(Invariant($"<path class=\"skipped\" d=\"M{X(step) - 4:F1} {Height - Bottom} h8 l-4 -8 z\"/>\n"));
        foreach (var (number, line) in lines.Index())
        {
            if (line.Curve.ShowsRange) Range(svg, line.Curve.Values, y);
            Line(svg, line.Smoothed, y, number);
        }
        if (plot.Level is { } drawn) svg.Append(Invariant($"<line class=\"level\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(y, drawn.Value):F1}\" y2=\"{Y(y, drawn.Value):F1}\"/>\n"));
        svg.Append("</svg>\n");
        Legend(svg, plot);
        return svg.Append("</figure>\n").ToString();
    }

    private string Describe(Plot plot, IEnumerable<(Curve Curve, double[] Smoothed)> lines)
    {
        var parts = lines.Select(line => line.Smoothed.Where(double.IsFinite).ToArray() is { Length: > 0 } numbers ? $"{line.Curve.Name}: from {Axis.Label(numbers[0])} to {Axis.Label(numbers[^1])}, lowest {Axis.Label(numbers.Min())}, highest {Axis.Label(numbers.Max())}" : $"{line.Curve.Name}: no numbers");
        return $"Steps {steps[0]} to {steps[^1]}. {string.Join("; ", parts)}{(plot.Level is { } level ? $"; {level.Name}: {Axis.Label(level.Value)}" : "")}.";
    }

    private void Axes(StringBuilder svg, Axis y)
    {
        foreach (double tick in y.Ticks())
        {
            double at = Y(y, tick);
            svg.Append(Invariant($"<line class=\"grid\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{at:F1}\" y2=\"{at:F1}\"/><text class=\"y\" x=\"{Left - 6}\" y=\"{at + 4:F1}\">{Axis.Label(tick)}</text>\n"));
        }
        foreach (double tick in _x.Ticks().Where(tick => tick >= 0)) svg.Append(Invariant($"<text class=\"x\" x=\"{X(tick):F1}\" y=\"{Height - Bottom + 16}\">{Axis.Label(tick)}</text>\n"));
        svg.Append(Invariant($"<text class=\"x\" x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 3}\">step</text>\n"));
    }

    /// <summary>The lowest and the highest number of each column of the picture, as an area.</summary>
    private void Range(StringBuilder svg, IReadOnlyList<double> values, Axis y)
    {
        var columns = Grouped(values, y).Select(column => (column.Step, Low: column.Numbers.Min(), High: column.Numbers.Max())).ToList();
        if (columns.Count == 0) return;
        var upper = columns.Select(column => Point(column.Step, column.High, y));
        var lower = Enumerable.Reverse(columns).Select(column => Point(column.Step, column.Low, y));
        svg.Append($"<path class=\"range\" d=\"M{string.Join('L', upper.Concat(lower))}Z\"/>\n");
    }

    private void Line(StringBuilder svg, double[] values, Axis y, int number)
    {
        string[] points = [.. Grouped(values, y).Select(column => Point(column.Step, column.Numbers.Average(), y))];
        if (points.Length == 1) svg.Append(Invariant($"<circle class=\"dot c{number}\" cx=\"{points[0].Split(' ')[0]}\" cy=\"{points[0].Split(' ')[1]}\" r=\"3\"/>\n"));
        else if (points.Length > 1) svg.Append(Invariant($"<path class=\"line c{number}\" d=\"M{string.Join('L', points)}\"/>\n"));
    }

    /// <summary>The numbers of each column of the picture that can be drawn.</summary>
    private IEnumerable<(double Step, List<double> Numbers)> Grouped(IReadOnlyList<double> values, Axis y)
    {
        List<double> numbers = [];
        double first = 0;
        int column = -1;
        for (int i = 0; i < values.Count; i++)
        {
            if (!double.IsFinite(values[i]) || (y.IsLogarithmic && values[i] <= 0)) continue;
            int here = (int)(_x.At(steps[i]) * Columns);
            if (here != column && numbers.Count > 0)
            {
                yield return (first, numbers);
                numbers = [];
            }
            if (numbers.Count == 0) first = steps[i];
            column = here;
            numbers.Add(values[i]);
        }
        if (numbers.Count > 0) yield return (first, numbers);
    }

    /// <summary>So many that the picture stays small: of steps in one column the first.</summary>
    private IEnumerable<long> Spread(IReadOnlyList<long> at) => at.GroupBy(step => (int)(_x.At(step) * Columns)).Select(group => group.First());

    private void Legend(StringBuilder svg, Plot plot)
    {
        var entries = new List<string>();
        if (plot.Curves.Count > 1 || plot.Curves[0].Smoothing > 1) entries.AddRange(plot.Curves.Select((curve, number) => $"<li><span class=\"key c{number}\"></span>{HtmlText.Of(curve.Name)}{(curve.Smoothing > 1 ? $", mean over {curve.Smoothing} steps" : "")}{(curve.ShowsRange ? ", and its range" : "")}</li>"));
        if (plot.Level is { } level) entries.Add($"<li><span class=\"key level\"></span>{HtmlText.Of(level.Name)} {Axis.Label(level.Value)}</li>");
        if (marks.Resumed.Count > 0) entries.Add("<li><span class=\"key resumed\"></span>went on after a stop</li>");
        if (marks.Skipped.Count > 0) entries.Add("<li><span class=\"key skipped\"></span>step skipped</li>");
        if (entries.Count > 0) svg.Append($"<ul class=\"legend\">{string.Concat(entries)}</ul>\n");
    }

    private string Point(double step, double value, Axis y) => Invariant($"{X(step):F1} {Y(y, value):F1}");

    private double X(double step) => Left + (_x.At(step) * (Width - Left - Right));

    private static double Y(Axis y, double value) => Height - Bottom - (y.At(value) * (Height - Bottom - Top));

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
