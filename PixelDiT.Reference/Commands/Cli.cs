using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;
using Spectre.Console;

namespace PixelDiT.Reference.Commands;

/// <summary>What all verbs share: common options, errors in one line, and Ctrl-C.</summary>
internal static partial class Cli
{
    private const int Failure = 1, Interrupted = 130;

    /// <summary>Shows where an error arose.</summary>
    public static Option<bool> Verbose { get; } = new("--verbose") { Description = "Show the stack trace of an error.", Recursive = true };

    /// <summary>The device to run on.</summary>
    public static Option<string> Device()
    {
        var option = Option("--device", "Where to compute: auto (cuda where there is a card, else cpu), cuda, cpu, or ilgpu-cpu (ILGPU's own CPU accelerator, slow).", "auto");
        option.AcceptOnlyFromAmong([.. Kernels.Devices.Device.Names]);
        return option;
    }

    /// <summary>Which of a checkpoint's two sets of weights.</summary>
    public static Option<WeightChoice> Weights() => new("--weights")
    {
        Description = "Which weights of a training checkpoint: ema (averaged) or raw. [default: ema]",
        HelpName = "ema|raw",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (text is "raw") return WeightChoice.Raw;
            if (text is not "ema") result.AddError($"--weights is '{text}'; ema or raw was expected");
            return WeightChoice.Ema;
        }
    };

    /// <summary>How a file stores numbers.</summary>
    public static Option<string> StoredType()
    {
        var option = Option("--dtype", "How to store numbers: f32, bf16 or f16.", "f32");
        option.AcceptOnlyFromAmong("f32", "bf16", "f16");
        return option;
    }

    /// <summary>The type that a value of <see cref="StoredType"/> names.</summary>
    /// <exception cref="ConfigurationException">It names none; a file of settings is not checked by the option.</exception>
    public static DataType Stored(string name) => name is "f32" or "bf16" or "f16"
        ? Enum.Parse<DataType>(name, ignoreCase: true)
        : throw new ConfigurationException($"dtype is '{name}'; f32, bf16 or f16 was expected");

    /// <summary>Says that a model has been written.</summary>
    public static void SayWritten(ModelConfig config, DataType type, string path)
        => Console.WriteLine($"wrote {ModelCost.Tensors(config)} tensors, {ModelCost.Parameters(config):N0} parameters in {type.FormatName}, to {path}");

    /// <summary>How many of something in words, such as "1 tensor" and "2 tensors".</summary>
    public static string Count(int count, string what) => count == 1 ? $"1 {what}" : $"{count} {what}s";

    /// <summary>How many of something whose plural is not made by an s.</summary>
    public static string Count(long count, string one, string many) => count == 1 ? $"1 {one}" : $"{count:N0} {many}";

    /// <summary>What products round their operands to.</summary>
    public static Option<string> Precision()
    {
        var option = Option("--precision", "fp32 (nothing is rounded), tf32 (operands of products are) or bf16 (operands and stored activations); on tensor cores of a GPU, imitated elsewhere.", "fp32");
        option.AcceptOnlyFromAmong([.. PrecisionNames.All]);
        return option;
    }

    /// <summary>CPU threads.</summary>
    public static Option<int> Threads() => Option("--threads", "CPU threads; 0 means one a core. Results do not depend on it.", 0);

    /// <summary>An option with a default that --help shows.</summary>
    public static Option<T> Option<T>(string name, string description, T value) => new(name) { Description = description, DefaultValueFactory = _ => value };

    /// <summary>An option of numbers such as 0.1, whatever the machine's language.</summary>
    public static Option<double> Number(string name, string description, double value) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => value,
        CustomParser = result => Parse(result, name)
    };

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

    /// <summary>Whether an option stands on the command line.</summary>
    public static bool IsGiven(ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };

    /// <summary>Makes a verb of an action: its errors become one line, its Ctrl-C a cancellation.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="run">What it does; returns the exit code.</param>
    /// <param name="needsLess">Which options need less of the device's memory, said where it is full.</param>
    public static void SetRun(this Command command, Func<ParseResult, CancellationToken, int> run, string? needsLess = null) => command.SetAction(parsed =>
    {
        using var cancel = new CancellationTokenSource();
        // The first Ctrl-C lets the work in hand end in good order; the second ends the process.
        void Stop(PosixSignalContext context)
        {
            if (cancel.IsCancellationRequested) return;
            context.Cancel = true;
            cancel.Cancel();
        }
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            return run(parsed, cancel.Token);
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("pixeldit: interrupted");
            return Interrupted;
        }
        catch (Exception error)
        {
            string advice = error is DeviceMemoryException && needsLess is not null ? $"; {needsLess} needs less" : "";
            Console.Error.WriteLine(error is PixelDiTException ? $"pixeldit: {error.Message}{advice}" : $"pixeldit: internal error: {error.GetType().Name}: {error.Message} (--verbose shows where)");
            if (parsed.GetValue(Verbose)) Console.Error.WriteLine(error);
            return Failure;
        }
    });

    /// <summary>Whether the arguments ask for an explanation rather than for work.</summary>
    public static bool AsksForHelp(string[] arguments) => arguments.Any(argument => argument is "--help" or "-h" or "-?" or "/?" or "--version");

    /// <summary>Says what is wrong with the arguments, a line each.</summary>
    public static int Refuse(ParseResult parsed)
    {
        foreach (string message in parsed.Errors.Select(error => error.Message).Distinct())
        {
            // The library names .NET's types where a person thinks of numbers.
            Console.Error.WriteLine($"pixeldit: {NetTypeName().Replace(message, "as a whole number in range.")}");
        }
        Console.Error.WriteLine("pixeldit: --help explains the options");
        return Failure;
    }

    [GeneratedRegex(@"as expected type 'System\.\w+'\.")]
    private static partial Regex NetTypeName();

    /// <summary>Opens the device of a verb's options.</summary>
    public static Device Open(ParseResult parsed, Option<string> device, Option<int> threads) => Kernels.Devices.Device.Open(parsed.GetRequiredValue(device), parsed.GetValue(threads));

    /// <summary>Whether a person is watching standard output.</summary>
    public static bool IsTerminal => !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Interactive;

    private static double Parse(ArgumentResult result, string name)
    {
        string text = result.Tokens[0].Value;
        if (TryNumber(text, out double value)) return value;
        result.AddError($"{name} is '{text}'; a number was expected");
        return 0;
    }

    private static bool TryNumber(string text, out double value) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
}
