using NUnit.Framework;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Machine.Lanes;

namespace PixelDiT.Tests.Machine.Lanes;

/// <summary>Eight elements of a GPU's thread: the same as one by one, wherever in memory they begin.</summary>
internal sealed unsafe class GpuLanes8Tests
{
    private const int Count = 8, Before = 16;

    [Test]
    public void Float32_is_read_and_written_from_any_element([Range(0, 8)] int first) => Check<Single32>(first);

    [Test]
    public void Bfloat16_is_read_and_written_from_any_element([Range(0, 8)] int first) => Check<BFloat16>(first);

    [Test]
    public void Numbers_without_a_storage_are_read_and_written_from_any_element([Range(0, 8)] int first)
    {
        float[] source = Values(), target = new float[source.Length];
        fixed (float* from = source, to = target)
        {
            DeviceView<float> read = new(from), write = new(to);
            Assert.That(Elements(GpuLanes8.Load(read, first)), Is.EqualTo(source[first..(first + Count)]));
            Assert.That(Elements(GpuLanes8.LoadSwapped(read, first)), Is.EqualTo(Swapped(source, first)));
            GpuLanes8.Store(write, first, GpuLanes8.Load(read, first));
        }
        Assert.That(target, Is.EqualTo(Alone(source, first)));
    }

    [Test]
    public void A_sum_adds_neighbours_first()
    {
        // The first pair is lost beside what follows unless it is added alone.
        var value = new Float8(1f, 1f, 1e8f, -1e8f, 0.5f, 0.25f, 4f, 8f);
        Assert.That(GpuLanes8.Sum(value), Is.EqualTo(14.75f));
        Assert.That(GpuLanes8.Sum(GpuLanes8.Set(3f)), Is.EqualTo(24f));
    }

    private static void Check<T>(int first) where T : unmanaged, IStorage<T>
    {
        T[] source = Array.ConvertAll(Values(), T.FromSingle), target = new T[source.Length];
        float[] values = Array.ConvertAll(source, T.ToSingle);
        fixed (T* from = source, to = target)
        {
            DeviceView<T> read = new(from), write = new(to);
            Assert.That(Elements(GpuLanes8.Load(read, first)), Is.EqualTo(values[first..(first + Count)]));
            Assert.That(Elements(GpuLanes8.LoadSwapped(read, first)), Is.EqualTo(Swapped(values, first)));
            GpuLanes8.Store(write, first, GpuLanes8.Load(read, first));
        }
        Assert.That(Array.ConvertAll(target, T.ToSingle), Is.EqualTo(Alone(values, first)));
    }

    private static float[] Values() => [.. Enumerable.Range(0, Count + (2 * Before)).Select(i => i % 2 == 0 ? i + 0.25f : -i)];

    private static float[] Swapped(float[] values, int first) => [.. Enumerable.Range(0, Count).Select(i => values[first + (i ^ 1)])];

    private static float[] Alone(float[] values, int first) => [.. values.Select((value, i) => i >= first && i < first + Count ? value : 0f)];

    private static float[] Elements(Float8 value) => [value.A, value.B, value.C, value.D, value.E, value.F, value.G, value.H];
}
