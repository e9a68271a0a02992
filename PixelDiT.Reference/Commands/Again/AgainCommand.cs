using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Text;
using PixelDiT.Reference.Text.Encoders;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Again;

/// <summary><c>pixeldit sample --again</c>: draws a picture again by the record that it carries, and says whether it is the same.</summary>
/// <param name="parsed">The command line.</param>
/// <param name="options">Where the encoder is looked for.</param>
/// <param name="picture">The picture.</param>
/// <param name="model">The model's file.</param>
/// <param name="folder">Where to write.</param>
internal sealed class AgainCommand(ParseResult parsed, SampleOptions options, string picture, string model, string folder)
{
    /// <summary>The folder where nothing is said.</summary>
    public const string Folder = "again";

    /// <summary>Which of the file's sets of weights.</summary>
    public WeightChoice? Weights { get; init; }

    /// <summary>Images at a time; null for the usual number.</summary>
    public int? Batch { get; init; }

    /// <summary>Whether a file that is there may be replaced.</summary>
    public bool Overwrites { get; init; }

    /// <summary>Draws the picture and compares.</summary>
    /// <param name="open">Opens the device.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <exception cref="PixelDiTException">The picture has no record that can be drawn, the weights are others, or the pixels came out otherwise.</exception>
    public void Run(Func<Device> open, CancellationToken cancel)
    {
        RequireDrawn(picture);
        var again = PictureAgain.Read(picture);
        if (folder.Length == 0) throw new ConfigurationException("--out is ''; a folder was expected");
        string target = Path.Combine(folder, Path.GetFileName(picture));
        using var stored = StoredModel.Open(model, Weights);
        OutputFile.Require(target, Overwrites, [picture, .. stored.Files, .. options.Files(parsed)]);
        again.Require(stored.Source, stored.Info.Config, stored.Hash(cancel));
        int atATime = Batch ?? ModelSampling.UsualBatchOf(again.Plan);
        using var device = open();
        ModelSampling.RequireMemory(device, stored.Info.Config, again.Plan, atATime, options.IsOnePass(parsed));

        // The encoder is gone before the model comes: one of them may fill the memory.
        var states = again.Plan is TextPlan texts ? Encode(texts, stored.Info.Config, device, cancel) : null;
        bool sameStates = states is null || states.HashOf((TextPlan)again.Plan) == again.States;
        if (!sameStates && options.Encoder.IsStored(parsed)) throw new ConfigurationException($"{picture}: was drawn with other states of its texts than those that --embeddings has stored for them; {PictureRecord.StatesKey} is {again.States} in it");
        var (loaded, problem) = WeightsReport.Load(stored, device);
        using var transformer = loaded;
        transformer.Precision = again.Plan.Precision;
        var drawing = again.Plan is TextPlan plan ? new SampleDrawing((TextToImageModel)transformer, plan, states!, options.IsOnePass(parsed)) : new SampleDrawing((PixelDiTModel)transformer, (ClassPlan)again.Plan);
        drawing.WeightsProblem = problem;
        byte[] png = Draw(again, drawing, atATime, cancel);
        AtomicFile.MakeFolder(folder);
        PngWriter.Write(target, png);
        Compare(again, target, png, device, sameStates);
    }

    /// <summary>Checks that a picture is none that another verb makes.</summary>
    private static void RequireDrawn(string picture)
    {
        if (PictureRecord.Find(picture, PngInfo.Read(picture)) is { } record && EditCommandLine.Of(record) is { } command) throw new ConfigurationException($"{picture}: shows what edit has made of another picture; made again by: {command}");
    }

    private TextStates Encode(TextPlan plan, ModelConfig config, Device device, CancellationToken cancel)
    {
        if (plan.Encoder != WordsEncoder.KindName && !options.Encoder.IsNamed(parsed)) throw new ConfigurationException($"{picture}: was drawn with the text encoder {Quote.Text(plan.Encoder)}; --encoder or --embeddings was expected");
        using ITextEncoder source = options.Encoder.Open(parsed, config, device, options.Encoder.IsNamed(parsed) ? null : plan.Encoder, cancel);
        if (source.Identity != plan.EncoderIdentity)
            throw new ConfigurationException($"{picture}: was drawn with the text encoder {Quote.Text(plan.Encoder)} whose SHA-256 begins with {PictureRecord.ShortHash(plan.EncoderIdentity!)}; this one is {Quote.Text(source.Name)}, and its begins with {PictureRecord.ShortHash(source.Identity)} (weights, tokenizer, instruction and options decide it)");
        return ModelSampling.Encode(plan, source, config, cancel);
    }

    private static byte[] Draw(PictureAgain again, SampleDrawing drawing, int batch, CancellationToken cancel) => ProgressDisplay.Show("sampling", 1, show =>
    {
        long began = Stopwatch.GetTimestamp();
        return again.Draw(drawing, batch, report =>
        {
            double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
            show(report.Work / report.Total, string.Create(CultureInfo.InvariantCulture, $"image {report.Images} of {report.Total}{ProgressDisplay.Speed(seconds > 0 ? report.Work / seconds : 0)}"));
        }, cancel);
    });

    /// <summary>Says whether the bytes are equal, or the pixels, and in what the program and the device are others.</summary>
    /// <exception cref="DataException">The pixels are others.</exception>
    private void Compare(PictureAgain again, string target, byte[] png, Device device, bool sameStates)
    {
        byte[] before = FileStart.ReadAll(picture);
        if (before.AsSpan().SequenceEqual(png))
        {
            Terminal.WriteLine($"{target}: the same {Counted.Of(png.Length, "byte")} as {picture}");
            return;
        }
        string[] changes = [.. again.OriginChanges(device), .. sameStates ? (string[])[] : ["the encoder's states are others than those it was drawn with"]];
        string because = changes.Length > 0 ? $": {string.Join("; ", changes)}" : "";
        if (PngInfo.Read(target).Essence == again.Png.Essence || PixelsThatDiffer(before, png) is (0, 0))
        {
            Terminal.WriteLine($"{target}: the same pixels as {picture}; the bytes of the files differ{(changes.Length > 0 ? because : ": it was written anew by another program")}");
            return;
        }
        string how = PixelsThatDiffer(before, png) is ({ } count, { } most) ? $"{Counted.Of(count, "pixel")} of {(long)again.Png.Width * again.Png.Height} differ, by at most {most} of 255" : "it has another size";
        string why = changes.Length > 0 ? $"{because}; the last bits depend on these" : ", and nothing that the record holds has changed: it may have been edited since";
        throw new DataException($"{target}: is not {picture}: {how}{why}");
    }

    /// <summary>How many pixels differ and by how much; null where sizes do.</summary>
    private (long Count, int Most)? PixelsThatDiffer(byte[] before, byte[] after)
    {
        Picture was, now;
        try
        {
            (was, now) = (ImageDecoder.DecodeColours(before), ImageDecoder.DecodeColours(after));
        }
        catch (DataException error)
        {
            throw new DataException($"{picture}: {error.Message}", error);
        }
        if ((was.Width, was.Height) != (now.Width, now.Height)) return null;
        var (count, most) = (0L, 0);
        for (int i = 0; i < was.Pixels.Length; i += was.Channels)
        {
            int largest = 0;
            for (int c = 0; c < was.Channels; c++) largest = Math.Max(largest, Math.Abs(was.Pixels[i + c] - now.Pixels[i + c]));
            if (largest > 0) count++;
            most = Math.Max(most, largest);
        }
        return (count, most);
    }
}
