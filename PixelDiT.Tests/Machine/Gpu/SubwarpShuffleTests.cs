using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Tests.Machine.Gpu;

/// <summary>The bodies that stand for shuffles: each item exchanges among its own lanes, whoever of its group is absent.</summary>
public sealed class SubwarpShuffleTests
{
    private Device _device = null!;

    [OneTimeSetUp]
    public void Open() => _device = Device.OpenIlgpuCpu(threads: 1, groupSize: 64);

    [OneTimeTearDown]
    public void Close() => _device.Dispose();

    /// <summary>With 64 threads a group, 37 items of 2 lanes leave 27 places of the second group empty; 5 items of 32 lanes one warp of the third.</summary>
    [TestCase(2, 37), TestCase(4, 1), TestCase(8, 9), TestCase(16, 3), TestCase(32, 5)]
    public void Each_lane_receives_what_its_partner_brought(int lanes, int items)
    {
        for (int distance = 1; distance < lanes; distance++)
        {
            using var received = _device.Allocate([items, lanes, 9]);
            received.Clear();
            _device.Launch(new ShuffleKernel(received.View<float>(), distance), items, lanes);
            int[] lane = [.. Enumerable.Range(0, items * lanes)];
            float[] expected = [.. lane.SelectMany(i => Enumerable.Range(0, 9).Select(k => ShuffleKernel.Brought(i / lanes, (i % lanes) ^ distance) + (k / 10f)))];
            Assert.That(received.ToArray(), Is.EqualTo(expected), $"distance {distance}");
        }
    }

    /// <summary>Each lane shuffles one value and eight.</summary>
    public readonly struct ShuffleKernel(DeviceView<float> received, int distance) : IRowKernel
    {
        private readonly DeviceView<float> _received = received;
        private readonly int _distance = distance;

        public static float Brought(int item, int lane) => (item * 100) + lane;

        public void Run(int item, int lane, int lanes)
        {
            float mine = Brought(item, lane);
            long place = ((item * lanes) + lane) * 9L;
            _received[place] = SubwarpShuffle.ShuffleXor(mine, _distance, lanes);
            var eight = new Float8(mine + 0.1f, mine + 0.2f, mine + 0.3f, mine + 0.4f, mine + 0.5f, mine + 0.6f, mine + 0.7f, mine + 0.8f);
            GpuLanes8.Store(_received, place + 1, SubwarpShuffle.ShuffleXor(eight, _distance, lanes));
        }
    }
}
