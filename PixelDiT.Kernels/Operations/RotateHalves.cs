using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// RoPE of language models, which pairs a channel of the first half of a head with one of the second (Su et al. 2021, in the layout of Llama and Gemma; PixelDiT's own,
/// <see cref="NormRotate"/>, pairs neighbours). x [B, L, heads, hd] in float32, in place; forward only. With the cos and sin of token t's angle i, i &lt; hd/2:
/// <code>
/// (x_i, x_(i+hd/2))  →  (x_i·cos − x_(i+hd/2)·sin,  x_(i+hd/2)·cos + x_i·sin)
/// </code>
/// </summary>
public static class RotateHalves
{
    /// <summary>Turns queries or keys where they lie.</summary>
    /// <exception cref="ShapeException">x has not four dimensions, or the table is for another head or for fewer tokens.</exception>
    public static void Forward(Tensor x, SequenceRotaryTable table)
    {
        if (x.Shape.Rank != 4 || x.Shape[3] != 2 * table.Cos.Shape[1]) throw new ShapeException($"queries and keys are [B, L, heads, {2 * table.Cos.Shape[1]}] for this rotary table; {x.Shape} was given");
        if (x.Shape[1] > table.Cos.Shape[0]) throw new ShapeException($"{x.Shape} has {x.Shape[1]} tokens; the rotary table has {table.Cos.Shape[0]}");
        int half = x.Shape[3] / 2;
        x.Device.Launch(new ForwardKernel(x.View<float>(), table.Cos.View<float>(), table.Sin.View<float>(), x.Shape[1], x.Shape[2], half), x.Shape.Rows, Elements.LanesFor(half));
    }

    internal readonly struct ForwardKernel(DeviceView<float> x, DeviceView<float> cos, DeviceView<float> sin, int tokens, int heads, int half) : IRowKernel
    {
        private readonly DeviceView<float> _x = x, _cos = cos, _sin = sin;
        private readonly int _tokens = tokens, _heads = heads, _half = half;

        public void Run(int row, int lane, int lanes) => Elements.For(new Each(this, 2L * row * _half, (long)(row / _heads % _tokens) * _half), 0, _half, lane, lanes);

        private readonly struct Each(ForwardKernel a, long x, long table) : IEach
        {
            private readonly ForwardKernel _a = a;
            private readonly long _x = x, _table = table;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S first = L.Load(_a._x, _x + i), second = L.Load(_a._x, _x + _a._half + i);
                S cos = L.Load(_a._cos, _table + i), sin = L.Load(_a._sin, _table + i);
                L.Store(_a._x, _x + i, L.Subtract(L.Multiply(first, cos), L.Multiply(second, sin)));
                L.Store(_a._x, _x + _a._half + i, L.MultiplyAdd(second, cos, L.Multiply(first, sin)));
            }
        }
    }
}
