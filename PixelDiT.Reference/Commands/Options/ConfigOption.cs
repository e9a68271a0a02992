using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>
/// The option --config of a verb that draws: a JSON file of option values, read as if they stood on the command line, where an option that does stand there wins. The keys are those of <see cref="Settings"/>,
/// which <c>train</c> uses instead, since a run that goes on has settings of its own between the file and the defaults.
/// </summary>
internal sealed class ConfigOption : Option<string?>
{
    /// <summary>Makes the option.</summary>
    public ConfigOption() : base("--config")
    {
        Description = "A JSON file with option values, such as {\"steps\": 50}; the command line wins.";
        HelpName = "FILE";
    }

    /// <summary>The file that a command line names, which its verb must not write over; null where none is named.</summary>
    public static string? FileOf(ParseResult parsed) => parsed.CommandResult.Command.Options.OfType<ConfigOption>().FirstOrDefault() is { } option ? parsed.GetValue(option) : null;

    /// <summary>The file that a command line names, and the arguments of its values; null where no file is named.</summary>
    /// <exception cref="ConfigurationException">The file cannot be read, has an unknown or doubled key, or a value that no option takes.</exception>
    public static (string Path, IReadOnlyList<string> Arguments)? Read(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        if (command.Options.OfType<ConfigOption>().FirstOrDefault() is not { } option || parsed.GetResult(option) is not { Errors: var errors } || errors.Any()) return null;
        string path = parsed.GetValue(option)!;
        if (path.Length == 0) throw new ConfigurationException("--config is ''; a JSON file was expected");
        var known = Settings.KeysOf(command, option).ToDictionary(entry => entry.Key, entry => entry.Option);
        var seen = new HashSet<string>();
        var arguments = new List<string>();
        foreach (var (name, value) in JsonSettings.Read(path))
        {
            string key = Settings.Folded(name);
            if (!known.TryGetValue(key, out var target)) throw new ConfigurationException($"{path}: {Quote.Text(name)} is unknown; known are {string.Join(", ", known.Keys)}{Nearest.Advice(key, known.Keys)}");
            if (!seen.Add(key)) throw new ConfigurationException($"{path}: '{key}' occurs twice");
            var values = Values(path, key, target, value).ToList();
            if (Cli.HasValue(parsed, target) || Alternatives(key).Any(other => known.TryGetValue(other, out var given) && Cli.HasValue(parsed, given))) continue;
            // A name with nothing behind its sign would take the next word of the command line.
            foreach (string text in values) arguments.AddRange(text.Length == 0 ? [target.Name, ""] : (string[])[$"{target.Name}={text}"]);
        }
        return (path, arguments);
    }

    /// <summary>Options that say another way what one says: where one of them is on the command line, the file's is not wanted.</summary>
    private static string[] Alternatives(string key) => key switch
    {
        "seed" => ["seeds"],
        "seeds" => ["seed"],
        "resolution" => ["width", "height"],
        "aspect" => ["width", "height"],
        "width" or "height" => ["resolution", "aspect"],
        "class" => ["prompt", "prompts"],
        "prompt" => ["prompts", "class"],
        "prompts" => ["prompt", "class"],
        "encoder" => ["embeddings"],
        "embeddings" => ["encoder"],
        "instruction" => ["no-instruction"],
        "no-instruction" => ["instruction"],
        "npz" => ["apng"],
        "apng" => ["npz"],
        _ => []
    };

    private static IEnumerable<string> Values(string path, string key, Option option, JsonElement value)
    {
        bool isFlag = option is Option<bool>, isList = option is Option<string[]>, isText = option is Option<string>;
        return (isFlag, value.ValueKind) switch
        {
            (true, JsonValueKind.True or JsonValueKind.False) => [value.GetRawText()],
            (false, JsonValueKind.String) => [value.GetString()!],
            (false, JsonValueKind.Number) => [Number(value)],
            (false, JsonValueKind.Array) when !isText && value.EnumerateArray().All(item => item.ValueKind is JsonValueKind.String or JsonValueKind.Number) && value.GetArrayLength() > 0
                => isList ? value.EnumerateArray().Select(Text) : [string.Join(',', value.EnumerateArray().Select(Text))],
            _ => throw new ConfigurationException($"{path}: {key} is {value.GetRawText()}; {(isFlag ? "true or false" : isList ? "a text or a list of texts, not empty," : isText ? "a text or a number" : "a text, a number or a list of them")} was expected")
        };
    }

    private static string Text(JsonElement item) => item.ValueKind == JsonValueKind.String ? item.GetString()! : Number(item);

    /// <summary>A number as an option takes it: 1e3 and 50.0 are whole numbers too.</summary>
    private static string Number(JsonElement value)
        => Settings.Whole(value) is { } number ? decimal.Truncate(number).ToString(CultureInfo.InvariantCulture) : value.GetRawText();
}
