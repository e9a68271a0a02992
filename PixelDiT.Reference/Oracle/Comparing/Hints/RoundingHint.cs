namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <summary>
/// Differences of the size of bfloat16, or of float16 and TF32: values that have so few bits, or an error of that size that is spread over all elements without a pattern, as
/// products of rounded operands have. A formula that is wrong by little can look like the second, so that says "as if".
/// </summary>
internal sealed class RoundingHint : IHint
{
    private const int LeastElements = 16;

    /// <inheritdoc/>
    public string? Explain(Suspect suspect)
    {
        if (!suspect.SameCount) return null;
        foreach (var (bits, format) in ((int, string)[])[(8, "bfloat16"), (11, "float16 or TF32")])
        {
            if (IsRounded(suspect, bits)) return $"is A rounded to {format}: its values have {bits} significant bits";
        }
        if (suspect.A.Length < LeastElements) return null;
        double squares = 0, errors = 0, along = 0, largest = 0;
        int changed = 0;
        for (int i = 0; i < suspect.A.Length; i++)
        {
            double a = suspect.A[i], error = suspect.B[i] - a;
            squares += a * a;
            errors += error * error;
            along += a * error;
            largest = Math.Max(largest, Math.Abs(error));
            if (error != 0) changed++;
        }
        double relative = Math.Sqrt(errors / squares), rms = Math.Sqrt(errors / suspect.A.Length);
        // Rounding touches nearly everything, has no outlier, and does not point along the values.
        if (changed < 0.9 * suspect.A.Length || largest > 8 * rms || Math.Abs(along) > 0.5 * Math.Sqrt(squares * errors)) return null;
        return Name(relative) is { } size ? $"differs as if computed with operands in {size}: by {relative:0.0e-0} of its norm, over all elements and without a pattern" : null;
    }

    /// <summary>Products of operands with a unit roundoff of 2⁻ⁿ differ by about 2⁻ⁿ of their norm; a few of them in a row by a few times that.</summary>
    private static string? Name(double relative) => Math.Log2(relative) switch
    {
        > -11 and < -6.5 => "bfloat16",
        > -14 and <= -11 => "float16 or TF32",
        _ => null
    };

    /// <summary>Whether every value of B has so few significant bits, lies as near to A's as rounding puts it, and A's have more.</summary>
    private static bool IsRounded(Suspect suspect, int bits)
    {
        double unit = Math.ScaleB(1, -bits);
        bool more = false;
        for (int i = 0; i < suspect.A.Length; i++)
        {
            double a = suspect.A[i], b = suspect.B[i];
            if (!HasBits(b, bits) || Math.Abs(b - a) > unit * Math.Abs(a) * 1.001) return false;
            more |= !HasBits(a, bits);
        }
        return more;
    }

    private static bool HasBits(double value, int bits)
    {
        if (value == 0) return true;
        double scaled = Math.ScaleB(value, bits - 1 - Math.ILogB(value));
        return scaled == Math.Truncate(scaled);
    }
}
