using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data;

/// <summary>
/// Tells how many generated images look like the class they were asked for. Reference images give, for each class k, the mean μ_k of their features
/// (<see cref="ImageFeatures"/>), and over all classes one covariance S; the distance of an image with features f to a class is
/// (f − μ_k)ᵀ S⁻¹ (f − μ_k), the linear discriminant. An image agrees with its label if that class is the nearest and the distance is one
/// that reference images have: noise, gray fog and blurs are near to no class. Each reference image is taken as it is, with noise of standard deviation
/// 0.05, and slightly blurred, so that slight artefacts are no reason to refuse.
/// </summary>
public sealed class ClassAgreement
{
    /// <summary>An image farther from its class than this many times the distance that <see cref="TypicalShare"/> of the reference images keep is unlike every class.</summary>
    private const double Tolerance = 1.5;

    private const double TypicalShare = 0.99;

    // How far outside the reference images' crispness an image may be, in widths of their range.
    private const double CrispnessMargin = 0.25;

    // Pulls the covariance towards its diagonal, so that it can be inverted where images are few or features repeat each other.
    private const double Shrinkage = 0.05;

    private const float NoiseDeviation = 0.05f;

    private readonly ImageFeatures _features;
    private readonly int _imageLength;
    private readonly Whitening _whitening;
    private readonly double[]?[] _means;
    private readonly double _leastCrisp, _mostCrisp;
    private double _reach;

    private ClassAgreement(ImageFeatures features, int imageLength, Whitening whitening, double[]?[] means, double leastCrisp, double mostCrisp)
    {
        (this._features, this._imageLength, this._whitening, this._means) = (features, imageLength, whitening, means);
        double margin = CrispnessMargin * (mostCrisp - leastCrisp);
        (this._leastCrisp, this._mostCrisp) = (leastCrisp - margin, mostCrisp + margin);
    }

    /// <summary>Learns what the classes of a source look like. The same images give the same measure. 2,000 images of 32 × 32 take about a second.</summary>
    /// <param name="source">Labelled images; those held out from training, where the measure judges a model.</param>
    /// <param name="firstIndex">The first reference image.</param>
    /// <param name="count">How many follow it; at least 2 images of one class and 2 classes must be among them, and a hundred a class is a good number.</param>
    /// <exception cref="DataException">The range is not in the source, or has too few images or classes.</exception>
    public static ClassAgreement Fit(IImageSource source, long firstIndex, int count)
    {
        if (firstIndex < 0 || count < 1 || firstIndex > source.Count - count)
        {
            throw new DataException($"{source.Name}: {count} images from {firstIndex} were asked for; there are {source.Count}");
        }
        var features = new ImageFeatures(source.Channels, source.Height, source.Width);
        int length = source.Channels * source.Height * source.Width;
        const int Copies = 3;
        var rows = new double[Copies * count][];
        var labels = new int[Copies * count];
        Parallel.For(0, count, i =>
        {
            float[] image = new float[length], copy = new float[length];
            int label = source.Read(firstIndex + i, image);
            for (int k = 0; k < Copies; k++)
            {
                image.CopyTo(copy, 0);
                if (k == 1) AddNoise(copy, (ulong)i);
                if (k == 2) Blur(copy, source.Channels, source.Height, source.Width);
                (rows[Copies * i + k], labels[Copies * i + k]) = (new double[features.Count], label);
                features.Write(copy, rows[Copies * i + k]);
            }
        });

        int seen = labels.Distinct().Count();
        if (seen < 2) throw new DataException($"{source.Name}: images {firstIndex} to {firstIndex + count - 1} are of {seen} class; at least 2 classes were expected");
        if (count <= seen) throw new DataException($"{source.Name}: {count} images of {seen} classes; more images than classes were expected");

        var means = ClassMeans(rows, labels, source.Classes);
        var whitening = Whitening.Of(rows.Zip(labels, (row, label) => (row, means[label]!)), features.Count, Shrinkage);
        foreach (double[]? mean in means)
        {
            if (mean is not null) whitening.Apply(mean);
        }

        double[] crisp = [.. rows.Select(row => row[features.Crispness])];
        var agreement = new ClassAgreement(features, length, whitening, means, crisp.Min(), crisp.Max());
        var own = new double[rows.Length];
        Parallel.For(0, rows.Length, i => own[i] = agreement.Distance(whitening.Apply(rows[i]), labels[i]));
        Array.Sort(own);
        agreement._reach = Tolerance * own[(int)(TypicalShare * (own.Length - 1))];
        return agreement;
    }

