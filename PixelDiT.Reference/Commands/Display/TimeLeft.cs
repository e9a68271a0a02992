namespace PixelDiT.Reference.Commands.Display;

/// <summary>An estimate of the time that work still takes, from its second report on: the first one has seen kernels being compiled, and an earlier part of a run that is not to be counted.</summary>
/// <param name="total">What will be done in the end.</param>
/// <param name="clock">Tells the time; null for the system's.</param>
internal sealed class TimeLeft(double total, TimeProvider? clock = null)
{
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private double _first = double.NaN;
    private long _began;

    /// <summary>The estimate when so much is done; null where there is none, or all is done.</summary>
    public TimeSpan? At(double done)
    {
        if (double.IsNaN(_first))
        {
            (_first, _began) = (done, _clock.GetTimestamp());
            return null;
        }
        return done > _first && done < total ? _clock.GetElapsedTime(_began) / (done - _first) * (total - done) : null;
    }

    /// <summary>The estimate as the end of a line.</summary>
    public string After(double done) => At(done) is { } left ? $", {ProgressDisplay.Duration(left)} left" : "";
}
