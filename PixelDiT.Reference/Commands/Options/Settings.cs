using System.CommandLine;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>
/// The values of a verb's options: the command line first, then the JSON file of --config, then, where a run goes on, the settings in its folder, then the defaults. The keys
/// of a file are the option names without dashes in front; <c>_</c> and <c>-</c> are one, and so are upper and lower case.
/// </summary>
internal sealed class Settings
{
    private readonly ParseResult _parsed;
    private readonly Command _command;
    private readonly Option? _config;
    private readonly List<Layer> _layers = [];

    private sealed record Layer(string Path, Dictionary<string, JsonElement> Values);

    /// <summary>Reads the file of --config.</summary>
    /// <exception cref="ConfigurationException">The file cannot be read, is no JSON object, or has an unknown or doubled key.</exception>
    public Settings(ParseResult parsed, Command command, Option<string?> config)
    {
        (_parsed, _command, _config) = (parsed, command, config);
        if (parsed.GetValue(config) is not { } path) return;
        if (path.Length == 0) throw new ConfigurationException("--config is ''; a JSON file was expected");
        Add(Directory.Exists(path) ? Path.Combine(path, RunFolder.ConfigFile) : path);
    }

    /// <summary>The values of a verb that has no --config.</summary>
    public Settings(ParseResult parsed) => (_parsed, _command) = (parsed, parsed.CommandResult.Command);

    /// <summary>Adds a file of settings, over which everything before it wins.</summary>
    /// <inheritdoc cref="Settings(ParseResult, Command, Option{string?})" path="/exception"/>
    public void Add(string path)
    {
        var values = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        string[] known = [.. Keys().Select(entry => entry.Key)];
        // A run's own settings have options of train that another verb does not know.
        bool isRun = _command.Name != "train" && RunFolder.SettingsOf(Path.GetDirectoryName(Path.GetFullPath(path))!) is not null && Path.GetFileName(path) == RunFolder.ConfigFile;
        foreach (var entry in JsonSettings.Read(path))
        {
            string key = Folded(entry.Name);
            if (isRun && !known.Contains(key)) continue;
            if (!known.Contains(key)) throw new ConfigurationException($"{path}: '{entry.Name}' is unknown; known are {string.Join(", ", known)}{Nearest.Advice(key, known)}");
            if (!values.TryAdd(key, entry.Value)) throw new ConfigurationException($"{path}: '{key}' occurs twice");
        }
        _layers.Add(new Layer(path, values));
    }

    /// <summary>Gives an option a value that everything else wins over, as if a file had said it last.</summary>
    public void Assume(Option<string> option, string value) => _layers.Add(new Layer("", new() { [Key(option)] = JsonSerializer.SerializeToElement(value) }));

    /// <summary>Gives options values that everything else wins over.</summary>
    /// <param name="source">What says them, for messages.</param>
    /// <param name="values">By the options' names without dashes in front.</param>
    public void AssumeAll(string source, Dictionary<string, JsonElement> values) => _layers.Add(new Layer(source, values));

    /// <summary>Gives an option a value that only the command line wins over.</summary>
    public void Prefer(Option<int> option, int value) => _layers.Insert(0, new Layer("", new() { [Key(option)] = JsonSerializer.SerializeToElement(value) }));

    /// <summary>Whether an option stands on the command line.</summary>
    public bool IsOnCommandLine(Option option) => Cli.HasValue(_parsed, option);

    /// <summary>Whether an option was given, on the command line or in a file, where a flag of false is none.</summary>
    public bool IsGiven(Option option) => Cli.IsGiven(_parsed, option) || _layers.Any(layer => layer.Values.TryGetValue(Key(option), out var value) && value.ValueKind != JsonValueKind.False);

