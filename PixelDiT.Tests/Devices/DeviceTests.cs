using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Tests.Devices;

/// <summary>Opening devices, and tensors on them.</summary>
internal sealed class DeviceTests
{
    [Test]
    public void An_unknown_name_lists_the_known_ones()
    {
        var error = Assert.Throws<DeviceException>(() => Device.Open("gpu"))!;
        Assert.That(error.Message, Does.Contain("'gpu'"));
        foreach (string name in Device.Names) Assert.That(error.Message, Does.Contain(name));
    }

    [TestCase(-1), TestCase(1025), TestCase(int.MaxValue)]
    public void A_thread_count_out_of_range_is_named(int threads)
        => Assert.That(() => Device.Open("cpu", threads), Throws.TypeOf<DeviceException>().With.Message.Contains($"threads is {threads}").And.Message.Contains("1024"));

    [Test]
    public void A_missing_card_says_what_to_do_instead()
    {
        try
        {
            Device.Open("cuda").Dispose();
            Assert.Ignore("needs a machine without a CUDA device");
        }
        catch (DeviceException error)
        {
            Assert.That(error.Message, Does.StartWith("no CUDA device").And.Contain("--device cpu"));
        }
    }

    [TestCase("auto"), TestCase("cpu"), TestCase("ilgpu-cpu")]
    public void Every_known_name_opens(string name)
    {
        using var device = Device.Open(name, 2);
        Assert.That(device.Description, Is.Not.Empty);
        using var x = device.Upload([1f, 2f, 3f], [3]);
        Accumulate.Forward(x, x);
        Assert.That(x.ToArray(), Is.EqualTo(new[] { 2f, 4f, 6f }));
        Assert.That(device.Launches, Is.EqualTo(1));
    }

    [Test]
    public void Zero_threads_means_one_a_core()
    {
        using var device = Device.Open("cpu");
        Assert.That(device.Threads, Is.EqualTo(Environment.ProcessorCount));
    }

    [Test]
    public void A_tensor_refuses_what_does_not_fit()
    {
        using var device = Device.Open("cpu", 1);
        using var x = device.Allocate([2, 3]);
        using var labels = device.Upload([1, 2], [2]);
        Assert.That(() => x.Upload(new float[5]), Throws.TypeOf<ShapeException>().With.Message.Contains("5 values").And.Message.Contains("[2, 3]"));
        Assert.That(() => x.Reshape([4]), Throws.TypeOf<ShapeException>().With.Message.Contains("[4]"));
        Assert.That(() => x.Slice(4, [3]), Throws.TypeOf<ShapeException>().With.Message.Contains("4 to 7"));
        Assert.That(() => x.Slice(-1, [3]), Throws.TypeOf<ShapeException>());
        Assert.That(() => x.View<int>(), Throws.TypeOf<ShapeException>().With.Message.Contains("Single was read as Int32"));
        Assert.That(() => x.View<BFloat16>(), Throws.TypeOf<ShapeException>().With.Message.Contains("BFloat16"));
        Assert.That(() => labels.ToArray(), Throws.TypeOf<ShapeException>().With.Message.Contains("Int32 was read as Single"));
        Assert.That(() => device.Allocate([2, 0]), Throws.TypeOf<ShapeException>().With.Message.Contains("[2, 0]"));
        x.Dispose();
        Assert.That(() => x.View<float>(), Throws.TypeOf<ShapeException>().With.Message.Contains("after it was released"));
    }

    [Test]
    public void Disposing_a_tensor_twice_or_a_part_of_it_releases_once()
    {
        using var device = Device.Open("cpu", 1);
        var x = device.Allocate([100]);
        x.Slice(10, [10]).Dispose();
        x.Reshape([10, 10]).Dispose();
        Assert.That(device.Arena.BytesInUse, Is.EqualTo(512));
        x.Dispose();
        x.Dispose();
        Assert.That(device.Arena.BytesInUse, Is.Zero);
    }
}
