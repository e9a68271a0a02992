using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Commands;

/// <summary>The values of a verb's options: the command line first, then the JSON file of --config, then the defaults.</summary>
internal sealed class Settings
{
    private readonly ParseResult _parsed;
    private readonly Dictionary<string, JsonElement> _file = [];
    private readonly string _path = "";

    /// <summary>Reads the file of --config, whose keys are the option names without dashes; a key that is no option is an error.</summary>
    /// <exception cref="ConfigurationException">The file cannot be read, is no JSON object, or has an unknown or doubled key.</exception>
    public Settings(ParseResult parsed, Command command, Option<string?> config)
    {
        _parsed = parsed;
        if (parsed.GetValue(config) is not { } path) return;
        if (path.Length == 0) throw new ConfigurationException("--config is ''; a JSON file was expected");
        _path = path;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw new ConfigurationException($"{path}: is a JSON {document.RootElement.ValueKind}; an object was expected");
            _file = document.RootElement.EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.Clone());
        }
        catch (JsonException error)
        {
            throw new ConfigurationException($"{path}: is not JSON: {error.Message}");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"{path}: cannot be read: {error.Message}");
        }
        string[] known = [.. command.Options.Where(option => option != config).Select(option => option.Name.TrimStart('-'))];
        foreach (string key in _file.Keys)
        {
            if (!known.Contains(key)) throw new ConfigurationException($"{path}: '{key}' is unknown; known are {string.Join(", ", known)}");
        }
    }

    /// <summary>Whether an option was given, on the command line or in the file.</summary>
    public bool IsGiven(Option option) => Cli.IsGiven(_parsed, option) || _file.ContainsKey(Key(option));

    /// <summary>An option's value.</summary>
    /// <exception cref="ConfigurationException">The file's value is of another kind.</exception>
    public T Get<T>(Option<T> option)
    {
        if (Cli.IsGiven(_parsed, option) || !_file.TryGetValue(Key(option), out var value)) return _parsed.GetValue(option)!;
        object? read = (default(T), value.ValueKind) switch
        {
            (int, JsonValueKind.Number) when value.TryGetInt32(out int number) => number,
            (long, JsonValueKind.Number) when value.TryGetInt64(out long number) => number,
            (ulong, JsonValueKind.Number) when value.TryGetUInt64(out ulong number) => number,
            (double, JsonValueKind.Number) => value.GetDouble(),
            (bool, JsonValueKind.True or JsonValueKind.False) => value.GetBoolean(),
            (_, JsonValueKind.String) when typeof(T) == typeof(string) => value.GetString(),
            (_, JsonValueKind.Array) when typeof(T) == typeof(string[]) && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String) => value.EnumerateArray().Select(item => item.GetString()!).ToArray(),
            _ => null
        };
        return read is T result ? result : throw new ConfigurationException($"{_path}: {Key(option)} is {value.GetRawText()}; {KindOf(typeof(T))} was expected");
    }

    private static string KindOf(Type type) => type == typeof(string) ? "a text" : type == typeof(string[]) ? "a list of texts" : type == typeof(bool) ? "true or false" : type == typeof(double) ? "a number" : "a whole number in range";

    private static string Key(Option option) => option.Name.TrimStart('-');
}
