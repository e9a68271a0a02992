using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Data;

/// <summary>
/// What <see cref="ClassAgreement"/> sees of an image: numbers for its outline, its colours and how crisp it is. The image is taken as a
/// viewer gets it, in bytes, and no finer than 32 pixels a side. With g_c the gradient of channel c of the smoothed image (binomial 3 × 3), the
/// structure tensor J = Σ_c g_c g_cᵀ of a pixel gives the direction in which colour changes most, and how much (Di Zenzo 1986).
/// </summary>
internal sealed class ImageFeatures
{
    private const int MostSide = 32, Directions = 12, Cells = 4, CellDirections = 6, Patches = 4, Levels = 12, Chroma = 7;

    private readonly int _channels, _height, _width, _side;
    private readonly PixelResize _resize;

    /// <summary>Features of images [C, H, W] of one size.</summary>
    public ImageFeatures(int channels, int height, int width)
    {
        (this._channels, this._height, this._width) = (channels, height, width);
        _side = Math.Min(MostSide, Math.Min(height, width));
        _resize = new PixelResize(height, width, _side, _side);
        int pairs = channels * (channels + 1) / 2;
        Count = Directions + Cells * Cells * CellDirections + Patches * Patches * channels + 2 * channels + 2 * pairs + 3
            + (channels == 3 ? Chroma * Chroma : Levels);
    }

    /// <summary>The number of features.</summary>
    public int Count { get; }

    /// <summary>
    /// Which feature is the crispness: the logarithm of what smoothing takes away over the energy of the edges. A blur lowers it, noise raises it, and
    /// the size and contrast of a figure hardly matter.
    /// </summary>
    public int Crispness => Directions + Cells * Cells * CellDirections + _channels * (_channels + 1) / 2 + 2;

    /// <summary>Writes the features of one image.</summary>
    /// <param name="image">[C, H, W], −1 … 1; clipped.</param>
    /// <param name="features">[Count].</param>
    public void Write(ReadOnlySpan<float> image, Span<double> features)
    {
        var x = Planes(image);
        var to = new Writer(features[..Count]);
        features[..Count].Clear();
        WriteOutline(x, ref to);
        WriteColour(x, ref to);
    }

    /// <summary>[C, side, side], 0 … 1.</summary>
    private float[] Planes(ReadOnlySpan<float> image)
    {
        byte[] bytes = PixelBytes.ToBytes(image), plane = new byte[_side * _side];
        var x = new float[_channels * _side * _side];
        for (int c = 0; c < _channels; c++)
        {
            _resize.Apply(bytes.AsSpan(c * _height * _width), plane);
            for (int i = 0; i < plane.Length; i++) x[c * plane.Length + i] = plane[i] / 255f;
        }
        return x;
    }

    /// <summary>
    /// Shares of the edge energy by direction, over the image and over each cell of a 4 × 4 grid (square roots, so that small shares count); the
    /// energy itself, by itself and over the variation Σ|g|, the share of it that smoothing takes away, and how the channels share it.
    /// </summary>
    private void WriteOutline(float[] x, ref Writer to)
    {
        int area = _side * _side, last = _side - 1;
        var smooth = new float[x.Length];
        float fine = 0;
        for (int c = 0; c < _channels; c++)
        {
            Smooth(x.AsSpan(c * area, area), smooth.AsSpan(c * area, area));
            for (int i = c * area; i < (c + 1) * area; i++) fine += (x[i] - smooth[i]) * (x[i] - smooth[i]);
        }

        var whole = to.Take(Directions);
        var cells = to.Take(Cells * Cells * CellDirections);
        var shares = to.Take(_channels * (_channels + 1) / 2);
        double energy = 1e-3, variation = 1e-3;
        Span<float> gx = stackalloc float[_channels], gy = stackalloc float[_channels];
        for (int v = 0; v < _side; v++)
        {
            for (int u = 0; u < _side; u++)
            {
                float xx = 0, xy = 0, yy = 0;
                for (int c = 0; c < _channels; c++)
                {
                    var plane = smooth.AsSpan(c * area, area);
                    gx[c] = plane[v * _side + Math.Min(u + 1, last)] - plane[v * _side + Math.Max(u - 1, 0)];
                    gy[c] = plane[Math.Min(v + 1, last) * _side + u] - plane[Math.Max(v - 1, 0) * _side + u];
                    (xx, xy, yy) = (xx + gx[c] * gx[c], xy + gx[c] * gy[c], yy + gy[c] * gy[c]);
                }
                for (int c = 0, pair = 0; c < _channels; c++)
                {
                    for (int d = c; d < _channels; d++) shares[pair++] += gx[c] * gx[d] + gy[c] * gy[d];
                }
                double turn = Math.Atan2(2 * xy, xx - yy) / (2 * Math.PI) + 0.5, strength = xx + yy;
                energy += strength;
                variation += Math.Sqrt(strength);
                Share(whole, turn, strength);
                Share(cells.Slice((v * Cells / _side * Cells + u * Cells / _side) * CellDirections, CellDirections), turn, strength);
            }
        }
        foreach (ref double value in whole) value = Math.Sqrt(value / energy);
        foreach (ref double value in cells) value = Math.Sqrt(value / energy);
        foreach (ref double value in shares) value /= energy;
        to.Add(Math.Log(energy / _side));
        // A blur lowers the energy of an edge and not the step across it, which the variation adds up.
        to.Add(Math.Log(energy / variation));
        to.Add(Math.Log((fine + 1e-3) / energy));
    }

