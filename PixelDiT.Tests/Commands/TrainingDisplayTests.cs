using System.CommandLine;
using NUnit.Framework;
using PixelDiT.Reference.Commands;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Watching;

namespace PixelDiT.Tests.Commands;

/// <summary>What stands on a terminal while a run trains, and what train --help says.</summary>
public sealed class TrainingDisplayTests
{
    private sealed class Clock : TimeProvider
    {
        public double Seconds { get; set; }

        public override long TimestampFrequency => 1000;

        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override long GetTimestamp() => (long)(1000 * Seconds);

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddSeconds(Seconds);
    }

    private static (TrainingView View, Clock Clock) Watched(int steps)
    {
        var clock = new Clock();
        var view = new TrainingView(1000, clip: 1, clock);
        for (int step = 1; step <= steps; step++)
        {
            clock.Seconds += step == 1 ? 60 : 0.5;
            view.Add(new StepReport(step, 2f / step, 0.5f, 1e-3, step == 1 ? 0.1 : 32) { DataWait = TimeSpan.FromMilliseconds(4) });
        }
        return (view, clock);
    }

    [Test]
    public void The_first_step_promises_nothing()
    {
        var (view, _) = Watched(1);
        Assert.That(view.Line(), Does.StartWith("00:01:00 step 1 of 1000, loss 2.0000, lr 0.001").And.Not.Contain("left").And.Not.Contain("a second"));
        Assert.That(string.Join('\n', view.Frame(80, true)), Does.Not.Contain(" left").And.Not.Contain("a second"));
    }

    [Test]
    public void A_line_has_the_time_the_learning_rate_and_what_is_left()
    {
        var (view, _) = Watched(100);
        Assert.That(view.Line(), Does.Match(@"^00:01:49 step 100 of 1000, loss 0\.\d{4}, lr 0\.001, 32 images a second, 7 min 30 s left$"));
    }

    [TestCase(60), TestCase(80), TestCase(120), TestCase(200)]
    public void A_frame_fits_its_columns_and_says_what_there_is(int width)
    {
        var (view, clock) = Watched(100);
        view.Add(new CheckpointNews(100));
        view.Add(new GridNews(100, "run/samples/00000100.png", TimeSpan.FromSeconds(3)));
        view.Add(new StepReport(101, float.NaN, float.NaN, 1e-3, 32));
        clock.Seconds += 25;
        var frame = view.Frame(width, isUnicode: true);
        Assert.That(frame.Select(line => line.Length), Is.All.LessThanOrEqualTo(width));
        string all = string.Join('\n', frame);
        foreach (string piece in (string[])["10 %", "step 101 of 1,000", "gradient norm", "(clip 1)", "learning rate 0.001", "32 images a second", "waiting 4 ms a step for data", "checkpoint of step 100, 25 s ago", "run/samples/00000100.png", "drawn in 3 s", "1 step skipped"]) Assert.That(all, Does.Contain(piece));
        Assert.That(all, Does.Contain("█").And.Contain("▁"));
        Assert.That(string.Concat(view.Frame(width, isUnicode: false)), Is.All.Matches<char>(char.IsAscii));
    }

    [Test]
    public void What_is_said_meanwhile_stands_above_the_lines()
    {
        var written = new StringWriter();
        var live = new LiveLines(written);
        live.Draw(["one", "two"]);
        live.Above("said");
        live.Draw(["three"]);
        live.End();
        // A terminal of which each line can be written over.
        Assert.That(Screen(written.ToString()), Is.EqualTo((string[])["said", "three", ""]));
    }

    /// <summary>What a terminal shows: it knows the return, the line feed, up, and the two erasures.</summary>
    private static string[] Screen(string text)
    {
        var lines = new List<string> { "" };
        int row = 0, column = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\r') column = 0;
            else if (text[i] == '\n')
            {
                (row, column) = (row + 1, 0);
                if (row == lines.Count) lines.Add("");
            }
            else if (text[i] == '\u001b')
            {
                int end = text.IndexOfAny(['A', 'K', 'J'], i);
                if (text[end] == 'A') row -= int.Parse(text[(i + 2)..end]);
                else lines[row] = lines[row][..Math.Min(column, lines[row].Length)];
                if (text[end] == 'J') lines.RemoveRange(row + 1, lines.Count - row - 1);
                i = end;
            }
            else
            {
                lines[row] = lines[row][..Math.Min(column, lines[row].Length)] + text[i] + (column + 1 < lines[row].Length ? lines[row][(column + 1)..] : "");
                column++;
            }
        }
        return [.. lines];
    }

    [Test]
    public void Every_option_of_train_stands_in_one_group()
    {
        var command = (GroupedCommand)TrainCommand.Create();
        Option[] grouped = [.. command.Groups.SelectMany(group => group.Options)];
        Assert.That(grouped, Is.Unique);
        Assert.That(grouped, Is.EquivalentTo(command.Options.Where(option => option is not System.CommandLine.Help.HelpOption)));
        Assert.That(command.Groups.Select(group => group.Title), Is.Unique.And.All.Not.Empty);
        string[] help = [.. GroupedHelp.Lines(command, 100)];
        foreach (var option in grouped) Assert.That(help.Count(line => line.StartsWith($"  {option.Name} ", StringComparison.Ordinal) || line == $"  {option.Name}"), Is.EqualTo(1), option.Name);
    }

    [TestCase(40), TestCase(80), TestCase(100)]
    public void Help_breaks_between_words(int width)
    {
        string[] help = [.. GroupedHelp.Lines((GroupedCommand)TrainCommand.Create(), width)];
        // Words that are longer than a line, and command lines that are to be copied, stay whole.
        Assert.That(help.Where(line => line.Length > width && !line.StartsWith("    pixeldit ", StringComparison.Ordinal) && line.Trim().Contains(' ') && !line.StartsWith("  --", StringComparison.Ordinal)), Is.Empty);
        Assert.That(PixelDiTProgram.RunHere("train", "--help").Done(), Does.Contain("What to look at").And.Contain("--sample-every N"));
    }
}
