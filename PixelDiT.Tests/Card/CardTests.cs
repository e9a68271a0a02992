using System.Globalization;
using NUnit.Framework.Api;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace PixelDiT.Tests.Card;

/// <summary>Runs tests of this assembly in a process with an interpreted card: the same tests that run elsewhere on CPUs, on the devices that <see cref="TestedDevices"/> then opens.</summary>
internal sealed class CardTests : ITestListener
{
    private const string Line = "card test";

    // NUnit keeps what is written to the console while it runs.
    private readonly TextWriter _output = Console.Out;

    /// <summary>Runs the tests whose full names have one of these in them, as regular expressions, and prints a line for each.</summary>
    /// <returns>How many failed.</returns>
    public static int Run(IEnumerable<string> names)
    {
        TestedDevices.OnCard = true;
        var runner = new NUnitTestAssemblyRunner(new DefaultTestAssemblyBuilder());
        runner.Load(typeof(CardTests).Assembly, new Dictionary<string, object> { ["NumberOfTestWorkers"] = 0, ["SynchronousEvents"] = true });
        string filters = string.Concat(names.Select(name => $"<test re='1'>{name}</test>"));
        return runner.Run(new CardTests(), TestFilter.FromXml($"<filter><or>{filters}</or></filter>")).FailCount;
    }

    /// <summary>Reads the lines that such a process printed.</summary>
    public static IReadOnlyList<CardTestResult> Read(string output) =>
        [.. output.Split('\n').Where(line => line.StartsWith(Line + "\t", StringComparison.Ordinal)).Select(line => line.Split('\t')).Select(parts => new CardTestResult(parts[1], parts[2], double.Parse(parts[3], CultureInfo.InvariantCulture), parts[4]))];

    public void TestFinished(ITestResult result)
    {
        if (result.Test.IsSuite) return;
        string message = (result.Message ?? "").ReplaceLineEndings(" ").Replace('\t', ' ').Trim();
        _output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Line}\t{result.FullName}\t{result.ResultState.Status}\t{result.Duration:0.000}\t{message}"));
    }

    public void TestStarted(ITest test)
    {
    }

    public void TestOutput(TestOutput output)
    {
    }

    public void SendMessage(TestMessage message)
    {
    }
}

/// <summary>What became of a test.</summary>
internal sealed record CardTestResult(string Name, string Status, double Seconds, string Message);
