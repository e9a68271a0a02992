using CsCheck;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Editing;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Oracle;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Editing;

/// <summary>What an edit leaves as it was, what it evaluates, and that both conventions are one.</summary>
internal sealed class FlowEditTests
{
    private const int Length = 12;

    private static readonly Gen<FlowEditConfig> s_configs = Gen.Select(Gen.Int[1, 12], Gen.Int[0, 14], Gen.Int[0, 14], Gen.Int[1, 3], Gen.Double[0, 4], Gen.Double[0, 8], Gen.Float[0.5f, 5])
        .Select((steps, most, least, draws, from, to, shift) => new FlowEditConfig { Steps = steps, MaxSteps = Math.Max(most, least), MinSteps = Math.Min(most, least), Draws = draws, SourceGuidance = from, Guidance = to, TimeShift = shift });

    private static readonly Gen<float[]> s_images = Gen.Float[-1, 1].Array[Length];

    private Device _device = null!;

    [OneTimeSetUp]
    public void Open() => _device = Device.Open("cpu", 1);

    [OneTimeTearDown]
    public void Close() => _device.Dispose();

    // A field that is neither linear nor alike for the three conditions; of a class model its negative at t = 1 − σ.
    private static double Velocity(double x, double sigma, EditSide side) => ((0.4 - (0.7 * sigma)) * x) + (side switch { EditSide.Source => 0.3, EditSide.Target => -0.9, _ => 0.1 } * Math.Cos(2 * x));

    private float[] Run(FlowEdit edit, float[] image, bool rises, ulong seed, bool sameSides = false, Action<EditStep>? observe = null)
    {
        using var source = _device.Upload(image, [1, 1, 1, Length]);
        using var edited = _device.Allocate(source.Shape);
        var random = new TorchRandom(seed);
        edit.Run(source, edited, (x, time, side, v) =>
        {
            double sigma = rises ? 1 - time : time;
            if (sameSides && side == EditSide.Source) side = EditSide.Target;
            v.Upload([.. x.ToArray().Select(value => (float)((rises ? -1 : 1) * Velocity(value, sigma, side)))]);
        }, noise => noise.Upload(random.Normal(Length)), observe);
        Assert.That(source.ToArray(), Is.EqualTo(image), "the source stays");
        return edited.ToArray();
    }

    [Test]
    public void Any_edit_equals_the_same_one_in_double_precision()
    {
        Gen.Select(s_configs, s_images, Gen.UInt).Sample((config, image, seed) =>
        {
            float[] levels = TimeGrid.NoiseLevels(config.Steps, config.TimeShift), actual = Run(FlowEdit.OfNoiseLevels(_device, config), image, rises: false, seed);
            var random = new TorchRandom(seed);
            var steps = ExactFlowEdit.Run(
                Array.ConvertAll(image, value => (double)value), config, [.. levels.Select(level => (double)level)], (x, sigma, side) => Array.ConvertAll(x, value => Velocity(value, sigma, side)), () => Array.ConvertAll(random.Normal(Length), value => (double)value));
            double[] expected = steps.Count == 0 ? Array.ConvertAll(image, value => (double)value) : steps[^1].State;
            // Guidance of up to 8 multiplies the rounding of a velocity, and twelve steps add up.
            return actual.Zip(expected).All(pair => Math.Abs(pair.First - pair.Second) <= 1e-4 * Math.Max(1, Math.Abs(pair.Second)));
        }, iter: 200, threads: 1);
    }

    [Test]
    public void A_class_models_convention_gives_the_same_edit()
    {
        // Its grid is another one, so the text model's is taken in both: t = 1 − σ.
        Gen.Select(s_configs, s_images, Gen.UInt).Sample((config, image, seed) =>
        {
            float[] times = TimeGrid.Create(config.Steps, config.TimeShift), levels = Array.ConvertAll(times, time => 1 - time);
            float[] rising = Run(FlowEdit.OfTimes(_device, config), image, rises: true, seed), falling = Run(FlowEdit.OfNoiseLevels(_device, config, levels), image, rises: false, seed);
            return rising.Zip(falling).All(pair => Math.Abs(pair.First - pair.Second) <= 1e-4 * Math.Max(1, Math.Abs(pair.Second)));
        }, iter: 100, threads: 1);
    }

    [Test]
    public void Without_strength_or_without_a_difference_the_source_returns_to_the_bit()
    {
        Gen.Select(s_configs, s_images, Gen.UInt).Sample((config, image, seed) =>
        {
            var none = config with { MaxSteps = 0, MinSteps = 0 };
            var alike = config with { MinSteps = 0, Guidance = config.SourceGuidance };
            return Run(FlowEdit.OfNoiseLevels(_device, none), image, rises: false, seed).SequenceEqual(image) && Run(FlowEdit.OfNoiseLevels(_device, alike), image, rises: false, seed, sameSides: true).SequenceEqual(image)
                && Run(FlowEdit.OfTimes(_device, alike), image, rises: true, seed, sameSides: true).SequenceEqual(image);
        }, iter: 100, threads: 1);
    }

    [Test]
    public void With_ordinary_sampling_at_the_end_the_source_does_not_return()
    {
        // The last steps go from fresh noise to whatever the target shows: that is what n-min is for.
        float[] image = [.. Enumerable.Range(0, Length).Select(i => i / 12f)];
        var config = new FlowEditConfig { Steps = 8, MaxSteps = 6, MinSteps = 3, Guidance = 2, SourceGuidance = 2 };
        Assert.That(Run(FlowEdit.OfNoiseLevels(_device, config), image, rises: false, 1, sameSides: true), Is.Not.EqualTo(image));
    }

