namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <summary>Another time than the model's, which is 1000σ in a text model, from 0 for data to 1000 for noise (SPEC §6), and t in a class model, from 0 for noise to 1 for data. Seen in <c>in.t</c>, or by computing <c>t_embedder</c> again.</summary>
internal sealed class TimeHint : IHint
{
    private static readonly (string Fault, Func<double, double> Time)[] s_ofText =
    [
        ("takes σ, from 0 to 1, for the time; the model's time is 1000σ", t => t / 1000),
        ("takes 1 − σ, from 0 for noise to 1 for data, for the time, as class models do; the model's time is 1000σ", t => 1 - (t / 1000)),
        ("takes 1000(1 − σ) for the time; the model's is 1000σ, and 1000 is noise", t => 1000 - t),
        ("rounds the time to bfloat16, whose numbers lie 4 apart above 512; the fastest of the embedding's sines turns by one radian a unit", RoundedToBFloat16),
        ("rounds the time down to a whole number, as training does; in sampling the model's time is 1000σ as it is", Math.Floor),
        ("rounds the time to the nearest whole number; the model's time is 1000σ as it is", Math.Round)
    ];

    private static readonly (string Fault, Func<double, double> Time)[] s_ofClasses =
    [
        ("takes 1 − t for the time; t is 0 for noise and 1 for data", t => 1 - t),
        ("takes 1000t for the time; the model's runs from 0 to 1", t => 1000 * t)
    ];

    /// <inheritdoc/>
    public string? Explain(Suspect suspect)
    {
        bool isInput = suspect.Name == "in.t";
        if (!isInput && suspect.Activation != "t_embedder") return null;
        foreach (var (fault, time) in suspect.Reference.IsText ? s_ofText : s_ofClasses)
        {
            if (suspect.Matches(isInput ? Array.ConvertAll(suspect.A, value => time(value)) : suspect.Model?.Compute(suspect, new StageVariant { Time = time }))) return fault;
        }
        return null;
    }

    private static double RoundedToBFloat16(double value)
    {
        if (value == 0) return 0;
        double unit = Math.ScaleB(1, Math.ILogB(value) - 7);
        return Math.Round(value / unit) * unit;
    }
}
