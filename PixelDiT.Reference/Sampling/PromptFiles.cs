using System.Globalization;

namespace PixelDiT.Reference.Sampling;

/// <summary>The single images of a run's prompts and their records, by the names of their files.</summary>
/// <param name="names">The prompts' names.</param>
/// <param name="each">Pictures of each prompt.</param>
internal sealed class PromptFiles(IEnumerable<string> names, int each)
{
    private static readonly string[] s_extensions = [".png", ".json"];

    // Some file systems know upper and lower case as one.
    private readonly HashSet<string> _names = new(names, StringComparer.OrdinalIgnoreCase);

    /// <summary>The file of picture i of a prompt, without its extension: the name, and where there are several pictures the place from 1 behind it.</summary>
    public static string Stem(string name, int i, int each)
        => each == 1 ? name : $"{name}_{(i + 1).ToString(CultureInfo.InvariantCulture).PadLeft(Digits(each), '0')}";

    /// <summary>Whether a file of a name is one of them.</summary>
    public bool Hold(string fileName)
    {
        string extension = Path.GetExtension(fileName), stem = Path.GetFileNameWithoutExtension(fileName);
        if (!s_extensions.Contains(extension, StringComparer.OrdinalIgnoreCase)) return false;
        if (each == 1) return _names.Contains(stem);
        int at = stem.LastIndexOf('_');
        return at >= 0 && stem.Length - at - 1 == Digits(each) && int.TryParse(stem.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int place) && place >= 1 && place <= each && _names.Contains(stem[..at]);
    }

    private static int Digits(int each) => each.ToString(CultureInfo.InvariantCulture).Length;
}
