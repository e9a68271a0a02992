using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;

namespace PixelDiT.Tests.Data;

public sealed class ClassAgreementTests
{
    private const int Side = 32, Plane = Side * Side, Length = 3 * Plane, Images = 540;

    private readonly Shapes _source = new(Side, 3, ImagePart.HeldOut);
    private ClassAgreement _measure = null!;
    private float[] _images = [];
    private int[] _labels = [];

    [OneTimeSetUp]
    public void Fit()
    {
        _measure = ClassAgreement.Fit(_source, 0, 1800);
        (_images, _labels) = Read(_source, 100_000, Images);
    }

    [Test]
    public void Real_images_agree() => Assert.That(_measure.Agreement(_images, _labels), Is.AtLeast(0.98));

    [Test]
    public void The_nearest_class_of_real_images_is_their_own() => Assert.That(ShareNearest(_images), Is.AtLeast(0.995));

    [Test]
    public void Slight_noise_agrees() => Assert.That(_measure.Agreement(Noisy(0.05), _labels), Is.AtLeast(0.97));

    [Test]
    public void A_slight_blur_agrees() => Assert.That(_measure.Agreement(Blurred(1), _labels), Is.AtLeast(0.97));

    [Test]
    public void A_little_less_contrast_agrees() => Assert.That(_measure.Agreement(Mapped(v => 0.9f * v), _labels), Is.AtLeast(0.95));

    [Test]
    public void Shuffled_labels_agree_by_chance()
    {
        int[] shuffled = [.. _labels];
        new Random(1).Shuffle(shuffled);
        Assert.That(_measure.Agreement(_images, shuffled), Is.EqualTo(1 / 9.0).Within(0.05));
    }

    [Test]
    public void Wrong_colours_do_not_agree() => Assert.That(_measure.Agreement(_images, [.. _labels.Select(label => label / 3 * 3 + (label + 1) % 3)]), Is.LessThan(0.01));

    [Test]
    public void Wrong_figures_do_not_agree() => Assert.That(_measure.Agreement(_images, [.. _labels.Select(label => (label + 3) % 9)]), Is.LessThan(0.01));

    [Test]
    public void Noise_does_not_agree() => Assert.That(_measure.Agreement(Mapped(_ => 0, 1), _labels), Is.LessThan(0.01));

    [Test]
    public void Strong_noise_does_not_agree() => Assert.That(_measure.Agreement(Noisy(0.25), _labels), Is.LessThan(0.1));

    [Test]
    public void A_strong_blur_does_not_agree() => Assert.That(_measure.Agreement(Blurred(6), _labels), Is.LessThan(0.02));

    [Test]
    public void Empty_images_do_not_agree()
    {
        foreach (float value in new[] { -1f, 0f, 1f, float.NaN }) Assert.That(_measure.Agreement(Mapped(_ => value), _labels), Is.Zero);
    }

    [Test]
    public void Gray_figures_do_not_agree()
    {
        float[] gray = ByPixel((r, g, b) => ((r + g + b) / 3, (r + g + b) / 3, (r + g + b) / 3));
        Assert.That(_measure.Agreement(gray, _labels), Is.LessThan(0.03));
    }

    [Test]
    public void Yellow_figures_do_not_agree_with_red_or_green()
    {
        float[] yellow = ByPixel((r, g, b) => (Math.Max(r, g), Math.Max(r, g), b));
        Assert.That(Where(label => label % 3 != 2, (image, label) => Agrees(yellow, image, label)), Is.LessThan(0.03));
    }

    [Test]
    public void Triangles_on_their_heads_do_not_agree()
    {
        float[] turned = [.. _images];
        for (int plane = 0; plane < 3 * Images; plane++) turned.AsSpan(plane * Plane, Plane).Reverse();
        Assert.That(Where(label => label / 3 == 2, (image, label) => Agrees(turned, image, label)), Is.LessThan(0.03));
    }

    [Test]
    public void Ragged_outlines_do_not_agree()
    {
        float[] ragged = [.. _images];
        for (int row = 0; row < _images.Length / Side; row++)
        {
            int shift = (int)MathF.Round(2 * MathF.Sin(row % Side * 0.4f));
            for (int x = 0; x < Side; x++) ragged[row * Side + x] = _images[row * Side + Math.Clamp(x + shift, 0, Side - 1)];
        }
        Assert.That(_measure.Agreement(ragged, _labels), Is.LessThan(0.05));
    }

    [Test]
    public void The_same_images_give_the_same_measure()
    {
        ClassAgreement first = ClassAgreement.Fit(_source, 0, 180), second = ClassAgreement.Fit(_source, 0, 180);
        float[] some = Noisy(0.15);
        Assert.That(first.Agreement(some, _labels), Is.EqualTo(second.Agreement(some, _labels)));
    }

    [TestCase(16, 3)]
    [TestCase(48, 3)]
    [TestCase(32, 1)]
    public void Other_sizes_work(int side, int channels)
    {
        var other = new Shapes(side, channels, ImagePart.HeldOut);
        var (some, theirs) = Read(other, 50_000, 180);
        Assert.That(ClassAgreement.Fit(other, 0, 900).Agreement(some, theirs), Is.AtLeast(0.95));
    }

    [Test]
    public void A_class_that_was_not_seen_is_never_nearest()
    {
        // Red and green discs only.
        var partial = new Some(_source, [0, 1, 9, 10, 18, 19, 27, 28]);
        var two = ClassAgreement.Fit(partial, 0, 8);
        Assert.That(Enumerable.Range(0, 90).Select(i => two.Nearest(_images.AsSpan(i * Length, Length))), Is.All.LessThan(2));
    }