    [Test]
    public void Steps_are_told_from_where_the_edit_begins()
    {
        var config = new FlowEditConfig { Steps = 10, MaxSteps = 4, MinSteps = 1, TimeShift = 3 };
        var told = new List<(int, float, float)>();
        var edit = FlowEdit.OfNoiseLevels(_device, config);
        Run(edit, new float[Length], rises: false, 2, observe: step => told.Add((step.Index, step.Time, step.Next)));
        Assert.That(told, Is.EqualTo(Enumerable.Range(6, 4).Select(i => (i, edit.Times[i], edit.Times[i + 1]))));
        Assert.That(config.Passes, Is.EqualTo((3 * 4) + 2));
    }

    [TestCase(0, 1, 0, 1, 1, "steps is 0")]
    [TestCase(5, -1, 0, 1, 1, "n-max is -1; it must be 0, which changes nothing, or above")]
    [TestCase(5, 3, 4, 1, 1, "n-min is 4; it must be from 0 to n-max, 3")]
    [TestCase(5, 3, 0, 0, 1, "n-avg is 0; it must be from 1 to 1000")]
    [TestCase(5, 3, 0, 1, 101, "guidance is 101; it must be from 0 to 100, where 1 is none")]
    public void Settings_out_of_range_are_refused(int steps, int most, int least, int draws, double guidance, string message)
    {
        var config = new FlowEditConfig { Steps = steps, MaxSteps = most, MinSteps = least, Draws = draws, Guidance = guidance };
        Assert.That(() => FlowEdit.OfTimes(_device, config), Throws.TypeOf<ConfigurationException>().With.Message.StartsWith(message));
    }

    [TestCase("cpu"), TestCase("ilgpu-cpu")]
    public void Models_return_the_source_to_the_bit_where_both_sides_are_one(string name)
    {
        using var folder = new TemporaryFolder();
        using var device = Device.Open(name, 2);
        string text = Path.Combine(folder.Path, "text.safetensors"), classes = Path.Combine(folder.Path, "classes.safetensors");
        StoredModel.WriteNew(text, Presets.Get("micro-text") with { TextWidth = 8, TextTokens = 4 }, 1, nonzero: true, Reference.Formats.DataType.F32);
        StoredModel.WriteNew(classes, Presets.Get("micro"), 1, nonzero: true, Reference.Formats.DataType.F32);
        var config = new FlowEditConfig { Steps = 4, MaxSteps = 3, SourceGuidance = 3, Guidance = 3 };
        float[] image = [.. new TorchRandom(5).Normal(2 * 3 * 8 * 12).Select(value => value / 3)], states = new TorchRandom(6).Normal(32), others = new TorchRandom(7).Normal(32), none = new TorchRandom(8).Normal(32);
        using (var stored = StoredModel.Open(text))
        using (var model = (TextToImageModel)stored.Load(device))
        {
            float[] Edit(float[] target, params ulong[] seeds) => ImageEditor.ByTexts(model, config, seeds.Length == 1 ? image[..(image.Length / 2)] : image, new(8, 12), [.. seeds.Select(_ => states)], [.. seeds.Select(_ => target)], [.. seeds.Select(_ => none)], seeds);
            Assert.That(Edit(states, 1, 2), Is.EqualTo(image));
            float[] both = Edit(others, 1, 2), first = Edit(others, 1);
            Assert.That(both, Is.Not.EqualTo(image));
            Assert.That(both[..first.Length], Is.EqualTo(first), "an image does not depend on those beside it");
        }
        using (var stored = StoredModel.Open(classes))
        using (var model = (PixelDiTModel)stored.Load(device))
        {
            Assert.That(ImageEditor.ByClasses(model, config, image, new(8, 12), [1, 2], [1, 2], [1, 2]), Is.EqualTo(image));
            Assert.That(ImageEditor.ByClasses(model, config, image, new(8, 12), [1, 2], [2, 1], [1, 2]), Is.Not.EqualTo(image));
            Assert.That(() => ImageEditor.ByClasses(model, config, image, new(8, 12), [1, 99], [2, 1], [1, 2]), Throws.TypeOf<ConfigurationException>());
            Assert.That(() => ImageEditor.ByClasses(model, config, image, new(8, 10), [1, 1], [2, 1], [1, 2]), Throws.InstanceOf<ShapeException>());
        }
        Assert.That(device.Arena.BytesInUse, Is.Zero);
    }

    [Test]
    public void Cancelling_frees_everything()
    {
        using var device = Device.Open("cpu", 1);
        using var cancel = new CancellationTokenSource();
        using (Tensor source = device.Allocate([1, 1, 1, Length]), edited = device.Allocate([1, 1, 1, Length]))
        {
            int passes = 0;
            Assert.That(() => FlowEdit.OfTimes(device, new FlowEditConfig { Draws = 2 }).Run(source, edited, (_, _, _, v) =>
            {
                Fill.Forward(0, v);
                if (++passes == 7) cancel.Cancel();
            }, noise => Fill.Forward(0, noise), cancel: cancel.Token), Throws.InstanceOf<OperationCanceledException>());
            Assert.That(passes, Is.EqualTo(7));
        }
        Assert.That(device.Arena.BytesInUse, Is.Zero);
    }
}
