using System.Diagnostics;
using NUnit.Framework;
using PixelDiT.Kernels.Devices;

namespace PixelDiT.Tests.Devices;

/// <summary>When a thread is left out and when it is tried again, on a clock of the test's own.</summary>
public sealed class TeamSizeTests
{
    private const int Items = 48;

    private static readonly long s_millisecond = Stopwatch.Frequency / 1000;

    private long _now;

    [SetUp]
    public void NeedsTheTimeOfThreads()
    {
        if (!ThreadTime.IsKnown) Assert.Ignore("this system does not say how long a thread has computed; all threads take part");
        _now = 0;
    }

    [Test]
    public void On_a_quiet_machine_all_take_part() => Assert.That(Run(new TeamSize(2), 10, Quiet).Fewest, Is.EqualTo(2));

    [Test]
    public void A_neighbour_that_costs_more_than_a_thread_brings_leaves_one_out()
    {
        var team = new TeamSize(2);
        var (fewest, share) = Run(team, 30, Stalled);
        Assert.That(fewest, Is.EqualTo(1));
        // Trials of 10 ms, each half as long again as alone: one in half a second at first, one in four seconds at last.
        Assert.That(share, Is.LessThan(0.01));
    }

    [Test]
    public void A_neighbour_that_costs_less_leaves_all_in() => Assert.That(Run(new TeamSize(2), 10, members => members == 1 ? Alone : Launch(0.8, 1, 1.3)).Fewest, Is.EqualTo(2));

    [Test]
    public void Launches_that_are_slow_without_a_neighbour_leave_all_in() => Assert.That(Run(new TeamSize(2), 10, members => members == 1 ? Alone : Launch(1.5, 1, 1)).Fewest, Is.EqualTo(2));

    [Test]
    public void When_the_neighbour_is_gone_all_take_part_again()
    {
        var team = new TeamSize(2);
        Run(team, 30, Stalled);
        Run(team, 5, Quiet);
        Assert.That(team.Members, Is.EqualTo(2));
        Assert.That(Run(team, 3, Quiet).Fewest, Is.EqualTo(2));
    }

    [Test]
    public void Of_many_threads_one_is_left_out()
    {
        var team = new TeamSize(8);
        // With eight, one waits for its core for a while in every launch; seven have a core each.
        Run(team, 5, members => members == 8 ? Launch(0.5, 1, 1.4) : Launch(1.0 * ((Items + members - 1) / members) / Items, 1, 1));
        Assert.That(team.Members - (team.Observes ? 1 : 0), Is.EqualTo(7));
    }

    private LaunchTime Alone => Launch(1, 1, 1);

    private LaunchTime Quiet(int members) => Launch(1.0 / members, 1, 1);

    private LaunchTime Stalled(int members) => members == 1 ? Alone : Launch(1.5, 1, 2.2);

    private static LaunchTime Launch(double elapsed, double computed, double present) => new((long)(elapsed * s_millisecond), (long)(computed * s_millisecond), (long)(present * s_millisecond), Items);

    /// <summary>Launches one after the other; gives the smallest team, and the share of the time that was spent beyond what one thread would have taken.</summary>
    private (int Fewest, double Share) Run(TeamSize team, double seconds, Func<int, LaunchTime> launch)
    {
        int fewest = int.MaxValue, launches = 0;
        long end = _now + (long)(seconds * Stopwatch.Frequency), began = _now;
        for (; _now < end; launches++)
        {
            int members = team.BeforeLaunch(_now);
            var time = launch(members);
            _now += time.Elapsed;
            if (team.Observes) team.AfterLaunch(time, _now);
            fewest = Math.Min(fewest, members);
        }
        return (fewest, ((_now - began) / (double)s_millisecond / launches) - 1);
    }
}
