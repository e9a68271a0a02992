using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>The angles of RoPE along a sequence, made once on the host: GPU sines are approximate.</summary>
public sealed class SequenceRotaryTable : IDisposable
{
    private SequenceRotaryTable(Tensor cos, Tensor sin) => (Cos, Sin) = (cos, sin);

    /// <summary>Cosines [L, hd/2].</summary>
    public Tensor Cos { get; }

    /// <summary>Sines [L, hd/2].</summary>
    public Tensor Sin { get; }

    /// <summary>
    /// The table of positions 0 to L − 1: angle i of position t is t·f_i, f_i = θ^(−2i/hd). Powers, frequencies and angles are rounded to float32 one after the other, as PyTorch does: at position
    /// 300 an angle has lost 2e-5 of a turn's radian, and agreement asks for the same loss.
    /// </summary>
    /// <param name="device">Where the table lives.</param>
    /// <param name="tokens">L.</param>
    /// <param name="headWidth">hd, even.</param>
    /// <param name="theta">θ, above 0.</param>
    /// <exception cref="ShapeException"><paramref name="headWidth"/> is odd.</exception>
    public static SequenceRotaryTable Create(Device device, int tokens, int headWidth, double theta)
    {
        if (headWidth < 2 || headWidth % 2 != 0) throw new ShapeException($"a head of {headWidth} channels has no two halves to turn; an even number is needed");
        int half = headWidth / 2;
        float[] cos = new float[tokens * half], sin = new float[tokens * half];
        for (int i = 0; i < half; i++)
        {
            float frequency = 1f / (float)Math.Pow(theta, 2 * i / (float)headWidth);
            for (int token = 0; token < tokens; token++)
            {
                float angle = token * frequency;
                cos[(token * half) + i] = (float)Math.Cos(angle);
                sin[(token * half) + i] = (float)Math.Sin(angle);
            }
        }
        return new SequenceRotaryTable(device.Upload(cos, [tokens, half]), device.Upload(sin, [tokens, half]));
    }

    /// <summary>Frees the table.</summary>
    public void Dispose()
    {
        Cos.Dispose();
        Sin.Dispose();
    }
}
