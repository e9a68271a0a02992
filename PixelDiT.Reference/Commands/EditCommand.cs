using System.CommandLine;
using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Editing;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Measuring;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Text;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit edit</c>: change what a text or a class says of a picture and nothing else, and measure that.</summary>
internal static class EditCommand
{
    private const string MeansFile = "edits.json";
    private const int FilmColumns = 8;

    public static Command Create()
    {
        Option<string> file = new("--model") { Description = "A model file: safetensors, or a PyTorch checkpoint.", HelpName = "FILE", Required = true };
        Option<string> output = Cli.Option("--out", "The folder for the edited pictures.", "edits");
        Option<string?> states = new("--states") { Description = "A safetensors file for the times and the state and velocity after every step of one edit, for compare.", HelpName = "FILE" };
        Option<bool> overwrite = new("--overwrite") { Description = "Replace other edits in --out." }, noMetadata = Cli.NoMetadata();
        Option<WeightChoice?> weights = Cli.Weights();
        Option<string> device = Cli.Device(), precision = Cli.Precision();
        Option<int> threads = Cli.Threads();
        var options = new EditOptions();
        var command = new Command("edit", "Change what a prompt or a class says of a picture and nothing else, by FlowEdit. Writes the edited picture, a sheet of before, after and the difference, a film strip and a record, and says what was changed outside and inside a mask, beside what JPEG would.") { file, weights };
        options.AddTo(command);
        foreach (Option option in new Option[] { output, states, noMetadata, overwrite, precision, device, threads, new ConfigOption() }) command.Options.Add(option);
        command.SetRun((parsed, cancel) =>
        {
            string folder = parsed.GetRequiredValue(output);
            if (folder.Length == 0) throw new ConfigurationException("--out is ''; a folder was expected");
            if (File.Exists(folder)) throw new ConfigurationException($"{folder}: is a file; a folder was expected");
            bool replaces = parsed.GetValue(overwrite);
            using var stored = StoredModel.Open(parsed.GetRequiredValue(file), parsed.GetValue(weights));
            options.Config(parsed, stored.Info, 1);
            var run = new Run(parsed, options, stored, folder, replaces, PrecisionNames.Parse(parsed.GetRequiredValue(precision))) { Metadata = !parsed.GetValue(noMetadata) };
            string? trace = parsed.GetValue(states);
            if (trace is not null && run.Edits.Count != 1) throw new ConfigurationException("--states is of one edit; --edits excludes it");
            if (trace is not null) OutputFile.Require(trace, replaces, run.Inputs);
            OutputFile.RequireAll(run.Outputs, overwrite: true, run.Inputs);
            using var opened = Cli.Open(parsed, device, threads);
            run.Execute(opened, trace, cancel);
            return 0;
        }, needsLess: "a smaller picture");
        return command;
    }

    /// <summary>A picture that was opened, and what is to be done to it.</summary>
    /// <param name="Job">What is asked for.</param>
    /// <param name="Output">Where it goes.</param>
    /// <param name="Size">Of the picture on the patch grid.</param>
    /// <param name="Config">The settings.</param>
    /// <param name="ImageHash">SHA-256 of the picture's file.</param>
    /// <param name="MaskHash">SHA-256 of the mask's.</param>
    /// <param name="SourceLabel">The class before, of a class model.</param>
    /// <param name="TargetLabel">The class after.</param>
    private sealed record Edit(EditJob Job, EditOutput Output, ImageSize Size, FlowEditConfig Config, string ImageHash, string? MaskHash, int SourceLabel, int TargetLabel);

    /// <summary>All edits of a command.</summary>
    private sealed class Run
    {
        private readonly ParseResult _parsed;
        private readonly EditOptions _options;
        private readonly StoredModel _stored;
        private readonly string _folder;
        private readonly bool _replaces;
        private readonly Precision _precision;
        private readonly GridFit _fit;