    /// <summary>The class whose mean is nearest, however far it is.</summary>
    /// <param name="image">[C, H, W], −1 … 1, as the source has them.</param>
    /// <exception cref="ShapeException">The image is of another size.</exception>
    public int Nearest(ReadOnlySpan<float> image) => Judge(image).Class;

    /// <summary>Whether the image is about as crisp as reference images, and as near to some class as they are to theirs; noise, fog and blurs are not.</summary>
    /// <param name="image">[C, H, W], −1 … 1, as the source has them.</param>
    /// <exception cref="ShapeException">The image is of another size.</exception>
    public bool IsTypical(ReadOnlySpan<float> image) => Judge(image).Typical;

    /// <summary>The share of images, 0 … 1, whose nearest class is their label.</summary>
    /// <param name="images">[N, C, H, W], −1 … 1.</param>
    /// <param name="labels">[N]; the class each image was asked for.</param>
    /// <exception cref="ShapeException">There is no image, or images and labels do not fit.</exception>
    public double NearestAgreement(ReadOnlySpan<float> images, ReadOnlySpan<int> labels) => Share(images, labels, typicalOnly: false);

    /// <summary>The share of images, 0 … 1, whose nearest class is their label and which are typical of it (<see cref="IsTypical"/>).</summary>
    /// <param name="images">[N, C, H, W], −1 … 1.</param>
    /// <param name="labels">[N]; the class each image was asked for.</param>
    /// <exception cref="ShapeException">There is no image, or images and labels do not fit.</exception>
    public double Agreement(ReadOnlySpan<float> images, ReadOnlySpan<int> labels) => Share(images, labels, typicalOnly: true);

    private double Share(ReadOnlySpan<float> images, ReadOnlySpan<int> labels, bool typicalOnly)
    {
        CheckBatch(images.Length, labels.Length, _imageLength);
        int agreed = 0;
        for (int i = 0; i < labels.Length; i++)
        {
            var (nearest, typical) = Judge(images.Slice(i * _imageLength, _imageLength));
            if (nearest == labels[i] && (typical || !typicalOnly)) agreed++;
        }
        return (double)agreed / labels.Length;
    }

    /// <summary>
    /// The mean L2 distance between two generated images of one class, over that between two real ones: 1 for the variety of real images,
    /// 0 for a model that draws every class always alike.
    /// </summary>
    /// <param name="generated">[N, C, H, W].</param>
    /// <param name="generatedLabels">[N].</param>
    /// <param name="real">[M, C, H, W].</param>
    /// <param name="realLabels">[M].</param>
    /// <exception cref="ShapeException">Images and labels do not fit.</exception>
    /// <exception cref="DataException">No two images have the same class, or all real ones of a class are equal.</exception>
    public double SpreadWithinClasses(ReadOnlySpan<float> generated, ReadOnlySpan<int> generatedLabels, ReadOnlySpan<float> real, ReadOnlySpan<int> realLabels)
    {
        double spread = MeanPairDistance(generated, generatedLabels, _imageLength, "generated"), expected = MeanPairDistance(real, realLabels, _imageLength, "real");
        return expected > 0 ? spread / expected : throw new DataException("the real images of each class are all equal; different ones were expected");
    }

    private (int Class, bool Typical) Judge(ReadOnlySpan<float> image)
    {
        if (image.Length != _imageLength) throw new ShapeException($"an image has {_imageLength} values; {image.Length} were given");
        var row = new double[_features.Count];
        _features.Write(image, row);
        double crisp = row[_features.Crispness];
        _whitening.Apply(row);
        var (nearest, least) = (-1, double.PositiveInfinity);
        for (int k = 0; k < _means.Length; k++)
        {
            if (_means[k] is null) continue;
            double distance = Distance(row, k);
            if (distance < least) (nearest, least) = (k, distance);
        }
        return (nearest, least <= _reach && crisp >= _leastCrisp && crisp <= _mostCrisp);
    }

