using System.Diagnostics;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Distributed.Nccl;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training.Alignment;
using PixelDiT.Reference.Training.Ranks;
using PixelDiT.Reference.Training.Watching;

namespace PixelDiT.Reference.Training;

/// <summary>What a step of training showed.</summary>
/// <param name="Step">The step, from 1.</param>
/// <param name="Loss">mean (v_θ − v)².</param>
/// <param name="GradientNorm">The norm of all gradients before clipping.</param>
/// <param name="LearningRate">The step size.</param>
/// <param name="ImagesPerSecond">Images over the step's wall time: from its beginning, or from the end of the step before if that is later, until its figures were read.</param>
public readonly record struct StepReport(long Step, float Loss, float GradientNorm, double LearningRate, double ImagesPerSecond)
{
    /// <summary>Whether gradients were not finite, so that nothing was updated.</summary>
    public bool IsSkipped => !float.IsFinite(GradientNorm);

    /// <summary>The loss of representation alignment without its weight; null where there is none.</summary>
    public float? AlignmentLoss { get; init; }

    /// <summary>The time that the step waited for its images.</summary>
    public TimeSpan DataWait { get; init; }

    /// <summary>The loss of images that are not trained on, with the averaged weights and with those in training; null where it was not measured.</summary>
    public (double Averaged, double Raw)? HeldOut { get; init; }

    /// <summary>The mean loss of the steps before, where this one's is several times as large; else null.</summary>
    public double? SpikeOver { get; init; }

    /// <summary>The mean loss of the images whose t lies in each of <see cref="LossBands"/>; NaN for a band without images. Empty where it was not measured.</summary>
    public IReadOnlyList<double> LossByTime { get; init; } = [];

    /// <summary>Bytes that the device's arena has taken.</summary>
    public long DeviceBytes { get; init; }

    /// <summary>Bytes of the process in the machine's memory, not older than a second.</summary>
    public long ProcessBytes { get; init; }

    /// <summary>At a spike the norm of each block's gradients, the largest first; empty where the device has gone on already.</summary>
    public IReadOnlyList<(string Block, double Norm)> BlockNorms { get; init; } = [];
}

/// <summary>
/// Trains a model. Everything random is a function of the seed and the step: the order of images, the noise, the times and what is dropped; so a run gives the same bits at any thread count,
/// and a resumed run those of one that was never interrupted.
/// </summary>
public abstract class Trainer : IDisposable
{
    // A loss so many times the mean of the steps before is told of, once that mean is of enough steps.
    private const double Spike = 3, MeanKeeps = 0.98;
    private const int StepsOfMean = 100;

    private readonly PendingStep[] _steps;
    private readonly MemoryGauge _memory;
    private readonly SharedSum? _ranks;
    private readonly NcclGroup? _cards;
    private readonly ISideStream? _side;
    private IBatches? _ahead;
    private long _aheadOf;
    private double _mean;
    private int _counted, _skippedInARow;

    /// <summary>A trainer of a model whose weights are there already.</summary>
    /// <exception cref="ConfigurationException">A setting is out of range.</exception>
    private protected Trainer(PixelTransformer model, TrainingConfig config, ITeacher? teacher, ICommunicator? ranks)
    {
        (Model, Config, Teacher, Ranks, Share) = (model, config.Validate(), teacher, ranks, BatchShare.Of(config, ranks));
        if (config.Alignment is { } alignment)
        {
            if (teacher is null || model.Projector is null) throw new ConfigurationException("representation alignment needs a teacher, and a model with a projector");
            if (teacher.Width != model.Projector.Sizes.Width) throw new ConfigurationException($"the teacher has tokens of {teacher.Width} channels, and the projector makes {model.Projector.Sizes.Width}");
            Alignment = new TokenAlignment(model.Device, model.Config.IsText, alignment.Weight);
        }
        if (ranks is not null && model.Device.Kind == DeviceKind.Cuda)
        {
            _side = model.Device.OpenSideStream();
            _cards = new NcclGroup(NcclLibrary.Load(), ranks, _side);
            _ranks = config.ShardOptimizer ? new RankSum(model.Parameters, Share, ranks, _cards) { IsSharded = true } : new CardSum(model.Parameters, Share, ranks, _cards);
        }
        else if (ranks is not null)
        {
            _ranks = new RankSum(model.Parameters, Share, ranks, HostOf(ranks)) { IsSharded = config.ShardOptimizer };
        }
        Optimizer = _ranks is RankSum { IsSharded: true } sharded ? new ShardedOptimizer(model.Parameters, config.Optimizer, sharded.Buckets, ranks!, (IExchange?)_cards ?? HostOf(ranks!)) : config.CreateOptimizer(model.Parameters);
        Sum = _ranks ?? GradientSum.Create(model.Parameters, config);
        Frozen = FrozenParameters.Create(model.Parameters, config);
        _steps = [new PendingStep(model.Device, config.Batch), new PendingStep(model.Device, config.Batch)];
        _memory = new MemoryGauge(model.Device);
        ReadsLate = model.Device.Kind == DeviceKind.Cuda;
    }

