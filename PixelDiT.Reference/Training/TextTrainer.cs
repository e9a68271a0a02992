using PixelDiT.Kernels;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Text;
using PixelDiT.Reference.Training.Alignment;
using PixelDiT.Reference.Training.HeldOut;

namespace PixelDiT.Reference.Training;

/// <summary>
/// Trains a text-to-image model (SPEC §6): noise levels from the authors' table, the empty text in the place of a share of the captions, and batches of one size each where the data has several.
/// </summary>
public sealed class TextTrainer : Trainer
{
    private readonly TextTrainingStep _step;
    private readonly TextTimeTable _table;
    private readonly StagingBuffer _x, _levels, _text;
    private readonly Tensor _noise;
    private readonly float[] _empty;
    private readonly long _batchesAnEpoch;
    private bool _hasAligned;

    /// <summary>A trainer of a model whose weights are there already.</summary>
    /// <param name="model">The model.</param>
    /// <param name="source">Images and captions.</param>
    /// <param name="encoder">Gives the states of the captions, and of the empty text; stays its owner's.</param>
    /// <param name="config">The settings.</param>
    /// <param name="teacher">Where a teacher's tokens come from, with an alignment; stays its owner's.</param>
    /// <param name="ranks">The processes that train together; null for one alone.</param>
    /// <exception cref="ConfigurationException">A setting is out of range, or the encoder does not fit the model.</exception>
    /// <exception cref="DataException">The data does not fit the model, or states of a caption are not among those stored.</exception>
    /// <exception cref="ShapeException">A size does not divide.</exception>
    public TextTrainer(TextToImageModel model, ICaptionedSource source, ITextEncoder encoder, TrainingConfig config, ITeacher? teacher = null, ICommunicator? ranks = null)
        : base(RequireFits(model, source, encoder), config, teacher, ranks)
    {
        (Source, Encoder) = (source, encoder);
        _table = new TextTimeTable(config.TimeShift);
        _step = new TextTrainingStep(model, Optimizer, Sum, Frozen, Alignment);
        RequireEpochs(source.Name, source.Count);
        using (var loader = (CaptionedBatchLoader)Read(0, null)) _batchesAnEpoch = loader.BatchesAnEpoch;
        if (!source.Sizes.Any(size => IsAlignable(size.Height, size.Width))) RequireAlignable(source.Sizes[0].Height, source.Sizes[0].Width);
        _empty = encoder.Encode([new Prompt("", Negative: true)])[0];
        var device = model.Device;
        int largest = source.Sizes.Max(size => size.Height * size.Width);
        Shape images = [Share.Images, model.Config.Channels, largest];
        _x = new StagingBuffer(device, images);
        _noise = device.Allocate(images);
        _levels = new StagingBuffer(device, [TextTrainingStep.LevelRows, Share.Images]);
        _text = new StagingBuffer(device, [Share.Images, encoder.Tokens, encoder.Width]);
    }

    /// <summary>The data.</summary>
    public ICaptionedSource Source { get; }

    /// <summary>What encodes the captions.</summary>
    public ITextEncoder Encoder { get; }

    private static TextToImageModel RequireFits(TextToImageModel model, ICaptionedSource source, ITextEncoder encoder)
    {
        if (source.Channels != model.Config.Channels) throw new DataException($"{source.Name}: images have {source.Channels} channels; the model takes {model.Config.Channels}");
        if (encoder.Width != model.Config.TextWidth) throw new ConfigurationException($"the encoder {encoder.Name} gives states of {encoder.Width} channels; the model takes {model.Config.TextWidth}");
        foreach (var (height, width) in source.Sizes) model.RequireDivides(height, width);
        // Now, and not after days in the step that first draws the caption.
        if (encoder is EmbeddingFile stored) stored.Require(source.Captions.Select(caption => new Prompt(caption)));
        return model;
    }

    /// <summary>The text trainer counts as the authors' does: a warm-up begins at 0 (SPEC §6).</summary>
    private protected override double RateAt(long step) => new LearningRateSchedule
    {
        LearningRate = Config.LearningRate,
        Shape = Config.Decay == LearningRateDecay.Cosine ? ScheduleShape.Cosine : ScheduleShape.Constant,
        Warmup = Config.Warmup,
        Length = Config.Steps
    }.At(step);

    /// <inheritdoc/>
    public override TextToImageModel Averaged() => (TextToImageModel)base.Averaged();

    private protected override TrainingData Data => new CaptionedData(Source, Encoder);

    private protected override double EpochAt(long step) => (double)step / _batchesAnEpoch;

    /// <summary>Batches of a size whose tokens are no square are trained without alignment, as the authors' trainer does.</summary>
    private protected override bool HasAligned => _hasAligned;

    private protected override IBatches Read(long step, IReadOnlyList<int>? rows) => new CaptionedBatchLoader(Source, Config.Batch, Config.Seed, step, rows: rows);

