using System.Globalization;

namespace PixelDiT.Reference.Reports;

/// <summary>Where numbers lie on a side of a plot, and which of them are written there.</summary>
internal sealed class Axis
{
    // What a linear axis would squeeze into its lowest twentieth deserves a logarithmic one.
    private const double LogarithmicRange = 20;
    private const int MostTicks = 6;

    private readonly double _low, _high;

    /// <summary>An axis that has room for numbers.</summary>
    /// <param name="values">The numbers; those that are not finite are left out.</param>
    /// <param name="mayBeLogarithmic">Whether it becomes logarithmic where the numbers are positive and far apart.</param>
    public Axis(IEnumerable<double> values, bool mayBeLogarithmic = false)
    {
        double low = double.PositiveInfinity, high = double.NegativeInfinity;
        foreach (double value in values.Where(double.IsFinite)) (low, high) = (Math.Min(low, value), Math.Max(high, value));
        if (low > high) (low, high) = (0, 1);
        IsLogarithmic = mayBeLogarithmic && low > 0 && high / low > LogarithmicRange;
        if (low == high) (low, high) = low == 0 ? (0, 1) : (low - Math.Abs(low / 10), high + Math.Abs(high / 10));
        // Numbers that begin near zero are shown from zero on.
        else if (!IsLogarithmic && low > 0 && low < 0.4 * high) low = 0;
        (_low, _high) = IsLogarithmic ? (Math.Log10(low), Math.Log10(high)) : (low, high);
    }

    /// <summary>Whether equal ratios have equal lengths.</summary>
    public bool IsLogarithmic { get; }

    /// <summary>The place of a number, from 0 at the low end to 1 at the high one.</summary>
    public double At(double value) => ((IsLogarithmic ? Math.Log10(value) : value) - _low) / (_high - _low);

    /// <summary>Round numbers within it.</summary>
    public IEnumerable<double> Ticks()
    {
        if (IsLogarithmic)
        {
            double[] within = _high - _low > 3 ? [1] : _high - _low > 1.5 ? [1, 3] : [1, 2, 5];
            for (int power = (int)Math.Floor(_low); power <= Math.Ceiling(_high); power++)
            {
                foreach (double tick in within.Select(digit => digit * Math.Pow(10, power)).Where(tick => Math.Log10(tick) >= _low - 1e-9 && Math.Log10(tick) <= _high + 1e-9)) yield return tick;
            }
            yield break;
        }
        double rough = (_high - _low) / MostTicks, unit = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double step = unit * ((double[])[1, 2, 5, 10]).First(factor => factor * unit >= rough);
        for (long i = (long)Math.Ceiling((_low / step) - 1e-9); i * step <= _high + (1e-9 * step); i++) yield return i * step;
    }

    /// <summary>A number as it stands beside a tick.</summary>
    public static string Label(double value) => Math.Abs(value) switch
    {
        0 => "0",
        >= 1e5 or < 1e-3 => value.ToString("0.##e0", CultureInfo.InvariantCulture),
        >= 1e3 => value.ToString("#,0", CultureInfo.InvariantCulture),
        _ => value.ToString("G4", CultureInfo.InvariantCulture)
    };
}
