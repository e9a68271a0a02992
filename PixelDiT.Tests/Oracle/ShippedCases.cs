using PixelDiT.Reference.Oracle.Conformance;

namespace PixelDiT.Tests.Oracle;

/// <summary>The files of the conformance cases that the program ships, for folders of one's own.</summary>
internal static class ShippedCases
{
    private const string Prefix = "golden/";

    /// <summary>Their names below the folder of cases, such as <c>modules/rms_norm.safetensors</c>.</summary>
    public static IEnumerable<string> Names => typeof(ConformanceFiles).Assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).Select(name => name[Prefix.Length..]);

    /// <summary>The bytes of one.</summary>
    public static byte[] Read(string name)
    {
        using var stream = typeof(ConformanceFiles).Assembly.GetManifestResourceStream(Prefix + name)!;
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>Writes those that are wanted into a folder of cases, each at its place.</summary>
    public static void CopyTo(string folder, Func<string, bool> wanted)
    {
        foreach (string name in Names.Where(wanted))
        {
            string path = Path.Combine(folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, Read(name));
        }
    }
}