    /// <summary>What carries numbers of host memory between ranks.</summary>
    private static IExchange HostOf(ICommunicator ranks) => ranks as IExchange ?? throw new ConfigurationException($"ranks over {ranks.Description} train on cards, and this device is none");

    /// <summary>Separates the draws of one step.</summary>
    private protected enum Draw
    {
        Noise,
        Time,
        Drop
    }

    /// <summary>The model in training.</summary>
    public PixelTransformer Model { get; }

    /// <summary>The settings.</summary>
    public TrainingConfig Config { get; }

    /// <summary>Moments, average and the number of steps taken.</summary>
    public IOptimizer Optimizer { get; }

    /// <summary>The processes that train together, this one among them; null for one alone.</summary>
    internal ICommunicator? Ranks { get; }

    /// <summary>Which images of a batch this process computes.</summary>
    private protected BatchShare Share { get; }

    /// <summary>Where the gradients of a batch's parts are added; null where a batch is one part.</summary>
    private protected GradientSum? Sum { get; }

    /// <summary>What stays as it is; null for nothing.</summary>
    private protected FrozenParameters? Frozen { get; }

    /// <summary>How projected tokens are aligned with a teacher's; null for not.</summary>
    private protected TokenAlignment? Alignment { get; }

    /// <summary>Where a teacher's tokens come from; stays its owner's.</summary>
    private protected ITeacher? Teacher { get; }

    /// <summary>Checks that a learning rate that falls at epochs will ever do so.</summary>
    /// <exception cref="ConfigurationException">The images are drawn without end.</exception>
    private protected void RequireEpochs(string source, long images)
    {
        const long endless = 1L << 36;
        if (Config.Decay == LearningRateDecay.Step && images > endless) throw new ConfigurationException($"lr-decay is step, and {source} is drawn without end, so that no epoch ends; constant or cosine was expected");
    }

    /// <summary>Checks that tokens of a size of images can be aligned.</summary>
    /// <exception cref="ConfigurationException">They cannot.</exception>
    private protected void RequireAlignable(int height, int width)
    {
        if (Alignment is not null && ProblemOfAligning(height, width) is { } problem) throw new ConfigurationException($"at {width}×{height} {problem}");
    }

    /// <summary>Whether tokens of a size of images are aligned.</summary>
    private protected bool IsAlignable(int height, int width) => Alignment is not null && ProblemOfAligning(height, width) is null;

    private string? ProblemOfAligning(int height, int width) => TokenAlignment.ProblemOf(StudentTokens(height, width), Teacher!.TokensOf(height, width), Model.Config.IsText);

    private int StudentTokens(int height, int width) => height / Model.Config.Patch * (width / Model.Config.Patch);

    /// <summary>Whether the step that was queued last has a loss of alignment.</summary>
    private protected virtual bool HasAligned => Alignment is not null;

    /// <summary>The weights to sample from: the averaged ones, or where no average is kept those in training.</summary>
    public Tensor Weights => Optimizer.Average ?? Model.Parameters.Values!;

    /// <summary>A model of its own with the weights to sample from: the averaged ones, or where no average is kept those in training. <see cref="Model"/> has the latter, which draw worse pictures early on.</summary>
    /// <exception cref="DeviceException">The device is out of memory.</exception>
    public virtual PixelTransformer Averaged()
    {
        var averaged = PixelTransformer.Create(Model.Config, Model.Device);
        averaged.Precision = Model.Precision;
        // A new model's values are zero, so adding is copying.
        Accumulate.Forward(Weights.Slice(0, averaged.Parameters.Values!.Shape), averaged.Parameters.Values);
        averaged.Parameters.MarkChanged();
        return averaged;
    }

    /// <summary>Writes the weights to sample from as safetensors, with all that sampling wants to know of them: sizes, the size of images, the names of classes.</summary>
    /// <param name="path">The file; replaced if it is there.</param>
    /// <returns>SHA-256 of the file.</returns>
    /// <exception cref="FileFormatException">The file cannot be written; what was there is untouched.</exception>
    public string Save(string path) => Checkpoint.SaveModel(path, this, Data);

    /// <summary>What it is trained on.</summary>
    private protected abstract TrainingData Data { get; }

