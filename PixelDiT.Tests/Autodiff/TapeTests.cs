using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Tests.Models;

namespace PixelDiT.Tests.Autodiff;

/// <summary>The tape: gradients where they are wanted, and memory given back.</summary>
internal sealed class TapeTests
{
    private Device _device = null!;

    private long InUse => _device.Arena.BytesInUse;

    [OneTimeSetUp]
    public void Open() => _device = Device.Open("cpu", 2);

    [OneTimeTearDown]
    public void Close() => _device.Dispose();

    [Test]
    public void Backward_releases_what_the_forward_kept()
    {
        using var x = _device.Upload([1f, -2f, 3f], [1, 3]);
        using var target = _device.Upload([0f, 0f, 0f], [1, 3]);
        long before = InUse;
        using (var tape = new Tape(_device, recording: true))
        {
            var leaf = tape.Input(x, requiresGradient: true);
            var y = leaf;
            for (int i = 0; i < 20; i++) y = tape.AddSilu(y, null);
            var loss = tape.MeanSquaredError(y, target);
            Assert.That(InUse, Is.EqualTo(before + (21 * 256)));
            tape.Backward(loss);
            Assert.That(InUse, Is.EqualTo(before + 256), "only the leaf's gradient is left");
            Assert.That(leaf.Gradient, Is.Not.Null);
        }
        Assert.That(InUse, Is.EqualTo(before));
    }

    [Test]
    public void A_parameter_that_no_backward_reached_has_no_gradient()
    {
        using var parameters = new ParameterSet(_device);
        Parameter used = parameters.Add("used", [3]), unused = parameters.Add("unused", [3]);
        parameters.Allocate();
        Assert.That(used.HasGradient, Is.False);
        parameters.RequireGradients();
        using var x = _device.Upload([1f, -2f, 3f], [1, 3]);
        using var target = _device.Upload([0f, 0f, 0f], [1, 3]);
        for (int step = 0; step < 2; step++)
        {
            parameters.ClearGradients();
            Assert.That((used.HasGradient, unused.HasGradient), Is.EqualTo((false, false)));
            using var tape = new Tape(_device, recording: true);
            tape.Backward(tape.MeanSquaredError(tape.RmsNorm(tape.Input(x, requiresGradient: false), used), target));
            Assert.That((used.HasGradient, unused.HasGradient), Is.EqualTo((true, false)));
        }
    }

    // Stages of the forward at which an observer fails, with blocks' scopes open and closed.
    [Test, Combinatorial]
    public void An_exception_in_the_forward_leaves_nothing_behind([Values] bool recording, [Values("t_embedder", "patch_blocks.0.attn.q", "patch_blocks.1", "pixel_blocks.1.compact", "final_layer")] string stage)
    {
        using var small = new SmallModel(_device, SmallModel.Config()).Fill();
        // What a weight is packed into for its second product stays.
        small.Step();
        small.Step();
        long before = InUse;
        Assert.That(() =>
        {
            using var tape = new Tape(_device, recording)
            {
                Traces = _ => true,
                Observer = (name, _) =>
                {
                    if (name == stage) throw new OperationCanceledException();
                }
            };
            small.Model.Forward(tape, tape.Input(small.X), small.T, small.Y);
        }, Throws.TypeOf<OperationCanceledException>());
        Assert.That(InUse, Is.EqualTo(before));
    }

    [Test]
    public void Gradients_are_computed_only_where_they_are_wanted()
    {
        using var set = new ParameterSet(_device);
        var weight = set.Add("w", [2, 3]);
        set.Allocate();
        weight.Value.Upload([1f, 2f, 3f, 4f, 5f, 6f]);
        using var values = _device.Upload([1f, 2f, 3f], [1, 3]);
        using var target = _device.Upload([0f, 0f], [1, 2]);

        // Without gradients of parameters, and of one of two inputs.
        using var tape = new Tape(_device, recording: true);
        Variable wanted = tape.Input(values, requiresGradient: true), given = tape.Input(values);
        var y = tape.Linear(tape.AddSilu(wanted, given), weight, null);
        tape.Backward(tape.MeanSquaredError(y, target));
        Assert.That(given.Gradient, Is.Null);
        Assert.That(weight.Gradient, Is.Null);
        Assert.That(wanted.Gradient!.ToArray(), Has.All.Not.Zero);
    }

