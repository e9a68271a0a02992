using System.Globalization;
using System.Text;
using PixelDiT.Reference.Formats.Words;
using Spectre.Console;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>
/// The one way to standard output and standard error. A line holds nothing that could steer a terminal, whatever file its words come from (<see cref="Printable"/>), and a
/// writer that fails ends no work (<see cref="SurvivingStream"/>).
/// </summary>
internal static class Terminal
{
    private const int OutputLost = 1, WidthOfAFile = 200, WidthOfAPage = 100, NarrowestPage = 30, NarrowestLive = 60;

    private static SurvivingStream? s_output, s_error;

    private static LiveLines? s_live;
    private static int s_rank;

    /// <summary>Whether another of several processes does the talking: this one says only what is wrong with itself.</summary>
    public static bool IsSecond => s_rank > 0;

    /// <summary>Whether standard output is a terminal on which a display can change its lines, and wide enough for one.</summary>
    public static bool IsLive => !IsSecond && !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities is { Interactive: true, Ansi: true } && AnsiConsole.Profile.Width >= NarrowestLive;

    /// <summary>How wide text should be: as the terminal, but for a file or a pipe as a page.</summary>
    public static int Columns => Console.IsOutputRedirected ? WidthOfAPage : Math.Max(NarrowestPage, AnsiConsole.Profile.Width);

    /// <summary>Puts surviving writers in the place of the console's. Called once, before anything is written or any file is opened.</summary>
    public static void Open()
    {
        // Numbers look the same on every machine, in what is printed as in files.
        CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
        StandardStreams.OccupyClosed();
        (s_output, s_error) = (Surviving(1, Console.OpenStandardOutput), Surviving(2, Console.OpenStandardError));
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        Console.SetOut(new StreamWriter(s_output, utf8) { AutoFlush = true });
        Console.SetError(new StreamWriter(s_error, utf8) { AutoFlush = true });
        // In a file or a pipe there is no edge to wrap a table at.
        if (Console.IsOutputRedirected) AnsiConsole.Profile.Width = WidthOfAFile;
    }

    /// <summary>What to end with: the code of the work, or 1 where the work is done but what it said is lost.</summary>
    public static int Close(int exitCode)
    {
        if (s_output?.Failure is { } reason) Complain($"standard output could not be written ({reason}); what it would have said is lost");
        return exitCode == 0 && (s_output?.Failure ?? s_error?.Failure) is not null ? OutputLost : exitCode;
    }

    /// <summary>Says which of several processes this is. All but the first write nothing to standard output, and their number before what is wrong.</summary>
    public static void SpeakAs(int rank) => s_rank = rank;

    /// <summary>Writes a line to standard output.</summary>
    public static void WriteLine(string line = "")
    {
        if (IsSecond) return;
        if (s_live is { } live) live.Above(Printable.Line(line));
        else Console.Out.WriteLine(Printable.Line(line));
    }

    /// <summary>Writes JSON that this program made, with line ends of its own.</summary>
    public static void WriteJson(string json) => Console.Out.WriteLine(string.Join(Console.Out.NewLine, json.Split('\n').Select(line => Printable.Line(line.TrimEnd('\r')))));

    /// <summary>Writes a table to standard output. Text in its cells went through <see cref="Cell"/>.</summary>
    public static void Write(TextTable table) => table.WriteTo(AnsiConsole.Console, NarrowestLive);

    /// <summary>Text for a cell of a table or the description of a bar.</summary>
    public static string Cell(string text) => Markup.Escape(Printable.Line(text));

    /// <summary>Writes a line to standard error, under the program's name. Where a live display is in its way, the line stands above it.</summary>
    public static void Complain(string line)
    {
        string said = $"pixeldit: {(IsSecond ? $"rank {s_rank}: " : "")}{Printable.Line(line)}";
        if (s_live is { } live && !Console.IsErrorRedirected) live.Above(said);
        else Console.Error.WriteLine(said);
    }

    /// <summary>Runs work under lines that change, on a terminal that <see cref="IsLive"/>.</summary>
    /// <param name="frame">The lines as they are now, by the columns that they may take and whether the terminal shows more than ASCII.</param>
    /// <param name="run">The work, which says when the lines are to be shown anew.</param>
    public static T ShowLive<T>(Func<int, bool, IReadOnlyList<string>> frame, Func<Action, T> run)
    {
        var live = s_live = new LiveLines(Console.Out);
        void Draw()
        {
            // In the last column some terminals begin a new line.
            int columns = Math.Max(1, AnsiConsole.Profile.Width - 1);
            live.Draw([.. frame(columns, AnsiConsole.Profile.Capabilities.Unicode).Select(line => Printable.Line(line) is var shown && shown.Length > columns ? shown[..columns] : Printable.Line(line))]);
        }
        try
        {
            Draw();
            T result = run(Draw);
            Draw();
            return result;
        }
        finally
        {
            s_live = null;
            live.End();
        }
    }

    /// <summary>Writes what an error carries for a developer, lines and all.</summary>
    public static void WriteTrace(Exception error)
    {
        foreach (string line in error.ToString().Split('\n')) Console.Error.WriteLine(Printable.Line(line.TrimEnd('\r')));
    }

    private static SurvivingStream Surviving(int descriptor, Func<Stream> open) => new(StandardStreams.IsOwnPipe(descriptor) ? null : open());
}