    /// <summary>An option's value.</summary>
    /// <exception cref="ConfigurationException">The file's value is of another kind.</exception>
    public T Get<T>(Option<T> option)
    {
        if (Cli.HasValue(_parsed, option) || _layers.Find(layer => layer.Values.ContainsKey(Key(option))) is not { } layer) return _parsed.GetValue(option)!;
        var value = layer.Values[Key(option)];
        object? read = (default(T), value.ValueKind) switch
        {
            (ulong, JsonValueKind.String) when option is SeedOption seed => seed.Read(value.GetString()!),
            (int, JsonValueKind.Number) when Whole(value) is >= int.MinValue and <= int.MaxValue and var number => (int)number,
            (long, JsonValueKind.Number) when Whole(value) is >= long.MinValue and <= long.MaxValue and var number => (long)number,
            (ulong, JsonValueKind.Number) when Whole(value) is >= 0 and <= ulong.MaxValue and var number => (ulong)number,
            (double, JsonValueKind.Number) when value.TryGetDouble(out double number) && double.IsFinite(number) => number,
            (bool, JsonValueKind.True or JsonValueKind.False) => value.GetBoolean(),
            (_, JsonValueKind.String) when option is ChoiceOption choice => choice.Canonical(value.GetString()!, layer.Path),
            (_, JsonValueKind.String) when typeof(T) == typeof(string) => value.GetString(),
            (_, JsonValueKind.Array) when typeof(T) == typeof(string[]) && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String) => value.EnumerateArray().Select(item => item.GetString()!).ToArray(),
            (_, JsonValueKind.Array) when typeof(T) == typeof(double[]) && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.Number && double.IsFinite(item.GetDouble())) => value.EnumerateArray().Select(item => item.GetDouble()).ToArray(),
            _ => null
        };
        return read is T result ? result : throw new ConfigurationException($"{layer.Path}: {Key(option)} is {value.GetRawText()}; {KindOf(option)} was expected");
    }

    /// <summary>The values of options as JSON, a line each, in the order of the verb's options: a file that --config takes. Options without a value are left out.</summary>
    /// <param name="except">Options that say what to do with a folder, or where to compute, and not what is computed.</param>
    public string ToJson(params Option[] except) => JsonSettings.Write(
        from entry in Keys()
        where !except.Contains(entry.Option)
        let value = ValueOf(entry.Option)
        where value is not null
        select (entry.Key, value));

    private object? ValueOf(Option option) => option switch
    {
        Option<int> whole when HasValue(whole) => Get(whole),
        Option<ulong> seed => Get(seed),
        Option<double> number => Get(number),
        Option<bool> flag => Get(flag),
        Option<string> text when HasValue(text) => Get(text),
        Option<string[]> texts when HasValue(texts) => Get(texts),
        Option<double[]> numbers when HasValue(numbers) => Get(numbers),
        _ => null
    };

    private bool HasValue(Option option) => IsGiven(option) || option.HasDefaultValue;

    private IEnumerable<(string Key, Option Option)> Keys() => KeysOf(_command, _config);

    /// <summary>The options of a verb that a file may give values to, by their keys.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="config">The option that names the file.</param>
    internal static IEnumerable<(string Key, Option Option)> KeysOf(Command command, Option? config)
        => command.Options.Where(option => option != config && !option.Hidden && option is not System.CommandLine.Help.HelpOption).Select(option => (Key(option), option));

    /// <summary>The key that a name in a file means.</summary>
    internal static string Folded(string name) => name.Replace('_', '-').ToLowerInvariant();

    /// <summary>A number that is whole, however it is written: 1e6 and 2.0 are.</summary>
    internal static decimal? Whole(JsonElement value) => value.TryGetDouble(out double real) && real == Math.Truncate(real) && value.TryGetDecimal(out decimal number) && number == decimal.Truncate(number) ? number : null;

    private static string KindOf(Option option) => option switch
    {
        SeedOption => "a whole number from 0 to 2^64 - 1, or \"random\",",
        Option<int> => $"a whole number from {int.MinValue} to {int.MaxValue}",
        Option<bool> => "true or false",
        Option<double> => "a number",
        Option<string[]> => "a list of texts",
        Option<double[]> => "a list of numbers",
        _ => "a text"
    };

    private static string Key(Option option) => option.Name.TrimStart('-');
}
