using NUnit.Framework;

namespace PixelDiT.Tests.Card;

/// <summary>The interpreter's teeth: faults that are put into good kernels, one at a time, are found or show in the result.</summary>
internal sealed class MutationTests
{
    private IReadOnlyDictionary<string, string> _outcomes = null!;

    [OneTimeSetUp]
    public void Run()
    {
        CardProgram.Require();
        var run = CardProgram.Start(90, "mutations");
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        _outcomes = Mutation.Read(run.Output);
    }

    [TestCaseSource(typeof(Mutation), nameof(Mutation.All))]
    public void A_fault_is_found(Mutation mutation)
    {
        string outcome = _outcomes[mutation.Name];
        TestContext.Out.WriteLine(outcome);
        if (mutation.Expected is null or Mutation.Unseen) Assert.That(outcome, Is.EqualTo(mutation.Expected ?? Mutation.Wrong));
        else Assert.That(outcome, Does.Match(mutation.Expected).And.StartsWith(mutation.Kernel));
    }

    /// <summary>What an assembler does not see, the device's own check of its warp groups does.</summary>
    [TestCase("warp groups", ", warp groups and tensor maps"), TestCase("tensor maps with a wrong stride", ", warp groups, no tensor maps: element"), TestCase("warp groups with a wrong stride", "no warp groups: element"), TestCase("warp groups of a card that runs nothing", "is NaN instead of")]
    public void Warp_groups_are_trusted_only_where_they_are_right(string which, string expected) => Assert.That(_outcomes[which], Does.Contain(expected));
}
