using System.Text.Encodings.Web;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Training;

/// <summary>
/// Files of settings as people write them: a JSON object in UTF-8 or UTF-16, with or without a byte order mark, with comments and commas after the last entry if one likes.
/// </summary>
internal static class JsonSettings
{
    private const long MostBytes = 1 << 20;

    private static readonly JsonDocumentOptions s_lenient = new() { AllowDuplicateProperties = false, AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

    // Class names and paths stay readable; JSON needs no escapes beyond quotes, backslashes and controls.
    private static readonly JsonSerializerOptions s_readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The entries of a file, in its order.</summary>
    /// <exception cref="ConfigurationException">The file cannot be read, or is no JSON object; the message says where.</exception>
    public static IReadOnlyList<(string Name, JsonElement Value)> Read(string path)
    {
        try
        {
            using var stream = AtomicFile.OpenRead(path);
            if (stream.Length == 0) throw new ConfigurationException($"{path}: is empty, or a pipe or device; a JSON file was expected");
            if (stream.Length > MostBytes) throw new ConfigurationException($"{path}: has {stream.Length} bytes; settings have at most {MostBytes}");
            using var text = new StreamReader(stream, detectEncodingFromByteOrderMarks: true);
            using var document = JsonDocument.Parse(text.ReadToEnd().TrimStart('\uFEFF'), s_lenient);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? [.. document.RootElement.EnumerateObject().Select(entry => (entry.Name, entry.Value.Clone()))]
                : throw new ConfigurationException($"{path}: is a JSON {document.RootElement.ValueKind.ToString().ToLowerInvariant()}; an object such as {{\"lr\": 0.001}} was expected");
        }
        catch (JsonException error)
        {
            throw new ConfigurationException($"{path}: is not JSON: {JsonReason.Of(error)}");
        }
        catch (FileFormatException error)
        {
            throw new ConfigurationException(error.Message);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new ConfigurationException($"{path}: cannot be read: {SystemReason.Of(error)}");
        }
    }

    /// <summary>An object with an entry a line.</summary>
    public static string Write(IEnumerable<(string Key, object? Value)> entries) =>
        $"{{\n{string.Join(",\n", entries.Select(entry => $"  \"{entry.Key}\": {JsonSerializer.Serialize(entry.Value, s_readable)}"))}\n}}\n";
}
