using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Tests.Tensors;

/// <summary>Inputs of a step on their way to the device, and its figures on their way back.</summary>
internal sealed class TransferTests
{
    [TestCase("cpu", 1), TestCase("cpu", 2), TestCase("ilgpu-cpu", 2)]
    public void A_feed_hands_out_its_tensors_in_turn_and_leaves_the_one_in_use_alone(string name, int slots)
    {
        using var device = Device.Open(name, 1);
        using (var feed = new StagingBuffer(device, [3], ElementType.Single, slots))
        {
            Tensor first = feed.Send<float>([1, 2, 3]), second = feed.Send<float>([4, 5, 6]);
            Assert.That(first.ToArray(), Is.EqualTo(slots == 2 ? new float[] { 1, 2, 3 } : [4, 5, 6]));
            Assert.That(second.ToArray(), Is.EqualTo(new float[] { 4, 5, 6 }));
            Assert.That(feed.Send<float>([7, 8, 9]), Is.SameAs(first));
            Assert.That(() => feed.Send<float>([1, 2]), Throws.TypeOf<ShapeException>().With.Message.Contains("2 were expected"));
            Assert.That(() => feed.Send<int>([1, 2, 3]), Throws.TypeOf<ShapeException>().With.Message.Contains("Int32"));
        }
        Assert.That(device.Arena.BytesInUse, Is.Zero);
    }

    [Test]
    public void A_cpu_has_one_tensor_for_each_input()
    {
        using var device = Device.Open("cpu", 1);
        using var feed = new StagingBuffer(device, [2], ElementType.Int32);
        Assert.That(feed.Send<int>([1, 2]), Is.SameAs(feed.Send<int>([3, 4])));
        Assert.That(device.Arena.BytesInUse, Is.EqualTo(256));
    }

    [Test]
    public void Numbers_read_late_are_those_at_the_time_of_their_copy()
    {
        using var device = Device.Open("cpu", 1);
        using var numbers = new Readback(device, 2);
        using var x = device.Upload([2f], [1]);
        numbers.Copy(1, x);
        Accumulate.Forward(x, x);
        numbers.Copy(0, x);
        x.Clear();
        Assert.That(numbers.Read().ToArray(), Is.EqualTo(new[] { 4f, 2f }));
        using var pair = device.Allocate([2]);
        Assert.That(() => numbers.Copy(0, pair), Throws.TypeOf<ShapeException>().With.Message.Contains("1 were expected"));
    }

    [Test]
    public void Neither_waits_for_the_device_and_plain_copies_do()
    {
        using var device = Device.Open("cpu", 1);
        using var feed = new StagingBuffer(device, [1]);
        using var numbers = new Readback(device, 1);
        numbers.Copy(0, feed.Send<float>([3]));
        Assert.That(numbers.Read()[0], Is.EqualTo(3));
        Assert.That(device.Synchronizations, Is.Zero);
        using var x = device.Upload([1f], [1]);
        Assert.That(device.Synchronizations, Is.EqualTo(1));
        x.ToArray();
        Assert.That(device.Synchronizations, Is.EqualTo(2));
    }
}
