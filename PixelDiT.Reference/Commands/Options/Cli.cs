using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>Options that several verbs share, and what they say alike.</summary>
internal static class Cli
{
    /// <summary>The forms of an option's value, for its description.</summary>
    public static string Forms(IEnumerable<(string Form, string Meaning)> known) => string.Join("; ", known.Select(source => $"{source.Form} ({source.Meaning})"));

    /// <summary>The device to run on.</summary>
    public static Option<string> Device(string value = "auto") => new ChoiceOption(
        "--device", "Where to compute: auto (cuda where there is a card, else cpu), cuda, cuda-mma (a card without warp-group instructions), cpu, or ilgpu-cpu (ILGPU's own CPU accelerator, slow).", Kernels.Devices.Device.Names, value);

    /// <summary>Which of a file's sets of weights; null where it is not given.</summary>
    /// <param name="name">The option's name, where the verb needs another.</param>
    public static Option<WeightChoice?> Weights(string name = "--weights") => new(name)
    {
        Description = "Which weights of the model file: ema (averaged), raw (not averaged), or the path of a set as info lists it. [default: ema]",
        HelpName = "ema|raw|PATH",
        CustomParser = result =>
        {
            try
            {
                return WeightChoice.Parse(result.Tokens[0].Value) with { Option = name };
            }
            catch (ConfigurationException error)
            {
                result.AddError($"{name}: {error.Message}");
                return null;
            }
        }
    };

    /// <summary>How a file stores numbers.</summary>
    public static Option<string> StoredType() => new ChoiceOption("--dtype", "How to store numbers.", ["f32", "bf16", "f16"], "f32");

    /// <summary>The type that a value of <see cref="StoredType"/> names.</summary>
    public static DataType Stored(string name) => Enum.Parse<DataType>(name, ignoreCase: true);

    /// <summary>Says that a model has been written.</summary>
    public static void SayWritten(ModelConfig config, DataType type, string path)
        => Terminal.WriteLine($"wrote {ModelCost.Tensors(config)} tensors, {ModelCost.Parameters(config):N0} parameters in {type.FormatName}, to {path}");

    /// <summary>What products round their operands to.</summary>
    public static Option<string> Precision() => new ChoiceOption(
        "--precision", "fp32 (nothing is rounded), tf32 (operands of products are) or bf16 (operands and stored activations); on tensor cores of a GPU, imitated elsewhere.", PrecisionNames.All, "fp32");

    /// <summary>Whether pictures carry no record.</summary>
    public static Option<bool> NoMetadata() => new("--no-metadata") { Description = "Leave out of pictures what made them, which info prints and other programs read: prompt, seed, settings, hashes of weights and encoder." };

    /// <summary>CPU threads.</summary>
    public static Option<int> Threads() => Option("--threads", "CPU threads; 0 means one a core. Results do not depend on it.", 0);

    /// <summary>An option with a default that --help shows.</summary>
    public static Option<T> Option<T>(string name, string description, T value) => new(name) { Description = description, DefaultValueFactory = _ => value };

    /// <summary>An option of numbers such as 0.1, whatever the machine's language.</summary>
    public static Option<double> Number(string name, string description, double value)
    {
        var option = Number(name, description);
        option.DefaultValueFactory = _ => value;
        return option;
    }

    /// <summary>The same without a default that --help shows.</summary>
    public static Option<double> Number(string name, string description) => new(name) { Description = description, CustomParser = result => Parse(result, name) };

    /// <summary>An option of two numbers, MIN,MAX.</summary>
    public static Option<(float Min, float Max)> Interval(string name, string description, (float Min, float Max) value) => new(name)
    {
        Description = string.Create(CultureInfo.InvariantCulture, $"{description} [default: {value.Min},{value.Max}]"),
        HelpName = "MIN,MAX",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            string[] parts = text.Split(',');
            if (parts.Length == 2 && TryNumber(parts[0], out double min) && TryNumber(parts[1], out double max)) return ((float)min, (float)max);
            result.AddError($"{name} is '{text}'; two numbers MIN,MAX were expected, such as 0.1,0.9");
            return default;
        }
    };

    /// <summary>Whether an option is given, where a flag of false is none.</summary>
    public static bool IsGiven(ParseResult parsed, Option option) => HasValue(parsed, option) && !(option is Option<bool> flag && !parsed.GetValue(flag));

    /// <summary>Whether an option has a value that is not its default, a flag of false too.</summary>
    public static bool HasValue(ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };

    /// <summary>Opens the device of a verb's options.</summary>
    public static Device Open(ParseResult parsed, Option<string> device, Option<int> threads) => Kernels.Devices.Device.Open(parsed.GetRequiredValue(device), parsed.GetValue(threads));

    private static double Parse(ArgumentResult result, string name)
    {
        string text = result.Tokens[0].Value;
        if (TryNumber(text, out double value)) return value;
        result.AddError($"{name} is '{text}'; a number was expected");
        return 0;
    }

    internal static bool TryNumber(string text, out double value) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
}
