using System.Numerics;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Evaluating;

/// <summary>
/// Measures that need no network, for small data with classes: of each class the mean picture, and the mean power of its brightness at each frequency. With the mean pictures m, values 0 … 1, and the powers P(r) of two sets, r the distance from frequency 0 in whole cycles a picture:
/// <code>
/// mean distance       √(mean over pixels and channels of (m − m_ref)²)
/// spectrum distance   √(mean over r ≥ 1 of (ln P(r) − ln P_ref(r))²)
/// </code>
/// Both are averaged over the classes that both sets have. The first sees wrong colours and places, the second blur and noise.
/// </summary>
public sealed class ClassMeasures
{
    // Below the power of rounding to bytes, so that empty frequencies do not count as infinitely far.
    private const double LeastPower = 1e-6;

    private readonly int _height, _width, _channels;
    private readonly Dictionary<int, (double[] Sum, double[] Power, long Count)> _classes = [];
    private readonly int[] _rings;
    private readonly int _ringCount;

    /// <summary>Empty measures of pictures of one size.</summary>
    /// <param name="size">Their size; no side above 512.</param>
    /// <param name="channels">3 or 1.</param>
    /// <exception cref="ConfigurationException">The pictures are larger.</exception>
    public ClassMeasures(ImageSize size, int channels)
    {
        const int mostSide = 512;
        if (Math.Max(size.Height, size.Width) > mostSide) throw new ConfigurationException($"pictures of {size} are too large for the measures without a network, which are for sides up to {mostSide}; --inception gives the network");
        (_height, _width, _channels) = (size.Height, size.Width, channels);
        _rings = new int[_height * _width];
        for (int y = 0; y < _height; y++)
        {
            for (int x = 0; x < _width; x++) _rings[(y * _width) + x] = (int)Math.Round(Math.Sqrt(Square(Math.Min(y, _height - y)) + Square(Math.Min(x, _width - x))));
        }
        _ringCount = (Math.Min(_height, _width) / 2) + 1;
    }

    /// <summary>Pictures so far.</summary>
    public long Count { get; private set; }

    /// <summary>The classes that have pictures.</summary>
    public IReadOnlyCollection<int> Classes => _classes.Keys;

    /// <summary>Takes a picture.</summary>
    /// <param name="picture">Of the measures' size and channels.</param>
    /// <param name="label">Its class.</param>
    /// <exception cref="ShapeException">It is of another size.</exception>
    public void Add(Picture picture, int label)
    {
        if ((picture.Height, picture.Width, picture.Channels) != (_height, _width, _channels)) throw new ShapeException($"a picture of {picture.Width}×{picture.Height} with {picture.Channels} channels came among those of {_width}×{_height} with {_channels}");
        if (!_classes.TryGetValue(label, out var of)) of = (new double[picture.Pixels.Length], new double[_ringCount], 0);
        for (int i = 0; i < picture.Pixels.Length; i++) of.Sum[i] += picture.Pixels[i] / 255.0;
        AddPower(picture, of.Power);
        _classes[label] = of with { Count = of.Count + 1 };
        Count++;
    }

    /// <summary>Both distances to a reference, averaged over the classes of both.</summary>
    /// <exception cref="DataException">There is no such class.</exception>
    public (double Mean, double Spectrum, int Classes) DistancesTo(ClassMeasures reference)
    {
        int[] both = [.. _classes.Keys.Where(reference._classes.ContainsKey).Order()];
        if (both.Length == 0) throw new DataException("no class has pictures in both sets; at least one was expected");
        double mean = 0, spectrum = 0;
        foreach (int label in both)
        {
            var (a, b) = (_classes[label], reference._classes[label]);
            double squares = 0;
            for (int i = 0; i < a.Sum.Length; i++) squares += Square((a.Sum[i] / a.Count) - (b.Sum[i] / b.Count));
            mean += Math.Sqrt(squares / a.Sum.Length);
            double logarithms = 0;
            for (int r = 1; r < _ringCount; r++) logarithms += Square(Math.Log(Math.Max(LeastPower, a.Power[r] / a.Count)) - Math.Log(Math.Max(LeastPower, b.Power[r] / b.Count)));
            spectrum += Math.Sqrt(logarithms / Math.Max(1, _ringCount - 1));
        }
        return (mean / both.Length, spectrum / both.Length, both.Length);
    }

    /// <summary>Adds the mean power at each distance from frequency 0.</summary>
    private void AddPower(Picture picture, double[] power)
    {
        var field = new Complex[_height * _width];
        for (int i = 0; i < field.Length; i++)
        {
            var pixel = picture.Pixels.AsSpan(i * _channels, _channels);
            field[i] = (_channels == 1 ? pixel[0] : (0.299 * pixel[0]) + (0.587 * pixel[1]) + (0.114 * pixel[2])) / 255;
        }
        for (int y = 0; y < _height; y++) Transform(field.AsSpan(y * _width, _width));
        var column = new Complex[_height];
        double[] sums = new double[_ringCount];
        int[] counts = new int[_ringCount];
        for (int x = 0; x < _width; x++)
        {
            for (int y = 0; y < _height; y++) column[y] = field[(y * _width) + x];
            Transform(column);
            for (int y = 0; y < _height; y++)
            {
                int ring = _rings[(y * _width) + x];
                if (ring >= _ringCount) continue;
                sums[ring] += (column[y].Real * column[y].Real) + (column[y].Imaginary * column[y].Imaginary);
                counts[ring]++;
            }
        }
        for (int r = 0; r < _ringCount; r++) power[r] += sums[r] / Math.Max(1, counts[r]) / field.Length;
    }