        /// <summary>Opens every picture and mask once, so that none fails when others are done.</summary>
        public Run(ParseResult parsed, EditOptions options, StoredModel stored, string folder, bool replaces, Precision precision)
        {
            (_parsed, _options, _stored, _folder, _replaces, _precision, _fit) = (parsed, options, stored, folder, replaces, precision, options.Fit(parsed));
            var edits = new List<Edit>();
            foreach (var job in options.Jobs(parsed, stored))
            {
                var (image, _) = Open(job);
                foreach (string remark in image.Remarks) Terminal.Complain(remark);
                var (source, target) = stored.Info.Config.IsText ? (0, 0) : (EditOptions.Label(stored.Info, job, job.Source), EditOptions.Label(stored.Info, job, job.Target));
                edits.Add(new Edit(job, new EditOutput(folder, job.Name), image.GridSize, options.Config(parsed, stored.Info, image.GridSize.Area), FileHash.Of(job.Image), job.Mask is null ? null : FileHash.Of(job.Mask), source, target));
            }
            Edits = edits;
        }

        /// <summary>Whether pictures carry what made them.</summary>
        public bool Metadata { get; init; }

        public IReadOnlyList<Edit> Edits { get; }

        public IEnumerable<string?> Inputs => [.. Edits.SelectMany(edit => (string?[])[edit.Job.Image, edit.Job.Mask]), .. _options.Files(_parsed)];

        public IEnumerable<string> Outputs => [.. Edits.SelectMany(edit => edit.Output.Files), .. _options.IsMany(_parsed) ? [MeansPath] : (string[])[]];

        private string MeansPath => Path.Combine(_folder, MeansFile);

        public void Execute(Device device, string? trace, CancellationToken cancel)
        {
            var config = _stored.Info.Config;
            var largest = Edits.MaxBy(edit => edit.Size.Area)!;
            StepMemory.RequireForward(device, config, _precision, 1, largest.Size.Height, largest.Size.Width);

            // The encoder is gone before the model comes: one of them may fill the memory.
            var (texts, name, identity) = config.IsText ? Encode(device, cancel) : ([], null, null);
            var (loaded, problem) = WeightsReport.Load(_stored, device);
            using var model = loaded;
            if (problem is not null) throw new NotFiniteException($"{_stored.Source}: {problem}");
            model.Precision = _precision;
            string hash = WeightHash.Of(model);
            AtomicFile.MakeWritableFolder(_folder);
            var settings = Edits.Select(edit => Settings(edit, name, identity, hash)).ToArray();
            var measured = new (EditMeasure Measure, IReadOnlyList<EditMeasure> Baselines)?[Edits.Count];
            for (int i = 0; i < measured.Length; i++) measured[i] = Edits[i].Output.Find(settings[i], _replaces || trace is not null);
            int found = trace is null ? measured.Count(done => done is not null) : 0, kept = found;
            if (found > 0) Terminal.WriteLine($"{Counted.Of(found, "edit")} done before");
            try
            {
                ProgressDisplay.Show("editing", Math.Max(1, Edits.Count - found), show =>
                {
                    double before = 0;
                    for (int i = 0; i < measured.Length; i++)
                    {
                        if (measured[i] is not null && trace is null) continue;
                        int at = i;
                        measured[i] = Make(model, Edits[i], texts, settings[i], trace, share => show(before + share, $"{Edits[at].Job.Name}, edit {at + 1} of {Edits.Count}"), cancel);
                        (before, kept) = (before + 1, kept + 1);
                    }
                    return kept;
                });
            }
            catch (OperationCanceledException) when (Edits.Count > 1)
            {
                Terminal.WriteLine($"{kept} of {Edits.Count} edits are in {_folder}; the same command goes on with them");
                throw;
            }
            foreach (var (edit, done) in Edits.Zip(measured)) EditReport.Show(Edits.Count == 1 ? null : edit.Job.Name, done!.Value.Measure, done.Value.Baselines);
            if (_options.IsMany(_parsed))
            {
                var (measure, baselines) = EditMeans.Of([.. measured.Select(done => done!.Value)]);
                EditRecord.WriteMeans(MeansPath, Edits.Count, measure, baselines);
                EditReport.Show($"mean of {Counted.Of(Edits.Count, "edit")}", measure, baselines);
            }
            Terminal.WriteLine($"wrote {Counted.Of(Edits.Count, "edit")} to {_folder}");
        }

