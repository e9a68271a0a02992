using System.CommandLine;
using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Reports;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit info</c>: what is in a file? How was a picture drawn? Any file of tensors is shown; that no model can be taken from it is part of what is shown. Or: what does a preset cost?</summary>
internal static class InfoCommand
{
    private const int NamesShown = 10;

    public static Command Create()
    {
        var path = new Argument<string>("FILE") { Description = "A model or any file of tensors: safetensors, a PyTorch checkpoint, an index of several files, or a folder with one of these, such as a run's; or a PNG, for what it says of how it was drawn.", Arity = ArgumentArity.ZeroOrOne };
        ChoiceOption preset = new("--preset", "In the place of a file: what a preset costs, with each --pixel-level.", Presets.Names);
        Option<int> resolution = Cli.Option("--resolution", "With --preset: the side of the image of a forward.", 256);
        Option<bool> tensors = new("--tensors") { Description = "List every tensor." };
        Option<bool> hash = new("--hash") { Description = "Read all weights and print their SHA-256, as sample records it." };
        var weights = Cli.Weights();
        var command = new Command("info", "Tell what a model file holds, or how a picture was drawn.") { path, weights, tensors, hash, preset, resolution };
        command.SetRun((parsed, cancel) =>
        {
            if (parsed.GetValue(preset) is { } model)
            {
                if (parsed.GetValue(path) is { } given) throw new ConfigurationException($"FILE is {Quote.Text(given)} and --preset {model}; the one or the other was expected");
                if (new Option[] { weights, tensors, hash }.FirstOrDefault(option => Cli.IsGiven(parsed, option)) is { } other) throw new ConfigurationException($"{other.Name} is of a file; --preset has none");
                var config = Presets.Get(model);
                int side = parsed.GetValue(resolution);
                if (side is < 1 or > AblationReport.MostSide) throw new ConfigurationException($"--resolution is {side}; it must be from 1 to {AblationReport.MostSide}");
                config.RequireDivides(side, side);
                AblationReport.Print(model, config, side);
                return 0;
            }
            if (Cli.IsGiven(parsed, resolution)) throw new ConfigurationException("--resolution is of --preset; a file says its own");
            string name = parsed.GetValue(path) ?? throw new ConfigurationException("FILE is missing; a file of tensors, or --preset, was expected");
            if (PngInfo.IsPng(name))
            {
                if (new Option[] { weights, tensors, hash }.FirstOrDefault(option => Cli.IsGiven(parsed, option)) is { } ofModel) throw new ConfigurationException($"{ofModel.Name} is of a model, and {name} is a picture");
                PictureReport.Print(name, PngInfo.Read(name));
                return 0;
            }
            var choice = parsed.GetValue(weights) ?? WeightChoice.Ema;
            if (RunFolder.SettingsOf(name) is { } settings)
            {
                Terminal.WriteLine($"{name}: a training run; its settings, which --config {name} takes:");
                foreach (var (option, value) in settings) Terminal.WriteLine($"  {option,-18} {value.GetRawText()}");
                SayCheckpoints(name);
                if (!File.Exists(Path.Combine(name, Checkpoint.ModelFile))) return 0;
            }
            using var file = WeightFile.Open(name);
            var types = file.Tensors.GroupBy(tensor => tensor.TypeName).Select(group => $"{group.Key} × {group.Count()}");
            long bytes = file.Tensors.Sum(tensor => tensor.Bytes);
            Terminal.WriteLine($"{file.Source}: {file.Format}, {Counted.Of(file.Tensors.Count, "tensor")} ({string.Join(", ", types)}), {file.Tensors.Sum(tensor => tensor.Count):N0} numbers, {bytes:N0} bytes");
            foreach (string note in file.Notes) Terminal.WriteLine($"note: {note}");
            Unreadable(file);
            if (file.PartOf is { } part) Terminal.WriteLine($"it {part}");
            bool isModel = file.PartOf is null && Describe(file, choice);
            if (isModel && parsed.GetValue(hash)) SayHash(name, choice, cancel);
            if (parsed.GetValue(tensors)) List(file);
            return isModel || !parsed.GetValue(hash) ? 0 : throw new FileFormatException($"{file.Source}: holds no model that can be taken, so there is no hash of its weights");
        });
        return command;
    }

