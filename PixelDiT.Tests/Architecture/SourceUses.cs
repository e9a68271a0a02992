using System.Text.RegularExpressions;

namespace PixelDiT.Tests.Architecture;

/// <summary>Reads from the sources what their using directives name: constants and references of comments too, which assemblies do not show.</summary>
internal static partial class SourceUses
{
    /// <summary>The C# files of a project, with their folder as a namespace and their text.</summary>
    public static IEnumerable<(string Path, string Folder, string Text)> Files(string root, string project)
    {
        foreach (string path in Directory.GetFiles(Path.Combine(root, project), "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string relative = Path.GetRelativePath(root, path).Replace('\\', '/');
            if (relative.Contains("/obj/", StringComparison.Ordinal) || relative.Contains("/bin/", StringComparison.Ordinal)) continue;
            yield return (relative, Path.GetDirectoryName(relative)!.Replace('/', '.').Replace('\\', '.'), File.ReadAllText(path));
        }
    }

    /// <summary>The namespace that a file declares; null for one without.</summary>
    public static string? NamespaceOf(string text) => Namespace().Match(text) is { Success: true } match ? match.Groups[1].Value : null;

    /// <summary>The uses that a project's directives name.</summary>
    public static IEnumerable<Use> Of(string root, string project) => Files(root, project)
        .SelectMany(file => Using().Matches(file.Text).Select(match => new Use(file.Folder, file.Path, match.Groups[1].Value, match.Groups[1].Value)));

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"^using (?:static )?([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Using();
}