        private (EditImage Image, bool[]? Inside) Open(EditJob job)
        {
            var image = EditImage.Open(job.Image, _stored.Info.Config.Patch, _stored.Info.Config.Channels, _fit);
            return (image, job.Mask is null ? null : image.OpenMask(job.Mask, job.Image, _fit));
        }

        private (Dictionary<Prompt, float[]> Texts, string Name, string Identity) Encode(Device device, CancellationToken cancel)
        {
            var model = _stored.Info.Config;
            using var encoder = _options.Encoder.Open(_parsed, model, device, _stored.Info.TextEncoder, cancel);
            Prompt[] texts = [.. Edits.SelectMany(edit => edit.Job.Texts).Distinct()];
            var states = ProgressDisplay.Show("encoding", 1, show => encoder.Encode(texts, (done, what) => show(done, what), cancel));
            return (texts.Zip(states).ToDictionary(text => text.First, text => text.Second), encoder.Name, encoder.Identity);
        }

        private List<(string Key, object? Value)> Settings(Edit edit, string? encoder, string? identity, string weights)
        {
            var (job, config) = (edit.Job, edit.Config);
            bool isText = _stored.Info.Config.IsText;
            return
            [
                ("image", Path.GetFileName(job.Image)), ("image_sha256", edit.ImageHash), ("mask_sha256", edit.MaskHash), ("keep_outside", _options.KeepsOutside(_parsed) && job.Mask is not null), ("fit", _fit.ToString().ToLowerInvariant()),
                .. isText ? [("source_prompt", job.Source), ("prompt", job.Target), ("negative", job.Negative)] : (IEnumerable<(string, object?)>)[("source_class", edit.SourceLabel), ("class", edit.TargetLabel)],
                ("steps", config.Steps), ("n_max", config.MaxSteps), ("n_min", config.MinSteps), ("n_avg", config.Draws), ("source_guidance", config.SourceGuidance), ("guidance", config.Guidance), ("time_shift", config.TimeShift),
                ("seed", job.Seed), ("height", edit.Size.Height), ("width", edit.Size.Width), ("precision", _precision.Name),
                .. isText ? [("encoder", encoder), ("encoder_identity", identity)] : (IEnumerable<(string, object?)>)[], ("weights_sha256", weights)
            ];
        }

        private (EditMeasure, IReadOnlyList<EditMeasure>) Make(
            PixelTransformer model, Edit edit, Dictionary<Prompt, float[]> texts, List<(string, object?)> settings, string? trace, Action<double> progress, CancellationToken cancel)
        {
            var (image, inside) = Open(edit.Job);
            var region = _options.KeepsOutside(_parsed) ? inside : null;
            float[] source = image.ToValues();
            int made = edit.Config.StepsMade, done = 0;
            var film = new List<Picture> { image.Before };
            var steps = new List<TensorData>();
            void Observe(EditStep step)
            {
                done++;
                progress((double)done / made);
                if (trace is not null) steps.AddRange(EditTrace.Of(step));
                // Columns are spread evenly over the steps; the last is the edited picture.
                if (done < made && done * (FilmColumns - 1) / made > (done - 1) * (FilmColumns - 1) / made) film.Add(image.After(step.State.ToArray()));
            }
            ulong[] seeds = [edit.Job.Seed];
            float[] values = model is TextToImageModel text
                ? ImageEditor.ByTexts(text, edit.Config, source, edit.Size, [texts[edit.Job.Texts[0]]], [texts[edit.Job.Texts[1]]], [texts[edit.Job.Texts[2]]], seeds, Observe, cancel)
                : ImageEditor.ByClasses((PixelDiTModel)model, edit.Config, source, edit.Size, [edit.SourceLabel], [edit.TargetLabel], seeds, Observe, cancel);
            if (ValueTally.CountNotFinite(values) > 0) throw new NotFiniteException(string.Create(CultureInfo.InvariantCulture, $"{edit.Job.Image}: is not edited: the result holds a value that is infinite or no number; less guidance keeps it smaller"));
            var after = image.After(values, region);
            film.Add(after);
            if (trace is not null) SafetensorsWriter.Write(trace, steps);
            return edit.Output.Write(settings, image, after, inside, film, Metadata ? model.Device : null);
        }
    }
}