    /// <summary>Says how far a run is and which checkpoints it has.</summary>
    private static void SayCheckpoints(string folder)
    {
        var run = RunSummary.Read(folder);
        string planned = run.PlannedSteps is { } steps ? $" of {steps:N0}" : "";
        Terminal.WriteLine($"{run.State.ToString().ToLowerInvariant()} at step {run.Step:N0}{planned}; report {folder} makes a page of it");
        if (run.Checkpoints.Count == 0) Terminal.WriteLine("it has no checkpoint yet");
        foreach (var checkpoint in run.Checkpoints) Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"checkpoint of step {checkpoint.Step:N0}: {checkpoint.Folder}, {checkpoint.Bytes / 1e6:N1} MB, written {checkpoint.Written:yyyy-MM-dd HH:mm} UTC"));
    }

    /// <summary>Says what the model is, or why there is none.</summary>
    /// <returns>Whether there is one that the other verbs take.</returns>
    private static bool Describe(IWeightFile file, WeightChoice choice)
    {
        try
        {
            if (WeightMap.Find(file, choice) is not { } weights)
            {
                Terminal.WriteLine("no PixelDiT model among its tensors");
                return false;
            }
            Terminal.WriteLine($"weights: {weights.Selection}");
            string beside = file.Tensors.Count == weights.Shapes.Count ? "" : $", under {(weights.Prefix.Length > 0 ? $"{weights.Prefix}*" : "their own names")}";
            Terminal.WriteLine($"model: {weights.Shapes.Count} tensors, {weights.Count:N0} numbers{beside}");
            Describe(file, weights, ModelInfo.Read(file, weights));
            StoredModel.Check(file, weights);
            return true;
        }
        catch (PixelDiTException error)
        {
            Terminal.WriteLine($"no model can be taken: {error.Message}");
            return false;
        }
    }

    private static void Describe(IWeightFile file, WeightMap weights, ModelInfo info)
    {
        var config = info.Config;
        string attention = config.PixelAttentionWidth == config.Hidden && config.PixelAttentionHeads == config.Heads ? "" : $", A {config.PixelAttentionWidth} with {Counted.Of(config.PixelAttentionHeads, "head")}";
        string condition = config.IsText ? $"text of width {config.TextWidth}, at most {Counted.Of(config.TextTokens, "token")}{Rope(config)}" : $"{config.Classes} classes";
        string level = config.PixelLevel switch
        {
            PixelLevelKind.None => ", no pixel level",
            PixelLevelKind.Full => $", M {config.PixelDepth}, d {config.PixelHidden}{attention}",
            _ => $", M {config.PixelDepth}, d {config.PixelHidden}{attention}, pixel level {config.PixelLevel.Name}"
        };
        Terminal.WriteLine($"{config.KindName} PixelDiT: D {config.Hidden}, heads {config.Heads}, patch {config.Patch}, N {config.PatchDepth}{level}, {Counted.Of(config.Channels, "channel")}, {condition}{(config.PostModulation ? ", post-modulation" : "")}");
        Terminal.WriteLine($"{ModelCost.Parameters(config):N0} parameters in {ModelCost.Tensors(config)} tensors by its {(info.SaysConfig ? "config" : "shapes")}");
        if (info.Size is { Height: <= AblationReport.MostSide, Width: <= AblationReport.MostSide } trained && trained.Height % config.Patch == 0 && trained.Width % config.Patch == 0) Terminal.WriteLine($"{AblationReport.Gigaflops(config, trained.Height, trained.Width)} GFLOP a forward of one image of {trained}");
        if (info.Step > 0) Terminal.WriteLine($"trained for {info.Step:N0} steps{(info.Size is { } size ? $" at {size}" : "")}");
        if (info.TextEncoder is { } encoder) Terminal.WriteLine($"text encoder: {Printable.Name(encoder)}");
        if (info.TimeShift is { } shift) Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"time shift: {shift:R}"));
        if (info.ClassNames.Count > 0) Terminal.WriteLine($"classes: {string.Join(", ", info.ClassNames.Select((name, label) => $"{Printable.Name(name)} (#{label})"))}");
        if (file.Contains("param.final_layer.linear.bias")) Terminal.WriteLine("training state: weights, both moments and the averaged weights");
        foreach (string remark in info.Remarks) Terminal.Complain(remark);
        var shapes = ModelCost.Shapes(config);
        Names("missing", weights.Missing(shapes.Keys));
        Names("unexpected", weights.Unexpected(shapes.Keys));
        Names("of another shape", [.. shapes.Where(entry => weights.Shapes.TryGetValue(entry.Key, out var shape) && !shape.SequenceEqual(entry.Value)).Select(entry => entry.Key)]);
    }

    /// <summary>What no shape of a text model shows, where it is not as released.</summary>
    private static string Rope(ModelConfig config)
        => !config.TextRope ? ", text RoPE off" : config.TextRopeTheta == Presets.Get("T2I").TextRopeTheta ? "" : string.Create(CultureInfo.InvariantCulture, $", text RoPE θ {config.TextRopeTheta:R}");

    private static void Unreadable(IWeightFile file)
    {
        TensorSpec[] unreadable = [.. file.Tensors.Where(tensor => tensor.Unreadable is not null)];
        foreach (var tensor in unreadable.Take(NamesShown)) Terminal.WriteLine($"not readable: {Quote.Text(tensor.Name)}: {tensor.Unreadable}");
        if (unreadable.Length > NamesShown) Terminal.WriteLine($"not readable: {unreadable.Length - NamesShown} more");
    }

    private static void SayHash(string path, WeightChoice choice, CancellationToken cancel)
    {
        using var stored = StoredModel.Open(path, choice);
        Terminal.WriteLine($"weights: sha256 {stored.Hash(cancel)}");
        WeightsReport.SayNotFinite(stored);
    }

    private static void Names(string what, IReadOnlyList<string> names)
    {
        if (names.Count == 0) return;
        string more = names.Count > NamesShown ? $" and {names.Count - NamesShown} more" : "";
        Terminal.WriteLine($"{what}: {string.Join(", ", names.Take(NamesShown).Select(name => Quote.Text(name)))}{more}");
    }

    private static void List(IWeightFile file)
    {
        var table = new TextTable("tensor", "type", "shape");
        foreach (var tensor in file.Tensors) table.AddRow(Terminal.Cell(tensor.Name), Terminal.Cell(tensor.TypeName), Terminal.Cell($"[{string.Join(", ", tensor.Shape)}]"));
        Terminal.Write(table);
    }
}
