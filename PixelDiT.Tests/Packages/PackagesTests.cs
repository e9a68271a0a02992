using System.IO.Compression;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using NUnit.Framework;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Docs;

namespace PixelDiT.Tests.Packages;

/// <summary>The packages, from the outside: what is in them, and that the programs of their READMEs build and run with nothing else, in folders of their own.</summary>
public sealed partial class PackagesTests
{
    private PackedFeed _feed = null!;

    [OneTimeSetUp]
    public void PackAndBuild()
    {
        _feed = new PackedFeed();
        string[] library = CSharp("PixelDiT.Reference", "Library", "README.md"), kernels = CSharp("PixelDiT.Kernels", "Package", "README.md");
        _feed.Write("sample/Program.cs", library[0]);
        _feed.Write("sample/sample.csproj", Project("Exe", ("PixelDiT.Reference", PackedFeed.Version)));
        _feed.Write("kernels/Program.cs", kernels[0]);
        _feed.Write("kernels/kernels.csproj", Project("Exe", ("PixelDiT.Kernels", PackedFeed.Version)));
        string[] readme = CSharp("README.md")[0].Split('\n');
        int usings = readme.TakeWhile(line => line.StartsWith("using PixelDiT", StringComparison.Ordinal)).Count();
        _feed.Write("readme/Program.cs", string.Join('\n', [.. readme[..usings], "const string folder = \"run\";", "const int steps = 2;", .. readme[usings..]]));
        _feed.Write("readme/readme.csproj", Project("Exe", ("PixelDiT.Reference", PackedFeed.Version)));
        _feed.Write("port/PortTests.cs", library[1]);
        _feed.Write("port/port.csproj", Project("Library", [("PixelDiT.Reference", PackedFeed.Version), .. ((string[])["NUnit", "NUnit3TestAdapter", "Microsoft.NET.Test.Sdk"]).Select(name => (name, VersionOf(name)))]));
        _feed.Write("all.slnx", """<Solution><Project Path="sample/sample.csproj" /><Project Path="kernels/kernels.csproj" /><Project Path="readme/readme.csproj" /><Project Path="port/port.csproj" /></Solution>""");
        _feed.Dotnet(_feed.Path(), "build", "all.slnx", "-c", "Release", "-v", "quiet", "-p:NuGetAudit=false");
    }

    [OneTimeTearDown]
    public void Remove() => _feed?.Dispose();

    [Test]
    public void The_library_s_program_is_short_and_trains_samples_and_saves()
    {
        Assert.That(CSharp("PixelDiT.Reference", "Library", "README.md")[0].TrimEnd().Split('\n'), Has.Length.LessThan(20));
        string[] losses = _feed.Dotnet(_feed.Path("sample"), _feed.Path("sample", "bin", "Release", "net10.0", "sample.dll")).TrimEnd().Split('\n');
        Assert.That(losses, Has.Length.EqualTo(300));
        var sheet = PictureFile.Read(_feed.Path("sample", "samples.png"));
        Assert.That((sheet.Width, sheet.Height), Is.EqualTo((9 * 66 + 2, 68)));
        using var stored = StoredModel.Open(_feed.Path("sample", "model.safetensors"));
        Assert.That(stored.Info.ClassNames, Has.Count.EqualTo(9));
        Assert.That((stored.Info.Step, stored.Info.Size!.Value.Width), Is.EqualTo((300, 16)));
    }

    [Test]
    public void The_lines_of_the_project_s_README_train_and_draw()
    {
        _feed.Dotnet(_feed.Path("readme"), _feed.Path("readme", "bin", "Release", "net10.0", "readme.dll"));
        Assert.That(_feed.Path("readme", "run", "drawn", "samples.png"), Does.Exist);
    }

    [Test]
    public void The_program_of_the_kernels_runs()
        => Assert.That(_feed.Dotnet(_feed.Path("kernels"), _feed.Path("kernels", "bin", "Release", "net10.0", "kernels.dll")), Does.Match(@": 1, 5, 4, 11\s*$"));

    [Test]
    public void A_port_is_verified_and_compared_by_its_own_tests()
        => Assert.That(_feed.Dotnet(_feed.Path("port"), "test", "--no-build", "-c", "Release"), Does.Match(@"Failed:\s*0, Passed:\s*2, Skipped:\s*0"));

