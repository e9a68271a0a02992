using System.CommandLine;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Evaluating;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Evaluations;

/// <summary>A model that is measured by what it draws.</summary>
internal sealed class EvaluatedModel : IDisposable
{
    private readonly PixelTransformer _model;

    private EvaluatedModel(PixelTransformer model, ModelSet set) => (_model, Set) = (model, set);

    /// <summary>What it draws.</summary>
    public ModelSet Set { get; }

    /// <summary>What it draws by which weights, as text that is equal where the images are.</summary>
    public string Record => SampleRecord.Run(Set.Plan with { Weights = WeightHash.Of(_model) });

    /// <summary>Channels of its images.</summary>
    public int Channels => _model.Config.Channels;

    /// <summary>Loads a model and plans its images as sampling into an archive does: 50 of each class where nothing is said.</summary>
    public static EvaluatedModel Open(ParseResult parsed, string path, SampleOptions options, WeightChoice? weights, string precision, int? batch, Device device, CancellationToken cancel)
    {
        var prompts = options.Check(parsed);
        using var stored = StoredModel.Open(path, weights);
        var sizes = stored.Info.Config;
        var plan = options.Plan(parsed, stored, prompts, isArchive: true) with { Precision = PrecisionNames.Parse(precision) };
        int atATime = batch ?? ModelSampling.UsualBatchOf(plan);
        SampleRun.Require(plan, sizes.Channels, atATime, archive: false, singles: true);
        ModelSampling.RequireMemory(device, sizes, plan, atATime, options.IsOnePass(parsed));
        TextStates? states = null;
        if (plan is TextPlan texts)
        {
            using var source = options.Encoder.Open(parsed, sizes, device, stored.Info.TextEncoder, cancel);
            plan = texts = texts with { Encoder = source.Name, EncoderIdentity = source.Identity };
            states = ModelSampling.Encode(texts, source, sizes, cancel);
        }
        var (model, problem) = WeightsReport.Load(stored, device);
        try
        {
            model.Precision = plan.Precision;
            foreach (var size in plan.Sizes) model.RequireDivides(size.Height, size.Width);
            var drawing = plan is TextPlan text ? new SampleDrawing((TextToImageModel)model, text, states!, options.IsOnePass(parsed)) : new SampleDrawing((PixelDiTModel)model, (ClassPlan)plan);
            drawing.WeightsProblem = problem;
            return new EvaluatedModel(model, new ModelSet(path, drawing, atATime));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Frees the model.</summary>
    public void Dispose() => _model.Dispose();
}
