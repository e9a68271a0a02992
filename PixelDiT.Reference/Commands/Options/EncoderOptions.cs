using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Text;
using PixelDiT.Reference.Text.Encoders;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>The options that say what turns texts into states.</summary>
internal sealed class EncoderOptions
{
    private readonly Option<string?> _encoder = new("--encoder") { Description = $"The text encoder: the folder or file of a Gemma-2, or {WordsEncoder.KindName}, the built-in one. [default: what the model's file names]", HelpName = $"PATH|{WordsEncoder.KindName}" };
    private readonly Option<string?> _embeddings = new("--embeddings") { Description = "States that encode has stored, in the place of an encoder.", HelpName = "FILE" };

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _encoder, _embeddings }) command.Options.Add(option);
    }

    /// <summary>Opens the encoder of a text model.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="model">The model that will read the states.</param>
    /// <param name="device">Where to compute; nothing is put there before a text is to be encoded, and nothing is left there when the encoder is disposed of.</param>
    /// <param name="trainedWith">The encoder that the model's file names, or null.</param>
    /// <param name="cancel">Ends the opening.</param>
    /// <exception cref="ConfigurationException">No encoder is named, two are, or it does not fit the model.</exception>
    /// <exception cref="FileFormatException">A file of the encoder cannot be read.</exception>
    public ITextEncoder Open(ParseResult parsed, ModelConfig model, Device device, string? trainedWith = null, CancellationToken cancel = default)
    {
        if (!model.IsText) throw new ConfigurationException($"a text encoder is of no use to a {model.KindName} model");
        string? name = parsed.GetValue(_encoder) ?? (parsed.GetValue(_embeddings) is null ? trainedWith : null);
        if (name == WordsEncoder.KindName) return new WordsEncoder(model.TextWidth, model.TextTokens, Terminal.Complain);
        throw new ConfigurationException($"--encoder is {(name is null ? "missing" : Quote.Text(name))}; {WordsEncoder.KindName} was expected");
    }
}
