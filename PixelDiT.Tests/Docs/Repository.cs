namespace PixelDiT.Tests.Docs;

/// <summary>Where the sources are, for tests that read them.</summary>
internal static class Repository
{
    /// <summary>The folder with the solution above the tests' own; null where they were copied elsewhere.</summary>
    public static string? Root { get; } = Find();

    private static string? Find()
    {
        for (string? at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
        {
            if (File.Exists(Path.Combine(at, "PixelDiT.sln"))) return at;
        }
        return null;
    }
}
