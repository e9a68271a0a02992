using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data;

/// <summary>
/// Discs, squares and triangles in red, green and blue on a calm gray background: a data set without files. The index is the key of a counter-based
/// hash, so image 123 is the same on every machine and in every run; the held-out images are those of other indices. The label is index mod K.
/// With one channel colours cannot be told apart, and the classes are the three figures.
/// </summary>
public sealed class Shapes : IImageSource
{
    /// <summary>How many images a part has.</summary>
    public const long ImagesInPart = 1L << 40;

    private static readonly string[] s_figures = ["disc", "square", "triangle"];
    private static readonly string[] s_colours = ["red", "green", "blue"];

    // Red, green, blue from 0 to 1; alike in brightness, far apart in hue.
    private static readonly float[][] s_paints = [[0.90f, 0.16f, 0.18f], [0.14f, 0.74f, 0.27f], [0.16f, 0.36f, 0.95f]];

    private const float Root3 = 1.7320508f;
    private readonly ulong _firstKey;

    /// <summary>Opens one part.</summary>
    /// <param name="resolution">H = W, in pixels; at least 8.</param>
    /// <param name="channels">3, or 1 for gray figures.</param>
    /// <param name="part">The two parts share no image.</param>
    /// <exception cref="DataException">The resolution or the number of channels is not among those.</exception>
    public Shapes(int resolution, int channels = 3, ImagePart part = ImagePart.Training)
    {
        if (resolution < 8) throw new DataException($"shapes: the resolution is {resolution}; it must be at least 8");
        if (channels is not (1 or 3)) throw new DataException($"shapes: {channels} channels; images have 3 (colour) or 1 (gray)");
        (Height, Width, Channels) = (resolution, resolution, channels);
        ClassNames = channels == 1 ? s_figures : [.. from figure in s_figures from colour in s_colours select $"{colour} {figure}"];
        _firstKey = part == ImagePart.HeldOut ? (ulong)ImagesInPart : 0;
        ClassCounts = [.. ClassNames.Index().Select(named => (ImagesInPart + Classes - 1 - named.Index) / Classes)];
        using var hash = new ListingHash();
        ListingHash = hash.Add("shapes").Add(ClassNames).Add((long)part).ToHex();
    }

    /// <inheritdoc/>
    public string Name => "shapes";

    /// <inheritdoc/>
    public int Classes => ClassNames.Count;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public IReadOnlyList<long> ClassCounts { get; }

    /// <inheritdoc/>
    public string ListingHash { get; }

    /// <inheritdoc/>
    public long Count => ImagesInPart;

    /// <inheritdoc/>
    public int Channels { get; }

    /// <inheritdoc/>
    public int Height { get; }

    /// <inheritdoc/>
    public int Width { get; }

    /// <inheritdoc/>
    public IReadOnlyList<SkippedImage> Skipped => [];

    /// <inheritdoc/>
    public int Label(long index)
    {
        this.CheckIndex(index);
        return (int)(index % Classes);
    }

    /// <inheritdoc/>
    public int Read(long index, Span<float> image)
    {
        this.CheckRead(index, image);
        int label = Label(index);
        var scene = Scene.Of(_firstKey + (ulong)index, Channels == 1 ? label : label / s_colours.Length, Channels == 1 ? null : s_paints[label % s_colours.Length]);

        float pixel = 1f / Width;
        for (int y = 0; y < Height; y++)
        {
            for (int x = 0; x < Width; x++)
            {
                float u = (x + 0.5f) * pixel, v = (y + 0.5f) * pixel;
                // The share of the pixel that a straight edge at this distance covers: an anti-aliased outline one pixel wide.
                float coverage = Math.Clamp(0.5f - scene.Distance(u, v) * Width, 0f, 1f);
                for (int c = 0; c < Channels; c++)
                {
                    float background = scene.Background(c, u, v);
                    float value = background + coverage * (scene.Paint(c) - background);
                    image[(c * Height + y) * Width + x] = PixelScale.ToValue((byte)(value * 255f + 0.5f));
                }
            }
        }
        return label;
    }

    /// <summary>Everything random about one image. Lengths are in sides of the image, brightness from 0 to 1; only + − × ÷ √, which round alike everywhere.</summary>
    private readonly struct Scene
    {
        private readonly int _figure;
        private readonly float _centreX, _centreY, _radius;
        private readonly float _slopeX, _slopeY;
        private readonly Rgb _ground, _paint;

        private Scene(ulong key, int figure, float[]? colour)
        {
            float Between(ulong draw, float low, float high) => low + (high - low) * CounterHash.Uniform(key, draw);

            this._figure = figure;
            // The radius of the disc of about the same area.
            float size = Between(0, 0.26f, 0.37f);
            _radius = figure switch { 0 => size, 1 => 0.88f * size, _ => 1.28f * size };
            var (halfWidth, above, below) = figure == 2 ? (_radius * Root3 / 2, _radius, _radius / 2) : (_radius, _radius, _radius);
            const float Margin = 0.03f;
            _centreX = Between(1, Margin + halfWidth, 1 - Margin - halfWidth);
            _centreY = Between(2, Margin + above, 1 - Margin - below);

            if (colour is null)
            {
                float bright = Between(3, 0.80f, 0.98f), dim = Between(4, 0.12f, 0.42f);
                (_paint, _ground) = (new(bright, bright, bright), new(dim, dim, dim));
            }
            else
            {
                float shade = Between(3, 0.94f, 1.05f), gray = Between(4, 0.16f, 0.56f);
                _paint = new(
                    shade * colour[0] + Between(5, -0.03f, 0.03f),
                    shade * colour[1] + Between(6, -0.03f, 0.03f),
                    shade * colour[2] + Between(7, -0.03f, 0.03f));
                _ground = new(gray + Between(8, -0.03f, 0.03f), gray + Between(9, -0.03f, 0.03f), gray + Between(10, -0.03f, 0.03f));
            }
            _slopeX = Between(11, -0.05f, 0.05f);
            _slopeY = Between(12, -0.05f, 0.05f);
        }

        public static Scene Of(ulong key, int figure, float[]? colour) => new(key, figure, colour);

        public float Paint(int channel) => _paint[channel];

        public float Background(int channel, float u, float v) => _ground[channel] + _slopeX * (u - 0.5f) + _slopeY * (v - 0.5f);

        /// <summary>How far (u, v) is outside the outline; negative inside.</summary>
        public float Distance(float u, float v)
        {
            float x = u - _centreX, y = v - _centreY;
            return _figure switch
            {
                0 => MathF.Sqrt(x * x + y * y) - _radius,
                1 => MathF.Max(MathF.Abs(x), MathF.Abs(y)) - _radius,
                // Point up: the base lies half a circumradius below the centre, and so do the two sides along their own normals (±√3/2, −1/2).
                _ => MathF.Max(y, MathF.Abs(x) * (Root3 / 2) - y / 2) - _radius / 2
            };
        }
    }

    private readonly record struct Rgb(float Red, float Green, float Blue)
    {
        public float this[int channel] => Math.Clamp(channel == 0 ? Red : channel == 1 ? Green : Blue, 0f, 1f);
    }
}
