using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Vision;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>The FID Inception network with weights by formula: both ways in, every stage, and the features.</summary>
internal static class InceptionCases
{
    /// <summary>The folder of cases of Fréchet distances.</summary>
    public const string Folder = "fid";

    /// <summary>Independent implementations measured: inputs 8e-6 absolute, stages 6e-6, pool 8e-7, logits 2e-6, what sFID is of 5e-6.</summary>
    private const double Input = 2e-5, StageValue = 1e-5, Pool = 5e-6, Logits = 1e-5, Spatial = 1e-5;

    private static readonly string[] s_pictures = ["small", "large"];

    /// <summary>A file holds an input at every 23rd row and 13th column.</summary>
    private const int RowStep = 23, ColumnStep = 13;

    /// <summary>The network's passes over the pictures that a file holds.</summary>
    public static CaseResult Run(string name, Device device, SafetensorsReader golden)
    {
        var comparison = new Comparison(name, golden);
        var weights = new FormulaWeights(golden.Metadata.GetValueOrDefault("salt", ""));
        CompareWeights(golden, weights, comparison);
        using var network = new InceptionNetwork(device, weights);
        foreach (string picture in s_pictures.Where(picture => golden.Contains($"{picture}.in")))
        {
            foreach (var route in Enum.GetValues<InceptionRoute>()) Pass(network, golden, picture, route, comparison);
        }
        return comparison.Result();
    }

    /// <summary>The tensors' first and last values, and their sums in double precision, are equal or wrong.</summary>
    private static void CompareWeights(SafetensorsReader golden, FormulaWeights weights, Comparison comparison)
    {
        double[] first = golden.ReadDoubles("weights.first"), last = golden.ReadDoubles("weights.last"), sums = golden.ReadDoubles("weights.sum");
        if (golden.Metadata.ContainsKey("names"))
        {
            bool isEqual = golden.Settings("names").NamesAndShapes().SequenceEqual(weights.Tensors.Select(tensor => (tensor.Name, string.Join(',', tensor.Shape))));
            comparison.Value("names", isEqual ? 0 : double.PositiveInfinity, 0);
        }
        double[][] values = new double[weights.Tensors.Count][];
        Parallel.For(0, values.Length, i =>
        {
            double[] all = weights.ReadDoubles(weights.Tensors[i].Name);
            values[i] = [all[0], all[^1], all.Sum()];
        });
        comparison.Value("weights.first", TensorError.Between(first, values.Select(value => value[0])), 0);
        comparison.Value("weights.last", TensorError.Between(last, values.Select(value => value[1])), 0);
        // The order of so many additions is free: each rounds by 2⁻⁵³ of a sum of some hundred.
        comparison.Value("weights.sum", TensorError.Between(sums, values.Select(value => value[2])), 1e-12);
    }

    private static void Pass(InceptionNetwork network, SafetensorsReader golden, string picture, InceptionRoute route, Comparison comparison)
    {
        string at = route == InceptionRoute.TensorFlow ? $"{picture}.tf." : $"{picture}.";
        float[] input = new float[InceptionInput.Length];
        InceptionInput.Write(Read(golden, $"{picture}.in"), route, input);
        double[] seen = [.. Grid(input)];
        double largest = golden.Doubles($"{at}input", seen.Length).Zip(seen, (expected, actual) => Math.Abs(expected - actual)).Max();
        comparison.Value($"{at}input", largest, Input);

        var features = network.Extract(input, 1, (stage, image) =>
        {
            int channels = image.Shape[3], width = image.Shape[2], pixels = image.Shape[1] * width;
            float[] values = image.ToArray();
            double[] means = [.. Enumerable.Range(0, channels).Select(c => Enumerable.Range(0, pixels).Sum(i => (double)values[(i * channels) + c]) / pixels)];
            string published = stage switch { "pool1" => "64", "pool2" => "192", "Mixed_6e" => "768", _ => stage };
            if (route == InceptionRoute.TensorFlow)
            {
                if (published != stage) comparison.Value($"{at}{published}", TensorError.Between(golden.ReadDoubles($"{at}{published}"), means), StageValue);
                return;
            }
            comparison.Value($"{at}{stage}.mean", TensorError.Between(golden.ReadDoubles($"{at}{stage}.mean"), means), StageValue);
            var corner = Enumerable.Range(0, channels * 4).Select(i => (double)values[(((i / 2 % 2 * width) + (i % 2)) * channels) + (i / 4)]);
            comparison.Value($"{at}{stage}.corner", TensorError.Between(golden.ReadDoubles($"{at}{stage}.corner"), corner), StageValue);
        });
        double[] scores = Array.ConvertAll(features.Scores, value => (double)value);
        if (route == InceptionRoute.TensorFlow) comparison.Value($"{at}logits_unbiased", TensorError.Between(golden.ReadDoubles($"{at}logits_unbiased"), scores), Logits);
        comparison.Value($"{at}{(route == InceptionRoute.TensorFlow ? "2048" : "pool")}", TensorError.Between(golden.ReadDoubles($"{at}{(route == InceptionRoute.TensorFlow ? "2048" : "pool")}"), features.Pool.Select(value => (double)value)), Pool);
        comparison.Value($"{at}logits", TensorError.Between(golden.ReadDoubles($"{at}logits"), scores.Zip(network.ScoreBias, (score, bias) => score + bias)), Logits);
        const int side = InceptionFeatures.SpatialSide, area = side * side, channels = InceptionFeatures.SpatialChannels;
        var spatial = Enumerable.Range(0, channels * area).Select(i => (double)features.Spatial[(i % area * channels) + (i / area)]);
        comparison.Value($"{at}sfid", TensorError.Between(golden.ReadDoubles($"{at}sfid"), spatial), Spatial);
    }

    /// <summary>A picture that a file holds colour first.</summary>
    private static Picture Read(SafetensorsReader golden, string name)
    {
        long[] planes = golden.ReadIntegers(name);
        var shape = golden.ShapeOf(name, 3);
        if (shape[0] != 3) throw new FileFormatException($"{golden.Source}: {name} has {shape[0]} channels; 3 were expected");
        int height = shape[1], width = shape[2], area = height * width;
        byte[] pixels = new byte[planes.Length];
        for (int i = 0; i < pixels.Length; i++) pixels[i] = (byte)planes[(i % 3 * area) + (i / 3)];
        return new Picture(width, height, 3, pixels);
    }

    /// <summary>The part of an input that files hold, colour first.</summary>
    private static IEnumerable<double> Grid(float[] input)
    {
        for (int c = 0; c < 3; c++)
        {
            for (int y = 0; y < InceptionInput.Side; y += RowStep)
            {
                for (int x = 0; x < InceptionInput.Side; x += ColumnStep) yield return input[(((y * InceptionInput.Side) + x) * 3) + c];
            }
        }
    }
}