    [TestCase(false), TestCase(true)]
    public void The_gradient_of_the_image_alone_needs_no_gradients_of_parameters(bool post)
    {
        using var small = new SmallModel(_device, SmallModel.Config(post: post)).Fill();
        float[] alone;
        using (var tape = new Tape(_device, recording: true))
        {
            var x = tape.Input(small.X, requiresGradient: true);
            tape.Backward(tape.MeanSquaredError(small.Model.Forward(tape, x, small.T, small.Y), small.Target));
            alone = x.Gradient!.ToArray();
        }
        Assert.That(small.Model.Parameters.Gradients, Is.Null);
        Assert.That(small.Step().Gradients.TakeLast(alone.Length), Is.EqualTo(alone));
    }

    [Test]
    public void A_tape_that_does_not_record_has_no_backward()
    {
        using var x = _device.Upload([1f], [1]);
        using var tape = new Tape(_device, recording: false);
        var y = tape.AddSilu(tape.Input(x, requiresGradient: true), null);
        Assert.That(y.RequiresGradient, Is.False);
        Assert.That(() => tape.Backward(y), Throws.InvalidOperationException);
    }

    [Test]
    public void A_root_of_several_numbers_needs_a_gradient_to_begin_with()
    {
        using var x = _device.Upload([1f, 2f], [2]);
        using var tape = new Tape(_device, recording: true);
        var y = tape.AddSilu(tape.Input(x, requiresGradient: true), null);
        Assert.That(() => tape.Backward(y), Throws.TypeOf<ShapeException>());
    }

    [Test]
    public void A_part_of_a_gradient_that_nobody_wrote_is_noticed()
    {
        using var x = _device.Upload(new float[8], [2, 4]);
        using var tape = new Tape(_device, recording: true);
        var m = tape.AddSilu(tape.Input(x, requiresGradient: true), null);
        using var values = _device.Upload([1f, 2f, 3f, 4f], [2, 2]);
        var input = tape.Input(values, requiresGradient: true);
        using var target = _device.Upload(new float[4], [2, 2]);
        var y = tape.Gate(input, input, Chunks.Of(m, 2, 1), gate: 1);
        Assert.That(() => tape.Backward(tape.MeanSquaredError(y, target)), Throws.InvalidOperationException.With.Message.Contains("never written"));
    }

    [Test]
    public void A_prepared_weight_follows_its_master()
    {
        using var set = new ParameterSet(_device);
        var weight = set.Add("w", [1, 2]);
        set.Allocate();
        using var values = _device.Upload([1f, 1f], [1, 2]);
        Assert.That(Product(), Is.Zero);
        weight.Value.Upload([2f, 3f]);
        set.MarkChanged();
        Assert.That(Product(), Is.EqualTo(5));

        float Product()
        {
            using var tape = new Tape(_device, recording: false);
            return tape.Linear(tape.Input(values), weight, null).Value.ToArray()[0];
        }
    }

    [Test]
    public void The_padding_of_a_parameter_set_stays_zero()
    {
        using var small = new SmallModel(_device, SmallModel.Config()).Fill();
        var parameters = small.Model.Parameters;
        small.Step();
        using Tensor first = parameters.NewLike(), second = parameters.NewLike(), norm = _device.Allocate([1]);
        GradientNorm.Forward(parameters.Gradients!, norm);
        AdamW.Step(parameters.Values!, parameters.Gradients!, first, second, null, norm, new AdamWStep(1e-3, 0.9, 0.999, 1e-8, 0.1, 1, 0, 1));
        foreach (var flat in new[] { parameters.Values!, parameters.Gradients!, first, second })
        {
            double all = flat.ToArray().Sum(value => Math.Abs((double)value)), inside = parameters.All.Sum(parameter => parameters.SliceOf(flat, parameter).ToArray().Sum(value => Math.Abs((double)value)));
            Assert.That(all, Is.EqualTo(inside).Within(1e-9 * inside));
        }
    }

    [Test]
    public void Addresses_repeat_from_step_to_step()
    {
        using var small = new SmallModel(_device, SmallModel.Config()).Fill();
        small.Step();
        Assert.That(Addresses(), Is.EqualTo(Addresses()));

        List<long> Addresses()
        {
            var addresses = new List<long>();
            small.Step(tape => (tape.Traces, tape.Observer) = (_ => true, (_, value) => addresses.Add(AddressOf(value.Value))));
            return addresses;
        }
    }

    private static unsafe long AddressOf(Tensor tensor) => (long)tensor.View<float>().Address;
}
