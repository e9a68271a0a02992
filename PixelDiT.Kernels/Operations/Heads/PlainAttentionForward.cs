using System.Runtime.CompilerServices;
using ILGPU.IR.Intrinsics;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Cpu;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Machine.Lanes;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>Attention's forward for some queries of one image and head (<see cref="Attention.RowsOf"/>).</summary>
internal readonly struct PlainAttentionForward<T>(
    HeadMemory<T> q, HeadMemory<T> k, HeadMemory<T> v, HeadMemory<T> o, DeviceView<float> lse, AttentionSizes sizes, int rows, int tiles, Precision precision) : IKernel
    where T : unmanaged, IStorage<T>
{
    public readonly HeadMemory<T> Q = q, K = k, V = v, O = o;
    public readonly DeviceView<float> Lse = lse;
    public readonly int Tokens = sizes.Tokens, Heads = sizes.Heads, Width = sizes.Width, Rows = rows, Tiles = tiles;
    public readonly float Scale = sizes.Scale;
    public readonly Precision Precision = precision;

    public void Run(int item, int lane, int lanes)
    {
        int tile = item % Tiles, pair = item / Tiles;
        PlainAttentionForwardBody.Tile(this, pair / Heads, pair % Heads, tile * Rows, lane, lanes);
    }
}

/// <summary>The bodies of <see cref="PlainAttentionForward{T}"/>: intrinsics must be methods of a class without type parameters.</summary>
internal static class PlainAttentionForwardBody
{
    [IntrinsicImplementation, DeviceBody(nameof(DeviceTile)), MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static unsafe void Tile<T>(PlainAttentionForward<T> a, int image, int head, int first, int lane, int lanes) where T : unmanaged, IStorage<T>
    {
        if (lanes != 1)
        {
            DeviceTile(a, image, head, first, lane, lanes);
            return;
        }
        int tokens = a.Tokens, width = a.Width, rows = Math.Min(a.Rows, tokens - first);
        long keyCount = Packing.PackedCount(width, tokens);
        // The keys' copy is free again when they are packed, and serves the queries.
        long keyCopy = Math.Max(CpuHeads.Count(a.K, tokens, width, a.Precision), CpuHeads.Count(a.Q, rows, width, a.Precision)), valueCopy = CpuHeads.Count(a.V, tokens, width, a.Precision);
        float* keys = HostMemory.Floats(keyCount + ((long)rows * tokens) + keyCopy + valueCopy + CpuHeads.Count(a.O, rows, width, Precision.Single));
        float* scores = keys + keyCount, widened = scores + ((long)rows * tokens), wideValues = widened + keyCopy, result = wideValues + valueCopy;

        float* source = CpuHeads.Widen(a.K, image, head, 0, tokens, width, a.Precision, widened, out nint stride);
        Packing.PackB(source, 1, stride, width, tokens, keys);
        float* values = CpuHeads.Widen(a.V, image, head, 0, tokens, width, a.Precision, wideValues, out nint valueStride);
        source = CpuHeads.Widen(a.Q, image, head, first, rows, width, a.Precision, widened, out stride);
        MacroKernel.Multiply(PanelsA.InPlace(source, stride, 1), PanelsB.Packed(keys, width), scores, tokens, rows, tokens, width, add: false, bias: null);

        float* lse = a.Lse.Address + ((((long)image * a.Heads) + head) * tokens) + first;
        float* inverse = stackalloc float[rows];
        CpuSoftmax.Forward(scores, rows, tokens, a.Scale, lse, inverse);
        OperandRounding.Round(scores, (nint)rows * tokens, a.Precision);

        float* target = CpuHeads.Target(a.O, image, head, first, width, result, out nint targetStride);
        MacroKernel.Multiply(PanelsA.InPlace(scores, tokens, 1), PanelsB.InPlace(values, valueStride), target, targetStride, rows, width, tokens, add: false, bias: null);
        for (int r = 0; r < rows; r++) Blas1.Scale(target + (r * targetStride), width, inverse[r]);
        CpuHeads.Store(a.O, image, head, first, rows, width, target);
    }

    /// <summary>A GPU thread takes a query: one pass over the keys for the largest score and the sum, then one for every four channels of the result.</summary>
    private static void DeviceTile<T>(PlainAttentionForward<T> a, int image, int head, int first, int lane, int lanes) where T : unmanaged, IStorage<T>
    {
        for (int row = first + lane; row < first + a.Rows; row += lanes)
        {
            if (row < a.Tokens)
            {
                long query = a.Q.Row(image, head, row), output = a.O.Row(image, head, row);
                float largest = -3e38f, sum = 0;
                for (int j = 0; j < a.Tokens; j++)
                {
                    float score = Dot(a, query, a.K.Row(image, head, j)) * a.Scale;
                    if (score > largest)
                    {
                        sum *= Formulas.Exp<GpuLane, float>(largest - score);
                        largest = score;
                    }
                    sum += Formulas.Exp<GpuLane, float>(score - largest);
                }
                float lse = largest + MathF.Log(sum);
                a.Lse[((((long)image * a.Heads) + head) * a.Tokens) + row] = lse;
                // Four channels at a time in registers; scores are computed again rather than stored.
                for (int c = 0; c < a.Width; c += 4)
                {
                    float o0 = 0, o1 = 0, o2 = 0, o3 = 0;
                    for (int j = 0; j < a.Tokens; j++)
                    {
                        float p = Formulas.Exp<GpuLane, float>((Dot(a, query, a.K.Row(image, head, j)) * a.Scale) - lse);
                        long value = a.V.Row(image, head, j) + c;
                        o0 += p * a.V.Read(value);
                        o1 += p * a.V.Read(value + 1);
                        o2 += p * a.V.Read(value + 2);
                        o3 += p * a.V.Read(value + 3);
                    }
                    a.O.Values[output + c] = T.FromSingle(o0);
                    a.O.Values[output + c + 1] = T.FromSingle(o1);
                    a.O.Values[output + c + 2] = T.FromSingle(o2);
                    a.O.Values[output + c + 3] = T.FromSingle(o3);
                }
            }
        }
    }

    private static float Dot<T>(PlainAttentionForward<T> a, long query, long key) where T : unmanaged, IStorage<T>
    {
        float sum = 0;
        for (int c = 0; c < a.Width; c++) sum += a.Q.Read(query + c) * a.K.Read(key + c);
        return sum;
    }
}