    /// <summary>Whether a step's figures are read when the next one is queued, so that a GPU never waits for the host. Nothing else depends on it.</summary>
    internal bool ReadsLate { get; set; }

    /// <summary>The learning rate of a step, from 0.</summary>
    private protected virtual double RateAt(long step) => Config.LearningRateAt(step);

    /// <summary>How often the data has been seen before a step, from 0.</summary>
    private protected abstract double EpochAt(long step);

    /// <summary>Begins to read the batches of a step and those after it.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="rows">Which images of each batch are read; null for all.</param>
    private protected abstract IBatches Read(long step, IReadOnlyList<int>? rows);

    /// <summary>Queues a step.</summary>
    /// <param name="loader">What <see cref="Read"/> has returned.</param>
    /// <param name="step">The step, from 0.</param>
    /// <param name="rate">Its learning rate.</param>
    /// <param name="figures">Receives the loss, the norm and the loss of each image.</param>
    private protected abstract void Queue(IBatches loader, long step, double rate, Readback figures);

    /// <summary>t of an image of a step, from 0 for noise to 1 for data.</summary>
    private protected abstract float TimeOf(long step, int image);

    /// <summary>Trains until the last step, or until it is cancelled; a step that has begun is finished.</summary>
    /// <param name="report">Called after every step, in their order; on a GPU the next one may have begun.</param>
    /// <param name="cancel">Stops after the step in hand; the trainer stays usable.</param>
    /// <param name="restsAfter">After which steps none begins before the report has returned, so that the weights are those of the step reported; null for none.</param>
    /// <exception cref="NotFiniteException">More steps in a row than the limit had gradients that are not finite; the message names the last. No weight has been changed by them.</exception>
    public void Run(Action<StepReport> report, CancellationToken cancel = default, Func<long, bool>? restsAfter = null)
    {
        using var loader = Read(Optimizer.Steps, Share.Rows);
        Run(loader, Config.Steps, report, restsAfter, cancel);
    }

    /// <summary>Takes one step. Between steps the weights may be sampled from, saved or measured, which changes nothing of the steps that follow; the batches of those are read meanwhile.</summary>
    /// <returns>What the step showed.</returns>
    /// <exception cref="ConfigurationException">All steps of <see cref="TrainingConfig.Steps"/> are taken.</exception>
    /// <exception cref="NotFiniteException">As <see cref="Run(Action{StepReport}, CancellationToken, Func{long, bool}?)"/> throws it.</exception>
    public StepReport Step()
    {
        if (Optimizer.Steps >= Config.Steps) throw new ConfigurationException($"steps is {Config.Steps}, and all of them are taken; a larger number was expected");
        if (_ahead is null || _aheadOf != Optimizer.Steps)
        {
            _ahead?.Dispose();
            _ahead = Read(Optimizer.Steps, Share.Rows);
        }
        StepReport shown = default;
        Run(_ahead, Optimizer.Steps + 1, step => shown = step, null, default);
        _aheadOf = Optimizer.Steps;
        return shown;
    }

    private void Run(IBatches loader, long until, Action<StepReport> report, Func<long, bool>? restsAfter, CancellationToken cancel)
    {
        PendingStep? pending = null;
        long before = 0;
        if (_ranks is not null)
        {
            _ranks.WantsToStop = () => cancel.IsCancellationRequested;
            _ranks.WantsState = () => Optimizer.Steps + 1 >= until || restsAfter?.Invoke(Optimizer.Steps + 1) == true;
        }
        bool isStopped = Ranks is null ? cancel.IsCancellationRequested : RankStart.Any(Ranks, cancel.IsCancellationRequested);
        try
        {
            while (Optimizer.Steps < until && !isStopped)
            {
                long began = Stopwatch.GetTimestamp(), step = Optimizer.Steps;
                var next = _steps[step % _steps.Length];
                double rate = RateAt(step) * Config.StepFactorAt(EpochAt(step));
                next.Begin(step + 1, rate, began);
                var waited = loader.Waited;
                Queue(loader, step, rate, next.Figures);
                if (_ranks is { AnyWantsToStop: true } or { FirstWantsState: true }) (Optimizer as ShardedOptimizer)?.Gather();
                next.IsAligned = HasAligned;
                next.DataWait = loader.Waited - waited;
                FinishPending();
                pending = next;
                if (!ReadsLate || restsAfter?.Invoke(Optimizer.Steps) == true) FinishPending();
                // Either all ranks stop after a step, or none.
                isStopped = _ranks?.AnyWantsToStop ?? cancel.IsCancellationRequested;
                if (Ranks is not null) RankStart.AfterStep(Ranks, this);
            }
        }
        finally
        {
            FinishPending();
        }

        void FinishPending()
        {
            if (pending is not { } step) return;
            pending = null;
            var (device, process) = _memory.Read();
            var figures = step.Finish(before, TimeOf) with { DeviceBytes = device, ProcessBytes = process };
            before = Stopwatch.GetTimestamp();
            Optimizer.Confirm(!figures.IsSkipped);
            report(Watch(figures));
            _skippedInARow = figures.IsSkipped ? _skippedInARow + 1 : 0;
            if (_skippedInARow > Config.SkipLimit)
                throw new NotFiniteException($"the loss of step {figures.Step} is {figures.Loss} and the norm of its gradients {figures.GradientNorm}{(_skippedInARow > 1 ? $", and neither was finite in the {_skippedInARow - 1} steps before" : "")}; a smaller --lr, --clip 1 or --post-modulation may help");
        }
    }