    [Test]
    public void The_spread_of_real_images_is_one() =>
        Assert.That(_measure.SpreadWithinClasses(_images.AsSpan(0, 180 * Length), _labels.AsSpan(0, 180), _images.AsSpan(180 * Length), _labels.AsSpan(180)), Is.EqualTo(1).Within(0.05));

    [Test]
    public void The_spread_of_copies_is_none()
    {
        float[] copies = [.. _images[..(9 * Length)], .. _images[..(9 * Length)]];
        Assert.That(_measure.SpreadWithinClasses(copies, _labels.AsSpan(0, 18), _images, _labels), Is.Zero);
    }

    [Test]
    public void A_spread_without_pairs_is_refused() => Assert.That(
        () => _measure.SpreadWithinClasses(_images.AsSpan(0, 9 * Length), _labels.AsSpan(0, 9), _images, _labels), Throws.TypeOf<DataException>().With.Message.Contains("9 generated"));

    [Test]
    public void Equal_real_images_are_refused() => Assert.That(
        () => _measure.SpreadWithinClasses(_images, _labels, new float[2 * Length], [0, 0]), Throws.TypeOf<DataException>().With.Message.Contains("all equal"));

    [Test]
    public void A_range_outside_the_source_is_refused() => Assert.That(() => ClassAgreement.Fit(_source, Shapes.ImagesInPart - 5, 10), Throws.TypeOf<DataException>());

    [Test]
    public void A_single_class_is_refused() =>
        Assert.That(() => ClassAgreement.Fit(new Some(_source, [0, 9, 18]), 0, 3), Throws.TypeOf<DataException>().With.Message.Contains("at least 2 classes"));

    [Test]
    public void One_image_a_class_is_refused() => Assert.That(() => ClassAgreement.Fit(_source, 0, 9), Throws.TypeOf<DataException>().With.Message.Contains("more images than classes"));

    [Test]
    public void Images_that_do_not_fit_are_refused()
    {
        Assert.That(() => _measure.Nearest(new float[7]), Throws.TypeOf<ShapeException>());
        Assert.That(() => _measure.Agreement(_images, _labels.AsSpan(1)), Throws.TypeOf<ShapeException>());
        Assert.That(() => _measure.Agreement([], []), Throws.TypeOf<ShapeException>());
    }

    private bool Agrees(float[] all, int image, int label) => _measure.Agreement(all.AsSpan(image * Length, Length), [label]) == 1;

    private double Where(Func<int, bool> which, Func<int, int, bool> agrees)
    {
        int[] some = [.. Enumerable.Range(0, Images).Where(i => which(_labels[i]))];
        return some.Average(i => agrees(i, _labels[i]) ? 1.0 : 0.0);
    }

    private double ShareNearest(float[] all) =>
        Enumerable.Range(0, Images).Average(i => _measure.Nearest(all.AsSpan(i * Length, Length)) == _labels[i] ? 1.0 : 0.0);

    private float[] Noisy(double deviation) => Mapped(v => v, deviation);

    private float[] Mapped(Func<float, float> map, double deviation = 0)
    {
        var random = new Random(3);
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        return [.. _images.Select(v => map(v) + (deviation > 0 ? (float)(deviation * Normal()) : 0))];
    }

    private float[] ByPixel(Func<float, float, float, (float, float, float)> map)
    {
        var mapped = new float[_images.Length];
        for (int i = 0; i < Images * Plane; i++)
        {
            int at = i / Plane * Length + i % Plane;
            (mapped[at], mapped[at + Plane], mapped[at + 2 * Plane]) = map(_images[at], _images[at + Plane], _images[at + 2 * Plane]);
        }
        return mapped;
    }

    /// <summary>The binomial (1 2 1)/4 along rows and columns, several times.</summary>
    private float[] Blurred(int times)
    {
        float[] from = [.. _images], to = new float[_images.Length];
        for (int pass = 0; pass < 2 * times; pass++)
        {
            int step = pass % 2 == 0 ? 1 : Side;
            for (int i = 0; i < from.Length; i++)
            {
                int place = i / step % Side;
                to[i] = (from[place == 0 ? i : i - step] + 2 * from[i] + from[place == Side - 1 ? i : i + step]) / 4;
            }
            (from, to) = (to, from);
        }
        return from;
    }

    private static (float[] Images, int[] Labels) Read(Shapes source, long first, int count)
    {
        int length = source.Channels * source.Height * source.Width;
        var (images, labels) = (new float[count * length], new int[count]);
        for (int i = 0; i < count; i++) labels[i] = source.Read(first + i, images.AsSpan(i * length, length));
        return (images, labels);
    }

    /// <summary>A few images of another source.</summary>
    private sealed class Some(IImageSource all, long[] indices) : IImageSource
    {
        public string Name => "some";

        public int Classes => all.Classes;

        public IReadOnlyList<string> ClassNames => all.ClassNames;

        public long Count => indices.Length;

        public int Channels => all.Channels;

        public int Height => all.Height;

        public int Width => all.Width;

        public IReadOnlyList<SkippedImage> Skipped => [];

        public IReadOnlyList<long> ClassCounts => [.. Enumerable.Range(0, Classes).Select(label => indices.LongCount(index => all.Label(index) == label))];

        public string ListingHash => all.ListingHash;

        public int Label(long index) => all.Label(indices[index]);

        public int Read(long index, Span<float> image) => all.Read(indices[index], image);
    }
}
