using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands;
using PixelDiT.Reference.Oracle;
using PixelDiT.Tests.Docs;

namespace PixelDiT.Tests.Architecture;

/// <summary>What the packages show to those who use them is a list that a person has looked at: nothing becomes public by accident, and nothing that is used goes away unseen.</summary>
internal sealed class PublicApiTests
{
    private const string Update = "PIXELDIT_WRITE_API";

    [TestCase("PixelDiT.Kernels"), TestCase("PixelDiT.Reference")]
    public void What_is_public_is_what_the_list_says(string name)
    {
        if (Repository.Root is not { } root) throw new IgnoreException("the tests do not run in their repository");
        string path = Path.Combine(root, "PixelDiT.Tests", "Architecture", "PublicApi", $"{name}.txt");
        string[] actual = [.. PublicApi.Of(name == "PixelDiT.Kernels" ? typeof(Device).Assembly : typeof(ExactModel).Assembly)];
        if (Environment.GetEnvironmentVariable(Update) is { Length: > 0 }) File.WriteAllText(path, string.Concat(actual.Select(line => $"{line}\n")));
        string[] listed = File.Exists(path) ? File.ReadAllLines(path) : [];
        string[] changes = [.. listed.Except(actual).Select(line => $"- {line}"), .. actual.Except(listed).Select(line => $"+ {line}")];
        Assert.That(changes, Is.Empty, $"""
            The public API of {name} is not what {Path.GetRelativePath(root, path)} lists. If a change is meant, and users need it,
                {Update}=1 dotnet test -c Release --filter FullyQualifiedName~PublicApi
            writes the list anew; commit it with the change, and say in docs/changelog.md what went away. Otherwise make the member internal.
            """);
        Assert.That(listed, Is.EqualTo(actual), "the order of the list");
    }

    [Test]
    public void The_program_is_no_library() => Assert.That(typeof(CommandLine).Assembly.GetExportedTypes().Select(type => type.FullName), Is.Empty);
}
