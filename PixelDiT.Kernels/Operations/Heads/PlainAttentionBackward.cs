using System.Runtime.CompilerServices;
using ILGPU.IR.Intrinsics;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Cpu;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Machine.Lanes;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>Attention's backward for one image and head.</summary>
internal readonly struct PlainAttentionBackward<T>(
    HeadMemory<T> dO, HeadMemory<T> q, HeadMemory<T> k, HeadMemory<T> v, HeadMemory<T> o, DeviceView<float> lse, AttentionSizes sizes,
    HeadMemory<T> dQ, HeadMemory<T> dK, HeadMemory<T> dV, Precision precision) : IKernel
    where T : unmanaged, IStorage<T>
{
    public readonly HeadMemory<T> DO = dO, Q = q, K = k, V = v, O = o, DQ = dQ, DK = dK, DV = dV;
    public readonly DeviceView<float> Lse = lse;
    public readonly int Tokens = sizes.Tokens, Heads = sizes.Heads, Width = sizes.Width;
    public readonly float Scale = sizes.Scale;
    public readonly Precision Precision = precision;

    public void Run(int item, int lane, int lanes) => PlainAttentionBackwardBody.Pair(this, item / Heads, item % Heads, lane, lanes);
}

/// <summary>The bodies of <see cref="PlainAttentionBackward{T}"/>: intrinsics must be methods of a class without type parameters.</summary>
internal static class PlainAttentionBackwardBody
{
    [IntrinsicImplementation, DeviceBody(nameof(DevicePair)), MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static unsafe void Pair<T>(PlainAttentionBackward<T> a, int image, int head, int lane, int lanes) where T : unmanaged, IStorage<T>
    {
        if (lanes != 1)
        {
            DevicePair(a, image, head, lane, lanes);
            return;
        }
        int tokens = a.Tokens, width = a.Width, most = Attention.RowsOf(tokens);
        // A row of scores is a little longer than L: read down a column, a power of two between rows would fall into one cache set.
        int scoreRow = tokens + 16;
        long across = Packing.PackedCount(width, tokens), scoreCount = (long)most * scoreRow;
        // Every view has room for a copy where one of them needs it.
        bool copies = CpuHeads.Count(a.K, 1, 1, a.Precision) + CpuHeads.Count(a.V, 1, 1, a.Precision) + CpuHeads.Count(a.Q, 1, 1, a.Precision) + CpuHeads.Count(a.O, 1, 1, a.Precision)
            + CpuHeads.Count(a.DO, 1, 1, a.Precision) + CpuHeads.Count(a.DQ, 1, 1, a.Precision) + CpuHeads.Count(a.DK, 1, 1, a.Precision) + CpuHeads.Count(a.DV, 1, 1, a.Precision) > 0;
        long copied = copies ? (long)tokens * width : 0, part = copies ? (long)most * width : 0;
        float* keysAcross = HostMemory.Floats((2 * across) + (2 * scoreCount) + (4 * copied) + (4 * part));
        float* valuesAcross = keysAcross + across, p = valuesAcross + across, d = p + scoreCount, wideDk = d + scoreCount, wideDv = wideDk + copied;
        float* wideK = wideDv + copied, wideV = wideK + copied, wideQ = wideV + copied, wideDo = wideQ + part, wideO = wideDo + part, wideDq = wideO + part;

        float* keys = CpuHeads.Widen(a.K, image, head, 0, tokens, width, a.Precision, wideK, out nint keyStride);
        Packing.PackB(keys, 1, keyStride, width, tokens, keysAcross);
        float* values = CpuHeads.Widen(a.V, image, head, 0, tokens, width, a.Precision, wideV, out nint valueStride);
        Packing.PackB(values, 1, valueStride, width, tokens, valuesAcross);
        float* dk = CpuHeads.Target(a.DK, image, head, 0, width, wideDk, out nint dkStride), dv = CpuHeads.Target(a.DV, image, head, 0, width, wideDv, out nint dvStride);
        float* lse = a.Lse.Address + ((((long)image * a.Heads) + head) * tokens);
        float* deltas = stackalloc float[most];
        for (int first = 0; first < tokens; first += most)
        {
            int rows = Math.Min(most, tokens - first);
            float* queries = CpuHeads.Widen(a.Q, image, head, first, rows, width, a.Precision, wideQ, out nint queryStride);
            float* results = CpuHeads.Widen(a.O, image, head, first, rows, width, Precision.Single, wideO, out nint resultStride);
            float* dO = CpuHeads.Widen(a.DO, image, head, first, rows, width, Precision.Single, wideDo, out nint dOStride);
            for (int r = 0; r < rows; r++) deltas[r] = Blas1.Dot(dO + (r * dOStride), results + (r * resultStride), width);
            dO = CpuHeads.Widen(a.DO, image, head, first, rows, width, a.Precision, wideDo, out dOStride);
            MacroKernel.Multiply(PanelsA.InPlace(queries, queryStride, 1), PanelsB.Packed(keysAcross, width), p, scoreRow, rows, tokens, width, add: false, bias: null);
            MacroKernel.Multiply(PanelsA.InPlace(dO, dOStride, 1), PanelsB.Packed(valuesAcross, width), d, scoreRow, rows, tokens, width, add: false, bias: null);
            for (int r = 0; r < rows; r++) CpuSoftmax.Backward(p + ((nint)r * scoreRow), d + ((nint)r * scoreRow), tokens, a.Scale, lse[first + r], deltas[r]);
            OperandRounding.Round(p, (nint)rows * scoreRow, a.Precision);
            OperandRounding.Round(d, (nint)rows * scoreRow, a.Precision);
            MacroKernel.Multiply(PanelsA.InPlace(p, 1, scoreRow), PanelsB.InPlace(dO, dOStride), dv, dvStride, tokens, width, rows, add: first > 0, bias: null);
            MacroKernel.Multiply(PanelsA.InPlace(d, 1, scoreRow), PanelsB.InPlace(queries, queryStride), dk, dkStride, tokens, width, rows, add: first > 0, bias: null);
            float* target = CpuHeads.Target(a.DQ, image, head, first, width, wideDq, out nint targetStride);
            MacroKernel.Multiply(PanelsA.InPlace(d, scoreRow, 1), PanelsB.InPlace(keys, keyStride), target, targetStride, rows, width, tokens, add: false, bias: null);
            CpuHeads.Store(a.DQ, image, head, first, rows, width, target);
        }
        CpuHeads.Store(a.DK, image, head, 0, tokens, width, dk);
        CpuHeads.Store(a.DV, image, head, 0, tokens, width, dv);
    }

    /// <summary>A GPU thread takes rows: as queries for dq, as keys for dk and dv.</summary>
    private static void DevicePair<T>(PlainAttentionBackward<T> a, int image, int head, int lane, int lanes) where T : unmanaged, IStorage<T>
    {
        for (int row = lane; row < a.Tokens; row += lanes)
        {
            for (int c = 0; c < a.Width; c += 4)
            {
                float q0 = 0, q1 = 0, q2 = 0, q3 = 0, k0 = 0, k1 = 0, k2 = 0, k3 = 0, v0 = 0, v1 = 0, v2 = 0, v3 = 0;
                for (int j = 0; j < a.Tokens; j++)
                {
                    float dS = ScoreGradient(a, image, head, row, j, out _);
                    long key = a.K.Row(image, head, j) + c;
                    q0 += dS * a.K.Read(key);
                    q1 += dS * a.K.Read(key + 1);
                    q2 += dS * a.K.Read(key + 2);
                    q3 += dS * a.K.Read(key + 3);

                    dS = ScoreGradient(a, image, head, j, row, out float p);
                    long query = a.Q.Row(image, head, j) + c, output = a.DO.Row(image, head, j) + c;
                    k0 += dS * a.Q.Read(query);
                    k1 += dS * a.Q.Read(query + 1);
                    k2 += dS * a.Q.Read(query + 2);
                    k3 += dS * a.Q.Read(query + 3);
                    v0 += p * a.DO.Read(output);
                    v1 += p * a.DO.Read(output + 1);
                    v2 += p * a.DO.Read(output + 2);
                    v3 += p * a.DO.Read(output + 3);
                }
                Store(a.DQ, image, head, row, c, q0, q1, q2, q3);
                Store(a.DK, image, head, row, c, k0, k1, k2, k3);
                Store(a.DV, image, head, row, c, v0, v1, v2, v3);
            }
        }
    }

    /// <summary>dS of a query and a key, and P.</summary>
    private static float ScoreGradient<T>(PlainAttentionBackward<T> a, int image, int head, int i, int j, out float p) where T : unmanaged, IStorage<T>
    {
        long query = a.Q.Row(image, head, i), key = a.K.Row(image, head, j);
        long upstream = a.DO.Row(image, head, i), value = a.V.Row(image, head, j);
        long result = a.O.Row(image, head, i);
        float score = 0, along = 0, delta = 0;
        for (int c = 0; c < a.Width; c++)
        {
            float d = a.DO.Read(upstream + c);
            score += a.Q.Read(query + c) * a.K.Read(key + c);
            along += d * a.V.Read(value + c);
            delta += d * a.O.Read(result + c);
        }
        p = Formulas.Exp<GpuLane, float>((score * a.Scale) - a.Lse[((((long)image * a.Heads) + head) * a.Tokens) + i]);
        return p * (along - delta) * a.Scale;
    }

    private static void Store<T>(HeadMemory<T> target, int image, int head, int row, int c, float v0, float v1, float v2, float v3) where T : unmanaged, IStorage<T>
    {
        long place = target.Row(image, head, row) + c;
        target.Values[place] = T.FromSingle(v0);
        target.Values[place + 1] = T.FromSingle(v1);
        target.Values[place + 2] = T.FromSingle(v2);
        target.Values[place + 3] = T.FromSingle(v3);
    }
}
