using NUnit.Framework;
using PixelDiT.Kernels.Operations.Catalog;

namespace PixelDiT.Tests.Card;

/// <summary>
/// Every kernel that a card runs, from the very PTX that it would get, against the oracles that CPUs are held to, with every access, meeting and wait looked at: the tests of operations, products and attention,
/// run again where their devices are interpreted cards.
/// </summary>
internal sealed class KernelsOnCardTests
{
    private static readonly string[] s_tests =
    [
        "OperationOracleTests", "OperationStorageTests.Bfloat16_agrees_with_float32", @"Rows\.ReductionTests", "StoredTableTests", @"\.MmaProductTests", "WgmmaProductTests", "PersistentProductTests", "StepMemoryPartsTests", "TiledAttentionTests", "MatMulEpilogueTests"
    ];

    private CardRun _run = null!, _older = null!;

    [OneTimeSetUp]
    public void Run()
    {
        CardProgram.Require();
        _run = CardProgram.Start(200, ["tests", .. s_tests]);
        // A card without tensor cores for these formats has plain products.
        _older = CardProgram.Start(60, "older", "tests", @"OperationOracleTests\(linear_");
    }

    [Test]
    public void Operations_agree_with_their_oracles() => Check(_run, atLeast: 750);

    [Test]
    public void Products_of_an_older_card_agree_too() => Check(_older, atLeast: 20);

    [Test]
    public void No_kernel_is_left_out()
    {
        var launched = (_run.Output + _older.Output).Split('\n').Where(line => line.StartsWith("card kernel\t", StringComparison.Ordinal)).Select(line => line.Split('\t')[1]).ToHashSet();
        Assert.That(KernelCatalog.All.Select(kernel => kernel.Name).Where(name => !launched.Contains(name)), Is.Empty);
    }

    private static void Check(CardRun run, int atLeast)
    {
        var results = CardTests.Read(run.Output);
        TestContext.Out.WriteLine($"{results.Count} tests, {results.Sum(result => result.Seconds):0.0} s\n{string.Join('\n', run.Error.Split('\n').TakeLast(2))}");
        foreach (var slow in results.OrderByDescending(result => result.Seconds).Take(5)) TestContext.Out.WriteLine($"{slow.Seconds:0.0} s {slow.Name}");
        Assert.That(results.Where(result => result.Status is not ("Passed" or "Inconclusive")).Select(result => $"{result.Name}: {result.Status}: {result.Message}"), Is.Empty, run.Error);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That(results, Has.Count.GreaterThanOrEqualTo(atLeast));
    }
}
