using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.IR.Intrinsics;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>Attention's forward for 64 queries of one image and head.</summary>
internal readonly struct AttentionForward<T>(
    HeadMemory<T> q, HeadMemory<T> k, HeadMemory<T> v, HeadMemory<T> o, ArrayView<float> lse, AttentionSizes sizes, int tiles) : IKernel
    where T : unmanaged, IStorage<T>
{
    private readonly HeadMemory<T> _q = q, _k = k, _v = v, _o = o;
    private readonly ArrayView<float> _lse = lse;
    private readonly int _tokens = sizes.Tokens, _heads = sizes.Heads, _width = sizes.Width, _tiles = tiles;
    private readonly float _scale = sizes.Scale;

    public void Run(int item, int lane, int lanes)
    {
        int tile = item % _tiles, pair = item / _tiles;
        Tile(this, pair / _heads, pair % _heads, tile * Attention.TileRows, lane, lanes);
    }

    [IntrinsicImplementation, DeviceBody(nameof(DeviceTile)), MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Tile(AttentionForward<T> a, int image, int head, int first, int lane, int lanes)
    {
        if (lane != 0) return;
        int tokens = a._tokens, width = a._width, rows = Math.Min(Attention.TileRows, tokens - first);
        long keyCount = HostProduct.PackedCount(width, tokens), valueCount = HostProduct.PackedCount(tokens, width);
        float* keys = Host.Floats(keyCount + valueCount + ((long)rows * tokens) + HostHeads.Count<T>(tokens, width) + HostHeads.Count<T>(rows, width));
        float* values = keys + keyCount, scores = values + valueCount, widened = scores + ((long)rows * tokens), result = widened + HostHeads.Count<T>(tokens, width);

        float* source = HostHeads.Widen(a._k, image, head, 0, tokens, width, widened, out nint stride);
        HostProduct.Pack(source, 1, stride, width, tokens, keys);
        source = HostHeads.Widen(a._v, image, head, 0, tokens, width, widened, out stride);
        HostProduct.Pack(source, stride, 1, tokens, width, values);
        source = HostHeads.Widen(a._q, image, head, first, rows, width, widened, out stride);
        HostProduct.Multiply(source, stride, 1, keys, (nint)width * Tiles.Width, scores, tokens, rows, tokens, width, accumulate: false, bias: null);

        float* lse = Host.Pointer(a._lse) + ((((long)image * a._heads) + head) * tokens) + first;
        float* inverse = stackalloc float[Attention.TileRows];
        for (int r = 0; r < rows; r++) inverse[r] = HostRows.Softmax(scores + ((nint)r * tokens), tokens, a._scale, lse + r);

        float* target = HostHeads.Target(a._o, image, head, first, width, result, out nint targetStride);
        HostProduct.Multiply(scores, tokens, 1, values, (nint)tokens * Tiles.Width, target, targetStride, rows, width, tokens, accumulate: false, bias: null);
        for (int r = 0; r < rows; r++) HostRows.Scale(target + (r * targetStride), width, inverse[r]);
        HostHeads.Store(a._o, image, head, first, rows, width, target);
    }

    /// <summary>A GPU thread takes a query: one pass for the largest score and the sum, one for the result.</summary>
    private static void DeviceTile(AttentionForward<T> a, int image, int head, int first, int lane, int lanes)
    {
        long keys = a._k.First(image, head), values = a._v.First(image, head);
        for (int row = first + lane; row < first + Attention.TileRows; row += lanes)
        {
            if (row < a._tokens)
            {
                long query = a._q.First(image, head) + ((long)row * a._q.TokenStride), output = a._o.First(image, head) + ((long)row * a._o.TokenStride);
                float largest = -3e38f, sum = 0;
                for (int j = 0; j < a._tokens; j++)
                {
                    float score = Dot(a, query, keys + ((long)j * a._k.TokenStride)) * a._scale;
                    if (score > largest)
                    {
                        sum *= Formulas.Exp<DeviceLane, float>(largest - score);
                        largest = score;
                    }
                    sum += Formulas.Exp<DeviceLane, float>(score - largest);
                }
                float lse = largest + MathF.Log(sum);
                a._lse[((((long)image * a._heads) + head) * a._tokens) + row] = lse;
                // Four channels at a time in registers; scores are computed again rather than stored.
                for (int c = 0; c < a._width; c += 4)
                {
                    float o0 = 0, o1 = 0, o2 = 0, o3 = 0;
                    for (int j = 0; j < a._tokens; j++)
                    {
                        float p = Formulas.Exp<DeviceLane, float>((Dot(a, query, keys + ((long)j * a._k.TokenStride)) * a._scale) - lse);
                        long value = values + ((long)j * a._v.TokenStride) + c;
                        o0 += p * a._v.Read(value);
                        o1 += p * a._v.Read(value + 1);
                        o2 += p * a._v.Read(value + 2);
                        o3 += p * a._v.Read(value + 3);
                    }
                    a._o.Values[output + c] = T.FromSingle(o0);
                    a._o.Values[output + c + 1] = T.FromSingle(o1);
                    a._o.Values[output + c + 2] = T.FromSingle(o2);
                    a._o.Values[output + c + 3] = T.FromSingle(o3);
                }
            }
        }
    }

    private static float Dot(AttentionForward<T> a, long query, long key)
    {
        float sum = 0;
        for (int c = 0; c < a._width; c++) sum += a._q.Read(query + c) * a._k.Read(key + c);
        return sum;
    }
}