    private protected override void Queue(IBatches loader, long step, double rate, Readback figures)
    {
        var batch = ((CaptionedBatchLoader)loader).Next();
        int[] rows = [.. Enumerable.Range(0, Share.Images).Select(Share.RowOf)];
        var levels = LevelsOf(step, rows);
        var kept = KeptOf(step, rows);
        Shape shape = [rows.Length, Model.Config.Channels, batch.Height, batch.Width];
        var x = _x.Send<float>(batch.Images).Slice(0, shape);
        var noise = _noise.Slice(0, shape);
        Share.FillNoise(noise, Config.Seed, Stream(step, Draw.Noise));
        _hasAligned = IsAlignable(batch.Height, batch.Width);
        var teacher = !_hasAligned ? null : Teacher!.Encode(x, [.. batch.Indices.Select(index => (index, false))]);
        _step.Queue(x, noise, _levels.Send<float>(levels), _text.Send<float>(States(batch.Captions, kept)), figures, rate, teacher);
    }

    internal override IReadOnlyList<TensorData> BatchOf(long step)
    {
        using var loader = (CaptionedBatchLoader)Read(step, null);
        var batch = loader.Next();
        int[] rows = [.. Enumerable.Range(0, Config.Batch)];
        Shape shape = [Config.Batch, Model.Config.Channels, batch.Height, batch.Width];
        using var noise = Model.Device.Allocate(shape);
        Noise.Fill(noise, Config.Seed, Stream(step, Draw.Noise));
        long[] images = [.. shape.Select(size => (long)size)];
        return
        [
            new("in.x", images, [.. batch.Images]), new("in.noise", images, noise.ToArray()), new("in.levels", [TextTrainingStep.LevelRows, Config.Batch], LevelsOf(step, rows)),
            new("in.text", [Config.Batch, Encoder.Tokens, Encoder.Width], States(batch.Captions, KeptOf(step, rows)))
        ];
    }

    internal override double LossOf(PixelTransformer model, TrainingData heldOut, CancellationToken cancel = default)
    {
        var images = ((CaptionedData)heldOut).Source;
        var (device, sum) = (model.Device, 0.0);
        using var loss = device.Allocate([1]);
        // One at a time, whatever sizes they have.
        for (long index = 0; index < images.Count; index++)
        {
            cancel.ThrowIfCancellationRequested();
            var (height, width) = images.Sizes[images.SizeOf(index)];
            float[] pixels = new float[images.Channels * height * width];
            string caption = images.Read(index, 0, pixels);
            int k = TextTimeTable.LevelOf(HeldOutMeasure.TimeDraw(index));
            Shape shape = [1, images.Channels, height, width];
            using Tensor x = device.Upload(pixels, shape), noise = device.Allocate(shape), xt = device.Allocate(shape), target = device.Allocate(shape), text = device.Upload(States([caption], [0]), [1, Encoder.Tokens, Encoder.Width]);
            using Tensor alpha = device.Upload([_table.Alpha[k]], [1]), sigma = device.Upload([_table.Sigma[k]], [1]), time = device.Upload([(float)_table.Time[k]], [1]);
            Noise.Fill(noise, 0, HeldOutMeasure.Stream + 1 + (ulong)index);
            FlowPath.Forward(x, noise, alpha, sigma, xt, target);
            using var tape = new Tape(device, recording: false);
            MeanSquaredError.Forward(((TextToImageModel)model).Forward(tape, tape.Input(xt), time, tape.Input(text)).Value, target, loss);
            sum += loss.ToArray()[0];
        }
        return sum / images.Count;
    }

    /// <summary>The text model's σ is 1 − t.</summary>
    private protected override float TimeOf(long step, int image) => 1 - _table.Sigma[TextTimeTable.LevelOf(TimeDraw(step, image))];

    /// <summary>The images of a step that keep their captions, among those at some places of the batch.</summary>
    private List<int> KeptOf(long step, int[] rows) => [.. Enumerable.Range(0, rows.Length).Where(b => !IsDropped(step, rows[b]))];

    /// <summary>α, σ and the time of a step's images at some places of the batch.</summary>
    private float[] LevelsOf(long step, int[] rows)
    {
        int images = rows.Length;
        var levels = new float[TextTrainingStep.LevelRows * images];
        for (int b = 0; b < images; b++)
        {
            int k = TextTimeTable.LevelOf(TimeDraw(step, rows[b]));
            (levels[b], levels[images + b], levels[(2 * images) + b]) = (_table.Alpha[k], _table.Sigma[k], _table.Time[k]);
        }
        return levels;
    }

    private float[] States(string[] captions, List<int> kept)
    {
        var encoded = kept.Count == 0 ? [] : Encoder.Encode([.. kept.Select(b => new Prompt(captions[b]))]);
        var states = new float[captions.Length * _empty.Length];
        for (int b = 0; b < captions.Length; b++) _empty.CopyTo(states.AsSpan(b * _empty.Length));
        foreach (var (i, b) in kept.Index()) encoded[i].CopyTo(states.AsSpan(b * _empty.Length));
        return states;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _x.Dispose();
        _noise.Dispose();
        _levels.Dispose();
        _text.Dispose();
        base.Dispose();
    }
}
