using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Emulation;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Tests.Machine.Gpu;

/// <summary>The bodies that stand for instructions of a warp, run by one warp of 32 threads, against plain loops over the matrices that the fragments mean.</summary>
public sealed class WarpInstructionTests
{
    /// <summary>Sums of 16 products of small integers are exact in float32.</summary>
    private const int Largest = 8;

    private Device _device = null!;

    [OneTimeSetUp]
    public void Open() => _device = Device.OpenIlgpuCpu(threads: 1, groupSize: WarpExchange.Lanes);

    [OneTimeTearDown]
    public void Close() => _device.Dispose();

    [TestCase(16)]
    [TestCase(8)]
    public void A_multiplication_adds_the_product_of_two_matrices(int depth)
    {
        int[] a = Integers(16 * depth, 1), b = Integers(depth * 8, 2), c = Integers(16 * 8, 3);
        using var left = _device.Upload([.. a.Select(value => (float)value)], [16, depth]);
        using var right = _device.Upload([.. b.Select(value => (float)value)], [depth, 8]);
        using var sums = _device.Upload([.. c.Select(value => (float)value)], [16, 8]);
        _device.Launch(new MultiplyKernel(left.View<float>(), right.View<float>(), sums.View<float>(), depth), 1, WarpExchange.Lanes);
        float[] expected = [.. Enumerable.Range(0, 16 * 8).Select(i => (float)(c[i] + Enumerable.Range(0, depth).Sum(k => a[(i / 8 * depth) + k] * b[(k * 8) + (i % 8)])))];
        Assert.That(sums.ToArray(), Is.EqualTo(expected));
    }

    [Test]
    public void A_product_without_tensor_cores_gives_the_bits_of_its_shuffles()
    {
        var random = new Random(4);
        using var left = _device.Upload([.. Enumerable.Range(0, 16 * 8).Select(_ => random.NextSingle() - 0.5f)], [16, 8]);
        using var right = _device.Upload([.. Enumerable.Range(0, 8 * 8).Select(_ => random.NextSingle() - 0.5f)], [8, 8]);
        float[] a = left.ToArray(), b = right.ToArray();
        foreach (bool device in (bool[])[false, true])
        {
            using var sums = _device.Upload([.. Enumerable.Repeat(1f, 16 * 8)], [16, 8]);
            _device.Launch(new StrictKernel(left.View<float>(), right.View<float>(), sums.View<float>(), device ? 1 : 0), 1, WarpExchange.Lanes);
            float[] expected = [.. Enumerable.Range(0, 16 * 8).Select(i => Enumerable.Range(0, 8).Aggregate(1f, (sum, k) => sum + (a[(i / 8 * 8) + k] * b[(k * 8) + (i % 8)])))];
            Assert.That(sums.ToArray(), Is.EqualTo(expected), device ? "what a GPU runs" : "what emulates it");
        }
    }

    [Test]
    public void Matrix_loads_give_each_lane_its_pair_of_each_matrix([Values] bool transposed)
    {
        // Rows lie in memory in another order than matrices name them, as they do in a permuted tile.
        int[] words = [.. Enumerable.Range(0, 32 * 4).Select(i => (2 * i) | (((2 * i) + 1) << 16))];
        using var memory = _device.Upload(words, [32, 4]);
        using var result = _device.Upload(new int[32 * 4], [32, 4]);
        _device.Launch(new LoadKernel(memory.View<int>(), result.View<int>(), transposed ? 1 : 0), 1, WarpExchange.Lanes);
        var loaded = new int[32 * 4];
        _device.CopyToHost(result.Memory<int>(), loaded.AsSpan());
        for (int lane = 0; lane < 32; lane++)
        {
            for (int matrix = 0; matrix < 4; matrix++)
            {
                int first = Element(matrix, lane / 4, lane % 4 * 2, transposed), second = Element(matrix, lane / 4, (lane % 4 * 2) + 1, transposed);
                Assert.That(loaded[(lane * 4) + matrix], Is.EqualTo(first | (second << 16)), $"lane {lane}, matrix {matrix}");
            }
        }

        static int Element(int matrix, int row, int column, bool transposed)
            => transposed ? (LoadKernel.RowOf((matrix * 8) + column) * 8) + row : (LoadKernel.RowOf((matrix * 8) + row) * 8) + column;
    }

    [Test]
    public unsafe void A_copy_arrives_when_it_is_waited_for_and_fills_with_zeros([Values(0, 2, 16)] int bytes)
    {
        byte[] from = [.. Enumerable.Range(1, 16).Select(i => (byte)i)], to = new byte[32];
        byte[] copied = [.. from.Select((value, i) => i < bytes ? value : (byte)0)], destroyed = [.. Enumerable.Repeat(PendingCopies.Destroyed, 16)];
        fixed (byte* source = from, target = to)
        {
            AsyncCopy.Copy((long)target, (long)source, bytes);
            AsyncCopy.Commit();
            AsyncCopy.Copy((long)target + 16, (long)source, bytes);
            AsyncCopy.Commit();
            Assert.That(to, Is.EqualTo((byte[])[.. destroyed, .. destroyed]));
            AsyncCopy.WaitForAllButNewest();
            Assert.That(to, Is.EqualTo((byte[])[.. copied, .. destroyed]));
            AsyncCopy.WaitForAll();
            Assert.That(to, Is.EqualTo((byte[])[.. copied, .. copied]));
        }
    }