    /// <summary>Means, covariances and third moments of the channels, a coarse thumbnail, and the shares of the pixels by hue or, for gray, by brightness.</summary>
    private void WriteColour(float[] x, ref Writer to)
    {
        int area = _side * _side;
        Span<double> mean = stackalloc double[_channels];
        var histogram = to.Take(_channels == 3 ? Chroma * Chroma : Levels);
        var patches = to.Take(Patches * Patches * _channels);
        var moments = to.Take(2 * _channels + _channels * (_channels + 1) / 2);
        for (int c = 0; c < _channels; c++)
        {
            for (int i = 0; i < area; i++)
            {
                mean[c] += x[c * area + i] / area;
                int patch = i / _side * Patches / _side * Patches + i % _side * Patches / _side;
                patches[c * Patches * Patches + patch] += x[c * area + i] * Patches * Patches / area;
            }
        }

        for (int i = 0; i < area; i++)
        {
            int pair = 2 * _channels;
            for (int c = 0; c < _channels; c++)
            {
                double from = x[c * area + i] - mean[c];
                moments[_channels + c] += 4 * from * from * from / area;
                for (int d = c; d < _channels; d++) moments[pair++] += 4 * from * (x[d * area + i] - mean[d]) / area;
            }
            if (_channels == 3)
            {
                // Two axes of hue, red against green and both against blue, each −1 … 1.
                float red = x[i], green = x[area + i], blue = x[2 * area + i];
                Share(histogram, Chroma, 0.5 + 0.5 * (red - green), 0.5 + 0.5 * ((red + green) / 2 - blue), 1.0 / area);
            }
            else
            {
                Share(histogram, Levels, x[i], 0, 1.0 / area);
            }
        }
        mean.CopyTo(moments);
    }

    /// <summary>Adds to the two bins around a direction; the bins go around, as 0 and a half turn are one direction.</summary>
    private static void Share(Span<double> bins, double turn, double amount)
    {
        double at = turn * bins.Length;
        int low = (int)at;
        double rest = at - low;
        bins[low % bins.Length] += amount * (1 - rest);
        bins[(low + 1) % bins.Length] += amount * rest;
    }

    /// <summary>Adds to the bins around (a, b), both 0 … 1, in a table of n columns; a table of one row has b = 0.</summary>
    private static void Share(Span<double> bins, int n, double a, double b, double amount)
    {
        double x = Math.Clamp(a, 0, 1) * (n - 1), y = Math.Clamp(b, 0, 1) * (n - 1);
        int column = Math.Min((int)x, n - 2), row = Math.Min((int)y, Math.Max(0, bins.Length / n - 2));
        (x, y) = (x - column, y - row);
        bins[row * n + column] += amount * (1 - x) * (1 - y);
        bins[row * n + column + 1] += amount * x * (1 - y);
        if (y == 0) return;
        bins[(row + 1) * n + column] += amount * (1 - x) * y;
        bins[(row + 1) * n + column + 1] += amount * x * y;
    }

    private void Smooth(ReadOnlySpan<float> from, Span<float> to)
    {
        int last = _side - 1;
        for (int v = 0; v < _side; v++)
        {
            var above = from.Slice(Math.Max(v - 1, 0) * _side, _side);
            var row = from.Slice(v * _side, _side);
            var below = from.Slice(Math.Min(v + 1, last) * _side, _side);
            float left = above[0] + 2 * row[0] + below[0], centre = left;
            for (int u = 0; u < _side; u++)
            {
                int next = Math.Min(u + 1, last);
                float right = above[next] + 2 * row[next] + below[next];
                to[v * _side + u] = (left + 2 * centre + right) / 16;
                (left, centre) = (centre, right);
            }
        }
    }

    /// <summary>Hands out consecutive pieces of the feature array.</summary>
    private ref struct Writer(Span<double> rest)
    {
        private Span<double> _rest = rest;

        public Span<double> Take(int count)
        {
            var piece = _rest[..count];
            _rest = _rest[count..];
            return piece;
        }

        public void Add(double value) => Take(1)[0] = value;
    }
}
