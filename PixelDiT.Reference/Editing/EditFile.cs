using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Text;

namespace PixelDiT.Reference.Editing;

/// <summary>
/// Reads edits from JSON lines: an object a line, with <c>image</c>, and of a text model <c>source_prompt</c> and <c>prompt</c>, of a class model <c>source_class</c> and <c>class</c>; if wanted <c>id</c>, <c>mask</c>, <c>negative</c> and
/// <c>seed</c>. Other keys are passed over. Names of files count from the folder of images.
/// </summary>
internal static class EditFile
{
    private const int MostEdits = 1_000_000;

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="images">The folder of the images.</param>
    /// <param name="negative">What guidance leads away from where a line does not say.</param>
    /// <param name="seed">The seed where a line does not say; every edit begins from it.</param>
    /// <param name="isText">Whether the model is a text model.</param>
    /// <returns>At least one edit, in the order of the file.</returns>
    /// <exception cref="FileFormatException">It cannot be read, is empty, or a line is no such object; the message names the line.</exception>
    public static IReadOnlyList<EditJob> Read(string path, string images, string negative, ulong seed, bool isText)
    {
        var found = new List<(string? Id, EditJob Job)>();
        using var reader = new StringReader(TextFile.Read(path));
        int number = 0;
        while (reader.ReadLine() is { } line)
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            if (found.Count == MostEdits) throw Error(number, $"holds edit {MostEdits + 1}; at most {MostEdits} were expected");
            found.Add(Parse(line, number));
        }
        if (found.Count == 0) throw new FileFormatException($"{path}: holds no edits");
        // An id that is twice there would have two edits write one file.
        if (found.Select(edit => edit.Id).OfType<string>().CountBy(id => id).FirstOrDefault(id => id.Value > 1) is { Key: { } twice }) throw new FileFormatException($"{path}: the id {Quote.Text(twice)} occurs more than once");
        var names = PromptNames.Choose(found.Select(edit => (edit.Id, Path.GetFileNameWithoutExtension(edit.Job.Image))));
        return [.. found.Zip(names, (edit, name) => edit.Job with { Name = name })];

        (string?, EditJob) Parse(string line, int number)
        {
            try
            {
                using var json = JsonDocument.Parse(line);
                var root = json.RootElement;
                if (root.ValueKind != JsonValueKind.Object) throw Error(number, $"holds {Quote.Text(root.GetRawText())}; an object with \"image\" was expected");
                string? Text(string key) => !root.TryGetProperty(key, out var value) || value.ValueKind == JsonValueKind.Null ? null
                    : value.ValueKind == JsonValueKind.String ? value.GetString()
                    : value.ValueKind == JsonValueKind.Number && key is "id" or "class" or "source_class" ? value.GetRawText()
                    : throw Error(number, $"holds {Quote.Text(value.GetRawText())} under \"{key}\"; a text was expected");
                string Required(string key) => Text(key) ?? throw Error(number, $"has no \"{key}\"");
                ulong own = seed;
                if (root.TryGetProperty("seed", out var said) && said.ValueKind != JsonValueKind.Null && !(said.ValueKind == JsonValueKind.Number && said.TryGetUInt64(out own)))
                    throw Error(number, $"holds {Quote.Text(said.GetRawText())} under \"seed\"; a whole number from 0 to 2^64 - 1 was expected");
                var (source, target) = isText ? ("source_prompt", "prompt") : ("source_class", "class");
                string? mask = Text("mask");
                return (Text("id"), new EditJob("", Path.Combine(images, Required("image")), mask is null ? null : Path.Combine(images, mask), Required(source), Required(target), Text("negative") ?? negative, own, number));
            }
            catch (JsonException error)
            {
                throw Error(number, $"is no JSON: {JsonReason.Of(error).Replace("line 1, ", "", StringComparison.Ordinal)}");
            }
            catch (InvalidOperationException)
            {
                // So .NET answers texts that are half a character.
                throw Error(number, "holds a text that is not Unicode");
            }
        }

        FileFormatException Error(int line, string problem) => new($"{path}: line {line} {problem}");
    }
}