    /// <summary>
    /// The loss of images that are not trained on: the mean of (v_θ − v)² over all of them, each at one time and with one noise that neither seed nor step changes, and none without its condition. So two evaluations differ by the
    /// weights alone.
    /// </summary>
    /// <param name="model">A model of this kind, with the weights to be judged.</param>
    /// <param name="heldOut">The images.</param>
    /// <param name="cancel">Ends the work after the batch in hand.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    internal abstract double LossOf(PixelTransformer model, TrainingData heldOut, CancellationToken cancel = default);

    /// <summary>Notes that the weights have been restored.</summary>
    internal void NoteRestored() => Frozen?.Take();

    /// <summary>What a step was trained on, for a person who looks for what went wrong.</summary>
    /// <param name="step">The step, from 0.</param>
    internal abstract IReadOnlyList<TensorData> BatchOf(long step);

    /// <summary>The norm of each block's gradients as they are now, the largest first.</summary>
    /// <remarks>Empty where no process has all gradients.</remarks>
    internal IReadOnlyList<(string Block, double Norm)> BlockNorms() => _ranks is RankSum { IsSharded: true } ? [] :
    [
        .. Model.Parameters.All.Where(parameter => parameter.HasGradient).GroupBy(parameter => BlockOf(parameter.Name), StringComparer.Ordinal)
            .Select(block => (block.Key, Math.Sqrt(block.Sum(parameter => parameter.Gradient!.ToArray().Sum(value => (double)value * value))))).OrderByDescending(block => double.IsNaN(block.Item2) ? double.PositiveInfinity : block.Item2)
    ];

    /// <summary>For example patch_blocks.3 of patch_blocks.3.attn.qkv.weight, and final_layer of final_layer.linear.bias.</summary>
    private static string BlockOf(string parameter) => parameter.Split('.') is [var list, var number, ..] && int.TryParse(number, out _) ? $"{list}.{number}" : parameter.Split('.')[0];

    private StepReport Watch(StepReport step)
    {
        if (step.IsSkipped || !float.IsFinite(step.Loss)) return step;
        bool isSpike = _counted >= StepsOfMean && step.Loss > Spike * _mean;
        double mean = _mean;
        // A spike moves the mean by no more than its bound, so that a second one is told of too.
        _mean = _counted++ == 0 ? step.Loss : (MeanKeeps * _mean) + ((1 - MeanKeeps) * Math.Min(step.Loss, _counted > StepsOfMean ? Spike * _mean : step.Loss));
        return isSpike ? step with { SpikeOver = mean, BlockNorms = ReadsLate ? [] : BlockNorms() } : step;
    }

    // Initialisation draws from low streams with the same key, so steps begin far above them.
    private protected static ulong Stream(long step, Draw draw) => (1UL << 40) + ((ulong)step * 4) + (ulong)draw;

    /// <summary>Whether an image of a step is trained without its condition.</summary>
    private protected bool IsDropped(long step, int image) => Philox.Uniform(Config.Seed, Stream(step, Draw.Drop), (ulong)image) < Config.ConditionDrop;

    /// <summary>The normal draw behind the time of an image of a step.</summary>
    private protected float TimeDraw(long step, int image) => Philox.Normal(Config.Seed, Stream(step, Draw.Time), (ulong)image);

    /// <summary>Frees moments, average and buffers; the model stays its owner's.</summary>
    public virtual void Dispose()
    {
        _ahead?.Dispose();
        foreach (var step in _steps) step.Dispose();
        Sum?.Dispose();
        _side?.Dispose();
        _cards?.Dispose();
        Frozen?.Dispose();
        Alignment?.Dispose();
        Optimizer.Dispose();
        GC.SuppressFinalize(this);
    }
}
