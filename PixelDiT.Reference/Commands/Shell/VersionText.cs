using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;
using System.Runtime.InteropServices;
using PixelDiT.Kernels.Machine.Cpu;
using PixelDiT.Reference.Commands.Display;

namespace PixelDiT.Reference.Commands.Shell;

/// <summary><c>--version</c>: the version with the commit that it was built from, and a line about what it runs on, as a report of a fault needs both.</summary>
internal sealed class VersionText : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <summary>Puts it in the place of a root's version.</summary>
    public static void Use(RootCommand root) => root.Options.OfType<VersionOption>().Single().Action = new VersionText();

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        Terminal.WriteLine(typeof(VersionText).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion);
        Terminal.WriteLine($"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}, {RuntimeInformation.OSDescription}, {CpuVectors.Description}");
        return 0;
    }
}
