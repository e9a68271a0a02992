namespace PixelDiT.Tests;

/// <summary>The gate, which installs what tests need: there some must not be skipped.</summary>
internal static class Gate
{
    /// <summary>What the gate sets.</summary>
    public const string Variable = "PIXELDIT_GATE";

    /// <summary>Whether the gate runs these tests.</summary>
    public static bool IsHere => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 };
}
