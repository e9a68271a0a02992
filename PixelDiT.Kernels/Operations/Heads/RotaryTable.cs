using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>The angles of RoPE, 2-D on a grid of tokens (SPEC §2) or 1-D along a text (SPEC §6), made once on the host: GPU sines are approximate.</summary>
public sealed class RotaryTable : IDisposable
{
    /// <summary>The span of positions along each axis, whatever the resolution.</summary>
    private const float Span = 16f;

    private RotaryTable(Tensor cos, Tensor sin) => (Cos, Sin) = (cos, sin);

    /// <summary>L.</summary>
    public int Tokens => Cos.Shape[0];

    /// <summary>Cosines [L, hd], each angle's twice.</summary>
    public Tensor Cos { get; }

    /// <summary>Sines [L, hd], each angle's twice: negative on the pair's first channel, positive on its second.</summary>
    public Tensor Sin { get; }

    /// <summary>
    /// The table of a grid: positions linspace(0, 16, n) along x and y, frequencies f_i = 10000^(−4i/hd); pair 2i of a head turns by x·f_i and pair 2i + 1 by y·f_i.
    /// </summary>
    /// <param name="device">Where the table lives.</param>
    /// <param name="height">Tokens down.</param>
    /// <param name="width">Tokens across.</param>
    /// <param name="headWidth">hd, a multiple of 4.</param>
    /// <param name="group">The side of the squares by which tokens are ordered, row-major among the squares and inside them; both sides are multiples of it. 1 is row-major.</param>
    /// <exception cref="ShapeException"><paramref name="headWidth"/> is not a multiple of 4, or the grid not one of <paramref name="group"/>.</exception>
    /// <exception cref="DeviceMemoryException">The table has more numbers than an array can.</exception>
    public static RotaryTable Create(Device device, int height, int width, int headWidth, int group = 1)
    {
        if (headWidth % 4 != 0) throw new ShapeException($"a head of {headWidth} channels cannot be turned along x and y; a multiple of 4 is needed");
        if (height % group != 0 || width % group != 0) throw new ShapeException($"a grid of {height}×{width} cannot be cut into squares of {group}×{group}");
        if ((long)height * width * headWidth > Array.MaxLength) throw new DeviceMemoryException($"a rotary table of {height}×{width} tokens has {(long)height * width * headWidth} numbers; at most {Array.MaxLength} fit into one array");
        int tokens = height * width, square = group * group, across = width / group;
        float[] cos = new float[tokens * headWidth], sin = new float[tokens * headWidth];
        for (int token = 0; token < tokens; token++)
        {
            int cell = token / square, inside = token % square;
            float x = Position((cell % across * group) + (inside % group), width), y = Position((cell / across * group) + (inside / group), height);
            for (int pair = 0; pair < headWidth / 2; pair++)
            {
                float frequency = (float)(1.0 / Math.Pow(10000.0, 4.0 * (pair / 2) / headWidth));
                float angle = (pair % 2 == 0 ? x : y) * frequency;
                int at = (token * headWidth) + (2 * pair);
                cos[at] = cos[at + 1] = (float)Math.Cos(angle);
                sin[at + 1] = (float)Math.Sin(angle);
                sin[at] = -sin[at + 1];
            }
        }
        return new RotaryTable(device.Upload(cos, [tokens, headWidth]), device.Upload(sin, [tokens, headWidth]));
    }

    /// <summary>The table of a text (SPEC §6): pair i of a head turns by position·θ^(−2i/hd), positions 0, 1, 2 ….</summary>
    /// <param name="device">Where the table lives.</param>
    /// <param name="tokens">Tokens of the text.</param>
    /// <param name="headWidth">hd, even.</param>
    /// <param name="theta">θ; null for no rotation at all.</param>
    /// <exception cref="ShapeException"><paramref name="headWidth"/> is odd.</exception>
    public static RotaryTable CreateText(Device device, int tokens, int headWidth, double? theta)
    {
        if (headWidth % 2 != 0) throw new ShapeException($"a head of {headWidth} channels has no pairs to turn; a multiple of 2 is needed");
        float[] cos = new float[tokens * headWidth], sin = new float[tokens * headWidth];
        for (int token = 0; token < tokens; token++)
        {
            for (int pair = 0; pair < headWidth / 2; pair++)
            {
                float angle = theta is { } period ? token * (float)(1.0 / Math.Pow(period, 2.0 * pair / headWidth)) : 0;
                int at = (token * headWidth) + (2 * pair);
                cos[at] = cos[at + 1] = (float)Math.Cos(angle);
                sin[at + 1] = (float)Math.Sin(angle);
                sin[at] = -sin[at + 1];
            }
        }
        return new RotaryTable(device.Upload(cos, [tokens, headWidth]), device.Upload(sin, [tokens, headWidth]));
    }

    // linspace with both ends; a single position is 0.
    private static float Position(int index, int count) => count == 1 ? 0 : (float)(index * ((double)Span / (count - 1)));

    /// <summary>Frees the table.</summary>
    public void Dispose()
    {
        Cos.Dispose();
        Sin.Dispose();
    }
}
