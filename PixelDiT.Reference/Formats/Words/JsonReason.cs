using System.Text.Json;

namespace PixelDiT.Reference.Formats.Words;

/// <summary>Where a text stops being JSON, and why, without what .NET adds for programmers.</summary>
internal static class JsonReason
{
    /// <summary>The reason, such as "line 2, byte 8: '1' is an invalid start of a value".</summary>
    public static string Of(JsonException error)
    {
        string where = error.LineNumber is { } line ? $"line {line + 1}, byte {error.BytePositionInLine + 1}: " : "";
        return where + error.Message.Split(" Path:")[0].Split(" LineNumber:")[0].Split(" Change the reader options")[0].TrimEnd('.');
    }
}