    /// <summary>The squared distance of whitened features to the whitened mean of a class.</summary>
    private double Distance(double[] row, int label)
    {
        double[] mean = _means[label]!;
        double sum = 0;
        for (int i = 0; i < row.Length; i++) sum += (row[i] - mean[i]) * (row[i] - mean[i]);
        return sum;
    }

    /// <summary>The mean L2 distance between two images of one label.</summary>
    /// <param name="images">[N, C, H, W].</param>
    /// <param name="labels">[N].</param>
    /// <param name="imageLength">C·H·W.</param>
    /// <param name="kind">What the images are, for messages.</param>
    /// <exception cref="ShapeException">Images and labels do not fit.</exception>
    /// <exception cref="DataException">No two images have the same label.</exception>
    internal static double MeanPairDistance(ReadOnlySpan<float> images, ReadOnlySpan<int> labels, int imageLength, string kind)
    {
        CheckBatch(images.Length, labels.Length, imageLength);
        double sum = 0;
        long pairs = 0;
        for (int i = 0; i < labels.Length; i++)
        {
            var a = images.Slice(i * imageLength, imageLength);
            for (int j = i + 1; j < labels.Length; j++)
            {
                if (labels[i] != labels[j]) continue;
                var b = images.Slice(j * imageLength, imageLength);
                double squares = 0;
                for (int k = 0; k < a.Length; k++) squares += (a[k] - b[k]) * (double)(a[k] - b[k]);
                sum += Math.Sqrt(squares);
                pairs++;
            }
        }
        return pairs > 0 ? sum / pairs : throw new DataException($"no two of the {labels.Length} {kind} images have the same class; at least one pair was expected");
    }

    private static double[]?[] ClassMeans(double[][] rows, int[] labels, int classes)
    {
        var means = new double[]?[classes];
        var counts = new int[classes];
        foreach (var (row, label) in rows.Zip(labels))
        {
            double[] mean = means[label] ??= new double[row.Length];
            counts[label]++;
            for (int i = 0; i < row.Length; i++) mean[i] += row[i];
        }
        for (int k = 0; k < classes; k++)
        {
            for (int i = 0; i < (means[k]?.Length ?? 0); i++) means[k]![i] /= counts[k];
        }
        return means;
    }

    /// <summary>Refuses images that are not as many as their labels.</summary>
    internal static void CheckBatch(int values, int labels, int imageLength)
    {
        if (labels == 0 || values != (long)labels * imageLength)
        {
            throw new ShapeException($"images and labels do not fit: {values} values and {labels} labels; at least one label and {imageLength} values each were expected");
        }
    }

    // Even noise has the same deviation as normal noise and the same bits on every machine.
    private static void AddNoise(float[] image, ulong key)
    {
        const float Root12 = 3.4641016f;
        for (int i = 0; i < image.Length; i++) image[i] += NoiseDeviation * Root12 * (CounterHash.Uniform(key, (ulong)i) - 0.5f);
    }

    /// <summary>Binomial (1 2 1)/4 along rows, then along columns, the border repeated.</summary>
    private static void Blur(float[] image, int channels, int height, int width)
    {
        var line = new float[Math.Max(height, width)];
        void Along(int start, int count, int step)
        {
            for (int i = 0; i < count; i++) line[i] = image[start + i * step];
            for (int i = 0; i < count; i++)
            {
                image[start + i * step] = (line[Math.Max(i - 1, 0)] + 2 * line[i] + line[Math.Min(i + 1, count - 1)]) / 4;
            }
        }
        for (int c = 0; c < channels; c++)
        {
            for (int y = 0; y < height; y++) Along((c * height + y) * width, width, 1);
            for (int x = 0; x < width; x++) Along(c * height * width + x, height, width);
        }
    }
}
