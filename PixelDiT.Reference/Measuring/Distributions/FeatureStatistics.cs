using PixelDiT.Kernels;

namespace PixelDiT.Reference.Measuring.Distributions;

/// <summary>Mean and covariance of features, all that a Fréchet distance knows of a set.</summary>
/// <param name="Mean">μ, [d].</param>
/// <param name="Covariance">Σ, [d, d], with the divisor n − 1.</param>
public sealed record GaussianStatistics(double[] Mean, double[] Covariance)
{
    /// <summary>d.</summary>
    public int Width => Mean.Length;

    /// <summary>Tr Σ.</summary>
    public double Trace
    {
        get
        {
            double sum = 0;
            for (int i = 0; i < Width; i++) sum += Covariance[((long)i * Width) + i];
            return sum;
        }
    }

    /// <summary>Checks that sizes fit and all values are finite.</summary>
    /// <param name="source">Where they come from, for messages.</param>
    /// <exception cref="ShapeException">They do not fit.</exception>
    /// <exception cref="NotFiniteException">A value is infinite or no number.</exception>
    public GaussianStatistics Validate(string source)
    {
        if (Width < 1 || Covariance.LongLength != (long)Width * Width) throw new ShapeException($"{source}: a mean of {Width} values and a covariance of {Covariance.LongLength}; n and n×n were expected");
        foreach (double[] values in (double[][])[Mean, Covariance])
        {
            int wrong = Array.FindIndex(values, value => !double.IsFinite(value));
            if (wrong >= 0) throw new NotFiniteException($"{source}: {(values == Mean ? "the mean" : "the covariance")} holds {values[wrong]} at element {wrong}; finite values were expected");
        }
        return this;
    }
}

/// <summary>
/// Mean and covariance of features that come batch by batch, in float64; memory is d² however many there are. Sums are of differences to the first sample, so that a large mean costs no digits:
/// <code>
/// Σ = (Σ_i (x_i − x_0)(x_i − x_0)ᵀ − n·m·mᵀ) / (n − 1)      m = mean of x_i − x_0      μ = x_0 + m
/// </code>
/// </summary>
/// <param name="width">d, at least 1.</param>
/// <param name="threads">Threads, or −1 for one a core; the bits do not depend on it.</param>
public sealed class FeatureStatistics(int width, int threads = -1)
{
    private const int AtOnce = 256;

    private readonly double[] _sums = new double[width], _products = new double[(long)width * width], _waiting = new double[AtOnce * width];
    private double[]? _first;
    private int _held;

    /// <summary>n, the samples so far.</summary>
    public long Count { get; private set; }

    /// <summary>Takes samples.</summary>
    /// <param name="features">[n, d].</param>
    /// <exception cref="ShapeException">They are no whole number of rows.</exception>
    /// <exception cref="NotFiniteException">A value is infinite or no number.</exception>
    public void Add(ReadOnlySpan<float> features)
    {
        if (features.Length % width != 0) throw new ShapeException($"{features.Length} features were given; rows of {width} were expected");
        for (; features.Length > 0; features = features[width..])
        {
            var row = features[..width];
            foreach (float value in row)
            {
                if (!float.IsFinite(value)) throw new NotFiniteException($"sample {Count} has a feature that is {value}; finite values were expected");
            }
            _first ??= [.. row];
            var to = _waiting.AsSpan(_held * width, width);
            for (int i = 0; i < width; i++)
            {
                to[i] = row[i] - _first[i];
                _sums[i] += to[i];
            }
            Count++;
            if (++_held == AtOnce) Flush();
        }
    }

    /// <summary>Mean and covariance of all samples.</summary>
    /// <exception cref="DataException">There are fewer than two.</exception>
    public GaussianStatistics Result()
    {
        if (Count < 2) throw new DataException($"a covariance was asked for of {Count} samples; at least 2 were expected");
        Flush();
        double[] mean = new double[width], covariance = new double[_products.LongLength];
        for (int i = 0; i < width; i++) mean[i] = _first![i] + (_sums[i] / Count);
        Parallel.For(0, width, new ParallelOptions { MaxDegreeOfParallelism = threads }, i =>
        {
            for (int j = i; j < width; j++)
            {
                double value = (_products[((long)i * width) + j] - (_sums[i] * _sums[j] / Count)) / (Count - 1);
                covariance[((long)i * width) + j] = covariance[((long)j * width) + i] = value;
            }
        });
        return new GaussianStatistics(mean, covariance);
    }

    private void Flush()
    {
        if (_held == 0) return;
        DenseProduct.Accumulate(_waiting, _waiting, _products, _held, width, width, upper: true, threads);
        _held = 0;
    }
}
