using System.Diagnostics;

namespace PixelDiT.Tests;

/// <summary>This assembly as a program of its own, for what needs a process to itself.</summary>
internal static class OwnProgram
{
    /// <summary>How it is started, with its output and its errors for the caller to read.</summary>
    public static ProcessStartInfo StartInfo(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", typeof(OwnProgram).Assembly.Location, .. arguments]) { RedirectStandardError = true, RedirectStandardOutput = true };
        // Code compiled quickly, and again where it is hot, starts sooner; it computes the same.
        start.Environment["DOTNET_TieredCompilation"] = "1";
        start.Environment["DOTNET_TC_QuickJit"] = "1";
        return start;
    }
}
