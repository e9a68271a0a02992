namespace PixelDiT.Reference.Commands.Display;

/// <summary>How many of something, in words.</summary>
internal static class Counted
{
    /// <summary>Such as "1 tensor" and "2 tensors".</summary>
    public static string Of(long count, string what) => Of(count, what, $"{what}s");

    /// <summary>The same of what does not make its plural by an s.</summary>
    public static string Of(long count, string one, string many) => count == 1 ? $"1 {one}" : $"{count:N0} {many}";
}