    [Test]
    public void Run_time_settings_travel_and_the_command_line_does_not()
    {
        string settings = File.ReadAllText(_feed.Path("sample", "bin", "Release", "net10.0", "sample.runtimeconfig.json"));
        foreach (string name in (string[])["System.Runtime.TieredPGO", "System.Runtime.TieredCompilation.QuickJit", "System.GC.Concurrent"]) Assert.That(settings, Does.Contain($"\"{name}\": false"));
        // What is off anyway is not written.
        Assert.That(settings, Does.Not.Contain("\"System.GC.Server\": true"));
        string[] files = [.. Directory.GetFiles(_feed.Path("sample", "bin", "Release", "net10.0"), "*.dll").Select(Path.GetFileName).OfType<string>()];
        Assert.That(files, Does.Contain("PixelDiT.Reference.dll").And.Contain("PixelDiT.Kernels.dll"));
        Assert.That(files.Where(name => name.StartsWith("Spectre", StringComparison.Ordinal) || name.StartsWith("System.CommandLine", StringComparison.Ordinal) || name == "pixeldit.dll"), Is.Empty);
    }

    [TestCase("PixelDiT.Kernels"), TestCase("PixelDiT.Reference"), TestCase("pixeldit")]
    public void A_package_says_what_it_is(string id)
    {
        using var package = ZipFile.OpenRead(_feed.Path("feed", $"{id}.{PackedFeed.Version}.nupkg"));
        string[] names = [.. package.Entries.Select(entry => entry.FullName)];
        Assert.That(names, Does.Contain("README.md").And.Contain("LICENSE").And.Contain("icon.png"));
        if (id != "pixeldit") Assert.That(names, Does.Contain($"lib/net10.0/{id}.dll").And.Contain($"lib/net10.0/{id}.xml"));
        else Assert.That(names, Does.Contain("tools/net10.0/any/DotnetToolSettings.xml").And.Contain("tools/net10.0/any/PixelDiT.Reference.dll"));
        if (id == "PixelDiT.Kernels") Assert.That(names, Does.Contain("build/PixelDiT.Kernels.props").And.Contain("buildTransitive/PixelDiT.Kernels.props"));
        using var text = package.GetEntry($"{id}.nuspec")!.Open();
        var metadata = XDocument.Load(text).Root!.Elements().Single(element => element.Name.LocalName == "metadata");
        string Said(string name) => metadata.Elements().Single(element => element.Name.LocalName == name).Value;
        Assert.That((Said("license"), Said("readme"), Said("icon"), Said("authors")), Is.EqualTo(("MIT", "README.md", "icon.png", "PixelDiT for .NET contributors")));
        Assert.That(Said("description"), Has.Length.GreaterThan(60));
    }

    [Test]
    public void The_tool_installs_and_draws()
    {
        _feed.Dotnet(_feed.Path(), "tool", "install", "pixeldit", "--tool-path", _feed.Path("tool"), "--version", PackedFeed.Version, "--add-source", _feed.Path("feed"));
        string program = _feed.Path("tool", OperatingSystem.IsWindows() ? "pixeldit.exe" : "pixeldit");
        Assert.That(_feed.Run(_feed.Path(), program, "--version"), Does.Match($@"^{Regex.Escape(PackedFeed.Version)}(\+[0-9a-f]{{40}})?\s+\.NET 10\."));
        _feed.Run(_feed.Path(), program, "init", "--preset", "micro", "--nonzero", "--out", "model.safetensors");
        _feed.Run(_feed.Path(), program, "sample", "--model", "model.safetensors", "--class", "0", "--count", "1", "--steps", "2", "--resolution", "16", "--device", "cpu", "--out", "drawn");
        Assert.That(PictureFile.Read(_feed.Path("drawn", "samples.png")).Width, Is.GreaterThanOrEqualTo(16));
    }

    private static string Project(string output, params (string Name, string Version)[] packages) => $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <OutputType>{output}</OutputType>
            <TargetFramework>net10.0</TargetFramework>
            <Nullable>enable</Nullable>
            <ImplicitUsings>enable</ImplicitUsings>
            <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
          </PropertyGroup>
          <ItemGroup>
            {string.Join('\n', packages.Select(package => $"<PackageReference Include=\"{package.Name}\" Version=\"{package.Version}\" />"))}
          </ItemGroup>
        </Project>
        """;

    /// <summary>The version of a package in this solution.</summary>
    private static string VersionOf(string name) => XDocument.Load(Path.Combine(Repository.Root!, "Directory.Packages.props")).Descendants("PackageVersion").Single(version => (string?)version.Attribute("Include") == name).Attribute("Version")!.Value;

    /// <summary>The blocks of C# of a README.</summary>
    private static string[] CSharp(params string[] path) => [.. Block().Matches(File.ReadAllText(Path.Combine([Repository.Root!, .. path]))).Select(match => match.Groups[1].Value)];

    [GeneratedRegex(@"^```csharp\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