    [Test]
    public void Nothing_is_read_where_nothing_is_wanted() => Assert.That(Memory.LoadGlobal(address: 0, wanted: 0), Is.EqualTo(default(UInt4)));

    private static int[] Integers(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(-Largest, Largest + 1))];
    }

    /// <summary>Distributes two matrices over a warp as PTX says it, and gathers the sums.</summary>
    public readonly struct MultiplyKernel(DeviceView<float> a, DeviceView<float> b, DeviceView<float> c, int depth) : IKernel
    {
        private readonly DeviceView<float> _a = a, _b = b, _c = c;
        private readonly int _depth = depth;

        public void Run(int item, int lane, int lanes)
        {
            int row = lane / 4, part = lane % 4, half = _depth / 2, place = (row * 8) + (part * 2);
            var sums = new Accumulator { X = _c[place], Y = _c[place + 1], Z = _c[place + 64], W = _c[place + 65] };
            var left = new UInt4 { X = A(row, part), Y = A(row + 8, part), Z = A(row, part + half), W = A(row + 8, part + half) };
            var right = new UInt2 { X = B(part, row), Y = B(part + half, row) };
            sums = _depth == 16 ? Mma.MultiplyBFloat16(left, right, sums) : Mma.MultiplyTensorFloat32(left, right, sums);
            _c[place] = sums.X;
            _c[place + 1] = sums.Y;
            _c[place + 64] = sums.Z;
            _c[place + 65] = sums.W;
        }

        // In bfloat16 a register holds k = 2·part and the next of its half; in TF32 it holds k = part.
        private uint A(int row, int k) => _depth == 16 ? Rounding.ToBFloat16(_a[(row * 16) + First(k)], _a[(row * 16) + First(k) + 1]) : Rounding.ToTensorFloat32(_a[(row * 8) + k]);

        private uint B(int k, int column) => _depth == 16 ? Rounding.ToBFloat16(_b[(First(k) * 8) + column], _b[((First(k) + 1) * 8) + column]) : Rounding.ToTensorFloat32(_b[(k * 8) + column]);

        private static int First(int k) => k < 8 ? 2 * k : 8 + (2 * (k - 8));
    }

    /// <summary>The same in strict float32, with both bodies.</summary>
    public readonly struct StrictKernel(DeviceView<float> a, DeviceView<float> b, DeviceView<float> c, int device) : IKernel
    {
        private readonly DeviceView<float> _a = a, _b = b, _c = c;
        private readonly int _device = device;

        public void Run(int item, int lane, int lanes)
        {
            int row = lane / 4, part = lane % 4, place = (row * 8) + (part * 2);
            var sums = new Accumulator { X = _c[place], Y = _c[place + 1], Z = _c[place + 64], W = _c[place + 65] };
            var left = new UInt4 { X = Bits(_a, row, part), Y = Bits(_a, row + 8, part), Z = Bits(_a, row, part + 4), W = Bits(_a, row + 8, part + 4) };
            var right = new UInt2 { X = Bits(_b, part, row), Y = Bits(_b, part + 4, row) };
            sums = _device != 0 ? ShuffleMma.DeviceMultiply(left, right, sums) : ShuffleMma.Multiply(left, right, sums);
            _c[place] = sums.X;
            _c[place + 1] = sums.Y;
            _c[place + 64] = sums.Z;
            _c[place + 65] = sums.W;
        }

        private static uint Bits(DeviceView<float> matrix, int row, int column) => ILGPU.Interop.FloatAsInt(matrix[(row * 8) + column]);
    }

    /// <summary>Loads four matrices whose rows lie mixed in memory.</summary>
    public readonly struct LoadKernel(DeviceView<int> memory, DeviceView<int> result, int transposed) : IKernel
    {
        private readonly DeviceView<int> _memory = memory, _result = result;
        private readonly int _transposed = transposed;

        /// <summary>Where in memory the row lies whose address a lane gives.</summary>
        public static int RowOf(int lane) => (lane * 5) & 31;

        public void Run(int item, int lane, int lanes)
        {
            long row = _memory.Start + (RowOf(lane) * 16);
            var loaded = _transposed != 0 ? MatrixLoads.LoadTransposed(row) : MatrixLoads.Load(row);
            _result[lane * 4] = (int)loaded.X;
            _result[(lane * 4) + 1] = (int)loaded.Y;
            _result[(lane * 4) + 2] = (int)loaded.Z;
            _result[(lane * 4) + 3] = (int)loaded.W;
        }
    }
}
