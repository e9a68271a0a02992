using PixelDiT.Kernels;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Vision;

/// <summary>How a picture becomes an input of the FID Inception network. Features differ by up to 1.6 % between the two, so a distance is one of a route.</summary>
public enum InceptionRoute
{
    /// <summary>TensorFlow's graph: source pixel i·in/299, values (v − 128)/128. ADM's evaluator and torch-fidelity; PixelDiT's published FIDs.</summary>
    TensorFlow,

    /// <summary>pytorch-fid: source pixel (i + ½)·in/299 − ½, values 2·v/255 − 1.</summary>
    PyTorch
}

/// <summary>
/// Pictures of any size to 299×299 by bilinear interpolation without antialiasing, in float32. With p, q the neighbours of the source coordinate s, f = s − ⌊s⌋, first along rows and then along columns:
/// <code>
/// TensorFlow   s = i·(in/299)                       p + (q − p)·f, then (x − 128)/128
/// PyTorch      s = max(0, (i + ½)·(in/299) − ½)      (1 − f)·p + f·q of v/255, then 2x − 1
/// </code>
/// The upper neighbour stops at the last pixel.
/// </summary>
internal static class InceptionInput
{
    /// <summary>The network's side.</summary>
    public const int Side = 299;

    /// <summary>Numbers of an input, [299, 299, 3].</summary>
    public const int Length = Side * Side * 3;

    /// <summary>Writes a picture's input.</summary>
    /// <param name="picture">Colour or gray; gray is repeated.</param>
    /// <param name="route">Which way.</param>
    /// <param name="input">[299, 299, 3].</param>
    /// <exception cref="ShapeException">The input has another length.</exception>
    public static void Write(Picture picture, InceptionRoute route, Span<float> input)
    {
        if (input.Length != Length) throw new ShapeException($"an input [{Side}, {Side}, 3] has {Length} values; {input.Length} were given");
        Span<Tap> across = stackalloc Tap[Side];
        SetTaps(across, picture.Width, route);
        for (int y = 0; y < Side; y++)
        {
            var down = TapOf(y, picture.Height, route);
            int channels = picture.Channels, row = picture.Width * channels;
            ReadOnlySpan<byte> upper = picture.Pixels.AsSpan(down.First * row, row), lower = picture.Pixels.AsSpan(down.Second * row, row);
            var line = input.Slice(y * Side * 3, Side * 3);
            for (int x = 0; x < Side; x++)
            {
                var tap = across[x];
                for (int c = 0; c < 3; c++)
                {
                    int from = (tap.First * channels) + (channels == 1 ? 0 : c), to = (tap.Second * channels) + (channels == 1 ? 0 : c);
                    line[(x * 3) + c] = route == InceptionRoute.TensorFlow
                        ? (Between(Between(upper[from], upper[to], tap.Share), Between(lower[from], lower[to], tap.Share), down.Share) - 128f) / 128f
                        : (2f * Mixed(Mixed(upper[from] / 255f, upper[to] / 255f, tap.Share), Mixed(lower[from] / 255f, lower[to] / 255f, tap.Share), down.Share)) - 1f;
                }
            }
        }
    }

    /// <summary>Two neighbours and the second one's share.</summary>
    private readonly record struct Tap(int First, int Second, float Share);

    private static void SetTaps(Span<Tap> taps, int size, InceptionRoute route)
    {
        for (int i = 0; i < taps.Length; i++) taps[i] = TapOf(i, size, route);
    }

    private static Tap TapOf(int i, int size, InceptionRoute route)
    {
        float scale = (float)size / Side, source = route == InceptionRoute.TensorFlow ? i * scale : Math.Max(0f, (scale * (i + 0.5f)) - 0.5f);
        int first = Math.Min((int)source, size - 1);
        return new Tap(first, Math.Min(first + 1, size - 1), source - first);
    }

    private static float Between(float p, float q, float share) => p + ((q - p) * share);

    private static float Mixed(float p, float q, float share) => ((1f - share) * p) + (share * q);
}
