using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Docs;

namespace PixelDiT.Tests.Packages;

/// <summary>
/// The packages of this build in a folder of their own, and what a stranger does with them there. Nothing is fetched: what the packages need is taken from where restoring this solution has put it, and what is unpacked goes into the folder.
/// </summary>
internal sealed class PackedFeed : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>Packs what was built.</summary>
    public PackedFeed()
    {
        if (Repository.Root is not { } root) throw new IgnoreException("the tests do not run in their repository");
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        Dotnet(root, "pack", "PixelDiT.sln", "--no-build", "-c", configuration, "-o", Path("feed"), "-v", "quiet");
        _folder.Write("nuget.config", System.Text.Encoding.UTF8.GetBytes($"""
            <configuration>
              <packageSources><clear /><add key="packed" value="feed" /></packageSources>
              <fallbackPackageFolders><clear /><add key="restored" value="{Restored(root)}" /></fallbackPackageFolders>
            </configuration>
            """));
    }

    /// <summary>The version of the packages.</summary>
    public static string Version { get; } = typeof(Device).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>A path in the folder.</summary>
    public string Path(params string[] parts) => System.IO.Path.Combine([_folder.Path, .. parts]);

    /// <summary>Writes a text into the folder.</summary>
    public void Write(string name, string text) => _folder.Write(name, System.Text.Encoding.UTF8.GetBytes(text));

    /// <summary>Runs dotnet, which must succeed.</summary>
    /// <returns>What it printed.</returns>
    public string Dotnet(string folder, params string[] arguments) => Run(folder, "dotnet", arguments);

    /// <summary>Runs a program, which must succeed.</summary>
    /// <returns>What it printed.</returns>
    public string Run(string folder, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        // No server stays behind that holds files of the folder.
        foreach (var (name, value) in ((string, string)[])[("MSBUILDDISABLENODEREUSE", "1"), ("UseSharedCompilation", "false"), ("DOTNET_CLI_USE_MSBUILD_SERVER", "0"), ("DOTNET_NOLOGO", "1"), ("DOTNET_CLI_TELEMETRY_OPTOUT", "1")]) start.Environment[name] = value;
        start.Environment["NUGET_PACKAGES"] = Path("packages");
        start.Environment["DOTNET_CLI_HOME"] = Path("home");
        start.Environment["DOTNET_ROOT"] = System.IO.Path.GetFullPath(System.IO.Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        // What a test host tells its children of itself is not for them.
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("MSBuild", StringComparison.Ordinal) || name.StartsWith("VSTEST_", StringComparison.Ordinal)).ToList()) start.Environment.Remove(name);
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, $"{program} {string.Join(' ', arguments)}\n{output}{error.Result}");
        return output + error.Result;
    }

    /// <summary>Where restoring this solution has put its packages.</summary>
    private static string Restored(string root)
    {
        using var assets = JsonDocument.Parse(File.ReadAllText(System.IO.Path.Combine(root, "PixelDiT.Tests", "obj", "project.assets.json")));
        return assets.RootElement.GetProperty("packageFolders").EnumerateObject().First().Name;
    }

    public void Dispose() => _folder.Dispose();
}
