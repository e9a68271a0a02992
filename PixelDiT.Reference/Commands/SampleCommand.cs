using System.CommandLine;
using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit sample</c>.</summary>
internal static class SampleCommand
{
    private const int FilmColumns = 10;

    public static Command Create()
    {
        Option<string> file = new("--model") { Description = "A model file: safetensors, or a PyTorch checkpoint.", HelpName = "FILE", Required = true };
        Option<string> output = Cli.Option("--out", "The folder for samples.png, trajectory.png and single pictures.", "samples");
        Option<string> classes = Cli.Option("--class", "Classes by number or name, with commas, such as 0,3,5; or all.", "all");
        Option<int> count = Cli.Option("--count", "Images of each class.", 8), steps = Cli.Option("--steps", "Sampler steps.", 50), batch = Cli.Option("--batch", "Images at a time.", 32);
        Option<int> resolution = new("--resolution") { Description = "The side of the images. [default: what the model was trained on]", HelpName = "N" };
        Option<string> sampler = Cli.Option("--sampler", $"How to step: {string.Join(", ", SamplerNames.All)}.", Sampler.FlowDpm.Name);
        sampler.AcceptOnlyFromAmong([.. SamplerNames.All]);
        Option<double> guidance = Cli.Number("--guidance", "g in v = u + g(c - u); 1 is none.", 2), timeShift = Cli.Number("--time-shift", "s of the time shift t/(t+(1-t)s).", 1);
        Option<(float Min, float Max)> interval = Cli.Interval("--interval", "The times between which guidance applies.", (0, 1));
        Option<ulong> seed = Cli.Option("--seed", "The seed of the first image's noise; the next image's is one more.", 0UL);
        Option<bool> singles = new("--singles") { Description = "Write each image as a PNG of its own too." };
        Option<WeightChoice> weights = Cli.Weights();
        Option<string> device = Cli.Device();
        Option<int> threads = Cli.Threads();
        var command = new Command("sample", "Draw images of classes. Writes a grid (a row a class), a film strip of the first image of each class, and single PNGs on request.")
        {
            file, weights, output, classes, count, steps, sampler, guidance, interval, timeShift, resolution, seed, batch, singles, device, threads
        };
        command.SetRun((parsed, cancel) =>
        {
            var config = new SamplingConfig
            {
                Sampler = Sampler.Parse(parsed.GetRequiredValue(sampler)),
                Steps = parsed.GetValue(steps),
                Guidance = parsed.GetValue(guidance),
                Interval = parsed.GetResult(interval) is { Implicit: false } ? parsed.GetValue(interval) : (0, 1),
                TimeShift = (float)parsed.GetValue(timeShift)
            }.Validate();
            int images = parsed.GetValue(count), size = parsed.GetValue(batch);
            if (images is < 1 or > 1_000_000) throw new ConfigurationException($"count is {images}; it must be from 1 to 1000000");
            if (size is < 1 or > 65536) throw new ConfigurationException($"batch is {size}; it must be from 1 to 65536");
            string folder = parsed.GetRequiredValue(output);
            if (folder.Length == 0) throw new ConfigurationException("--out is ''; a folder was expected");
            using var opened = Cli.Open(parsed, device, threads);
            var (model, info) = Checkpoint.LoadModel(parsed.GetRequiredValue(file), opened, parsed.GetValue(weights));
            using (model)
            {
                int side = parsed.GetResult(resolution) is { Implicit: false } ? parsed.GetValue(resolution) : info.Resolution;
                if (side is < 1 or > 4096) throw new ConfigurationException(side == 0 ? "--resolution is missing, and the model file does not say what it was trained on" : $"resolution is {side}; it must be from 1 to 4096");
                int[] chosen = Choose(parsed.GetRequiredValue(classes), info);
                long numbers = (long)chosen.Length * images * model.Config.Channels * side * side;
                if (numbers > Array.MaxLength)
                    throw new ConfigurationException($"{(long)chosen.Length * images} images of {side}×{side} are {numbers} numbers; one run holds at most {Array.MaxLength}, so a smaller --count, or several runs with --seed, was expected");
                int[] labels = [.. chosen.SelectMany(label => Enumerable.Repeat(label, images))];
                Draw(model, config, labels, images, side, parsed.GetValue(seed), size, folder, parsed.GetValue(singles), cancel);
            }
            return 0;
        });
        return command;
    }

    private static void Draw(
        Models.PixelDiTModel model, SamplingConfig config, int[] labels, int perClass, int side, ulong seed, int batch, string folder, bool singles, CancellationToken cancel)
    {
        int channels = model.Config.Channels, size = channels * side * side;
        // The film strip follows the first image of each class.
        var film = new List<float[]>();
        int[] followed = [.. Enumerable.Range(0, labels.Length / perClass).Select(row => row * perClass)];
        int[] shown = [.. Enumerable.Range(0, FilmColumns).Select(column => (int)Math.Round(column * (double)config.Steps / (FilmColumns - 1))).Distinct()];
        foreach (int _ in shown) film.Add(new float[followed.Length * size]);
        float[] images = new ClassSampler(model, config).Sample(labels, side, side, seed, batch, (first, step, state) =>
        {
            int column = Array.IndexOf(shown, step);
            if (column >= 0) Keep(state, first, followed, film[column], size);
        }, cancel);

        AtomicFile.MakeFolder(folder);
        var pictures = Picture.FromBatch(images, channels, side, side);
        PngWriter.Write(Path.Combine(folder, "samples.png"), Grid.Compose(pictures, perClass));
        PngWriter.Write(Path.Combine(folder, "trajectory.png"), Grid.FilmStrip(film, channels, side, side));
        for (int i = 0; singles && i < pictures.Count; i++) PngWriter.Write(Path.Combine(folder, $"class{labels[i]:D4}_{i % perClass:D4}.png"), pictures[i]);
        Console.WriteLine($"wrote {labels.Length} images to {folder}");
    }

    private static void Keep(Tensor state, int first, int[] followed, float[] snapshot, int size)
    {
        int count = state.Shape[0];
        if (!followed.Any(image => image >= first && image < first + count)) return;
        float[] all = state.ToArray();
        for (int row = 0; row < followed.Length; row++)
        {
            int at = followed[row] - first;
            if (at >= 0 && at < count) all.AsSpan(at * size, size).CopyTo(snapshot.AsSpan(row * size));
        }
    }

    private static int[] Choose(string text, ModelInfo info)
    {
        int classes = info.Config.Classes;
        if (text == "all") return [.. Enumerable.Range(0, classes)];
        return [.. text.Split(',', StringSplitOptions.TrimEntries).Select(entry =>
        {
            int named = info.ClassNames.ToList().IndexOf(entry);
            // A name wins over a number: folders may be called 10 and 2.
            int label = named >= 0 ? named : int.TryParse(entry, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1;
            return label >= 0 && label < classes
                ? label
                : throw new ConfigurationException($"class '{entry}' is unknown; this model has classes 0 to {classes - 1}{(info.ClassNames.Count > 0 ? $": {string.Join(", ", info.ClassNames)}" : "")}");
        })];
    }
}