    /// <summary>The discrete Fourier transform in place: halves while the length is even, then plain sums.</summary>
    internal static void Transform(Span<Complex> values)
    {
        int n = values.Length;
        if (n == 1) return;
        if (n % 2 == 0)
        {
            var halves = new Complex[n];
            Span<Complex> even = halves.AsSpan(0, n / 2), odd = halves.AsSpan(n / 2);
            for (int i = 0; i < n / 2; i++) (even[i], odd[i]) = (values[2 * i], values[(2 * i) + 1]);
            Transform(even);
            Transform(odd);
            for (int k = 0; k < n / 2; k++)
            {
                var turned = Complex.FromPolarCoordinates(1, -2 * Math.PI * k / n) * odd[k];
                (values[k], values[k + (n / 2)]) = (even[k] + turned, even[k] - turned);
            }
            return;
        }
        var sums = new Complex[n];
        for (int k = 0; k < n; k++)
        {
            for (int i = 0; i < n; i++) sums[k] += values[i] * Complex.FromPolarCoordinates(1, -2 * Math.PI * ((long)k * i % n) / n);
        }
        sums.CopyTo(values);
    }

    private static double Square(double value) => value * value;

    /// <summary>What no network is needed for: both distances, and where the reference is a data source, how many samples look like their class.</summary>
    /// <param name="reference">The reference.</param>
    /// <param name="samples">What is measured.</param>
    /// <param name="most">The most pictures of each that are read.</param>
    /// <param name="report">Told what share of the work is done.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <returns>The numbers, how many pictures of both sets they are of, and what is to be said of them.</returns>
    /// <exception cref="ConfigurationException">A set has no classes, or the sizes differ.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static (IReadOnlyList<EvaluatedNumber> Numbers, long Reference, long Samples, IReadOnlyList<string> Remarks) Compare(IImageSet reference, IImageSet samples, long most, Action<double>? report = null, CancellationToken cancel = default)
    {
        foreach (var set in (IImageSet[])[reference, samples])
        {
            if (set.ClassNames.Count == 0) throw new ConfigurationException($"{set.Name}: its pictures have no classes, which the measures without a network compare; --inception gives the weights of the network for pictures without classes");
            if (set.Size is null) throw new ConfigurationException($"{set.Name}: its pictures are of several sizes; the measures without a network need one size, or --inception");
        }
        if (reference.Size != samples.Size) throw new ConfigurationException($"{reference.Name} has pictures of {reference.Size}, {samples.Name} of {samples.Size}; the measures without a network need equal sizes (--resolution), or --inception");
        double total = Math.Min(most, reference.Count) + Math.Min(most, samples.Count);
        double done = 0;
        ClassAgreement? agreement = null;
        List<EvaluatedNumber> numbers = [];
        List<string> remarks = [];
        long fitted = 0;
        if (reference is SourceSet { Source: { Classes: > 1 } source })
        {
            fitted = Math.Min(Math.Min(most, MostFitted), reference.Count);
            agreement = ClassAgreement.Fit(source, 0, (int)fitted);
        }
        var theirs = Gather(reference, null, out _);
        var ours = Gather(samples, agreement, out long agreed);
        var (mean, spectrum, classes) = ours.DistancesTo(theirs);
        if (agreement is not null)
        {
            numbers.Add(new("class_agreement", "class agreement", (double)agreed / ours.Count, "higher"));
            if (Held(((SourceSet)reference).Source, agreement, fitted) is { } real) numbers.Add(new("class_agreement_reference", "class agreement of further reference images", real, ""));
            remarks.Add($"class agreement: nearest class by the built-in features, learnt from {fitted} reference images");
        }
        numbers.Add(new("class_mean_distance", "distance of class means", mean, "lower"));
        numbers.Add(new("class_spectrum_distance", "distance of class power spectra", spectrum, "lower"));
        remarks.Add($"distances are averages over {classes} classes");
        return (numbers, theirs.Count, ours.Count, remarks);

        ClassMeasures Gather(IImageSet set, ClassAgreement? judge, out long agreed)
        {
            ClassMeasures? measures = null;
            agreed = 0;
            foreach (var (picture, label) in set.Read(cancel))
            {
                measures ??= new ClassMeasures(new ImageSize(picture.Height, picture.Width), picture.Channels);
                if (label is { } of)
                {
                    measures.Add(picture, of);
                    if (judge?.Nearest(Values(picture)) == of) agreed++;
                }
                report?.Invoke(++done / total);
                if (measures.Count == most) break;
            }
            return measures is { Count: > 0 } ? measures : throw new DataException($"{set.Name}: no picture has a class");
        }
    }

    private const int MostFitted = 2000, MostHeld = 900;

    /// <summary>The agreement of reference images that the measure has not seen; null where there are none.</summary>
    private static double? Held(IImageSource source, ClassAgreement agreement, long first)
    {
        int count = (int)Math.Min(MostHeld, source.Count - first);
        if (count < 1) return null;
        float[] image = new float[source.Channels * source.Height * source.Width];
        int agreed = 0;
        for (int i = 0; i < count; i++)
        {
            int label = source.Read(first + i, image);
            if (agreement.Nearest(image) == label) agreed++;
        }
        return (double)agreed / count;
    }

    /// <summary>[C, H, W], −1 … 1.</summary>
    private static float[] Values(Picture picture)
    {
        int area = picture.Width * picture.Height;
        float[] values = new float[picture.Channels * area];
        for (int i = 0; i < values.Length; i++) values[i] = PixelScale.ToValue(picture.Pixels[(i % area * picture.Channels) + (i / area)]);
        return values;
    }
}
