using System.Diagnostics;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Benchmarking;

namespace PixelDiT.Tests.Benchmarking;

/// <summary>Another program beside ours: how it is called, what is read, and what is said when it is not there or prints something else. The peers are lines of sh.</summary>
[Platform(Exclude = "Win", Reason = "the peers of these tests need sh")]
internal sealed class PeerTests
{
    private static PeerResult Run(string script, params string[] work) => Peer.Run($"sh -c '{script}' peer", work);

    [Test]
    public void The_last_line_is_read_and_the_work_is_passed_on()
    {
        var result = Run("echo warming up; echo \"$*: 12.34 ms, peak 1.50 GiB\"", "--preset", "tiny", "--train");
        Assert.That((result.Milliseconds, result.PeakGib), Is.EqualTo((12.34, 1.5)));
        Assert.That(result.Line, Is.EqualTo("--preset tiny --train: 12.34 ms, peak 1.50 GiB"));
        var ours = new BenchmarkRun(new Timing(6.17, 6, 7), null, 1, 1, 1);
        Assert.That(result.TimeRatio(ours), Is.EqualTo(2));
        Assert.That(result.MemoryRatio(1L << 30), Is.EqualTo(1.5));
    }

    [Test]
    public void A_peer_on_a_cpu_does_not_say_its_memory()
    {
        var result = Run("echo torch 2.11 cpu: 7 ms");
        Assert.That((result.Milliseconds, result.PeakGib, result.MemoryRatio(1)), Is.EqualTo((7.0, (double?)null, (double?)null)));
    }

    [TestCase("echo half; echo no module torch >&2; exit 3", "ended with exit code 3 and said: no module torch")]
    [TestCase("true", "printed nothing; a last line 'TEXT: 12.34 ms, peak 1.23 GiB' was expected")]
    [TestCase("echo done in 3 s", "printed 'done in 3 s'")]
    [TestCase("echo x: 0.00 ms", "printed 'x: 0.00 ms'")]
    [TestCase("echo x: 1.00 ms, peak many", "printed 'x: 1.00 ms, peak many'")]
    public void A_peer_that_fails_or_prints_something_else_is_named(string script, string message)
        => Assert.That(() => Run(script), Throws.TypeOf<ConfigurationException>().With.Message.StartsWith($"the peer sh -c '{script}' peer {message}"));

    [Test]
    public void A_missing_program_is_named()
        => Assert.That(() => Peer.Run("no-such-peer --compile", []), Throws.TypeOf<ConfigurationException>().With.Message.StartsWith("the peer no-such-peer --compile cannot be started"));

    [Test]
    public void A_cancelled_peer_ends()
    {
        string file = Path.GetTempFileName();
        using var cancel = new CancellationTokenSource();
        var waiting = Task.Run(() => Peer.Run($"sh -c 'echo $$ > {file}; exec sleep 600'", [], cancel.Token));
        Assert.That(() => File.ReadAllText(file).EndsWith('\n'), Is.True.After(20).Seconds.PollEvery(20).MilliSeconds, "the peer runs");
        int id = int.Parse(File.ReadAllText(file));
        cancel.Cancel();
        Assert.That(() => waiting.GetAwaiter().GetResult(), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(() => Process.GetProcessById(id), Throws.ArgumentException, "its process is gone");
        File.Delete(file);
    }

    [TestCase("python3 peer.py --compile", "python3|peer.py|--compile")]
    [TestCase("  'C:\\Program Files\\x.exe'\t\"a 'b'\" ''", "C:\\Program Files\\x.exe|a 'b'|")]
    [TestCase("--name=\"two words\"", "--name=two words")]
    public void Words_are_separated_by_blanks_outside_quotes(string command, string words)
        => Assert.That(CommandWords.Split(command), Is.EqualTo(words.Split('|')));

    [TestCase(""), TestCase(" \t"), TestCase("a 'b"), TestCase("a \"b'")]
    public void A_command_without_words_or_with_an_open_quote_is_refused(string command)
        => Assert.That(() => CommandWords.Split(command), Throws.TypeOf<ConfigurationException>());
}
