using System.Diagnostics;

namespace PixelDiT.Tests;

/// <summary>This assembly as a program of its own, for what needs a process to itself.</summary>
internal static class OwnProgram
{
    /// <summary>How it is started, with its output and its errors for the caller to read.</summary>
    public static ProcessStartInfo StartInfo(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", typeof(OwnProgram).Assembly.Location, .. arguments]) { RedirectStandardError = true, RedirectStandardOutput = true };
        StartSooner(start);
        return start;
    }

    /// <summary>Lets a process of .NET compile code without loops quickly, and again if it is hot. It starts in half the time and computes the same.</summary>
    public static void StartSooner(ProcessStartInfo start)
    {
        start.Environment["DOTNET_TieredCompilation"] = "1";
        start.Environment["DOTNET_TC_QuickJit"] = "1";
        start.Environment["DOTNET_TC_QuickJitForLoops"] = "0";
    }
}
