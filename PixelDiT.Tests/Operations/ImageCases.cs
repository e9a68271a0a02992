using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Oracle;
using static PixelDiT.Tests.Operations.Input;

namespace PixelDiT.Tests.Operations;

/// <summary>Images, tokens, pixels, classes and times.</summary>
internal static class ImageCases
{
    public static IEnumerable<OperationCase> All =>
    [
        .. new (Shape Image, int Patch)[] { ([1, 1, 1, 1], 1), ([2, 3, 4, 6], 2), ([1, 1, 6, 3], 3), ([2, 3, 8, 4], 4), ([1, 5, 17, 3], 1) }
            .SelectMany<(Shape Image, int Patch), OperationCase>(size => [Patchified(size.Image, size.Patch), InPixels(size.Image, size.Patch), AsImage(size.Image, size.Patch)]),
        Placed(1, 4, 2, 2, 1), Placed(2, 8, 4, 6, 2), Placed(3, 20, 2, 4, 2),
        Looked("repeated", 5, 17, 3, 1, 3, 4, 0, 3), Looked("one", 1, 1, 0), Looked("wide", 3, 257, 2, 2, 1),
        Timed(1), Timed(5), Compared(1), Compared(17), Compared(257), Compared(5000),
        ComparedByRow(1, 1), ComparedByRow(3, 17), ComparedByRow(2, 257), ComparedByRow(3, 5000)
    ];

    private static string Label(Shape image, int patch) => $"{NormCases.Label(image)}_by_{patch}";

    private static OperationCase Patchified(Shape image, int patch) => new($"patchify_{Label(image, patch)}", typeof(Patches), nameof(Differentiable.Patchify))
    {
        Inputs = [Single("image", image)],
        Forward = run => run.Tape.Patchify(run["image"], patch, run.Storage),
        Oracle = at => Exact.Patchify(at["image"], image[1], image[2], image[3], patch),
        ForwardTolerance = Tolerances.Exact,
        GradientTolerance = Tolerances.Once,
        StorageTolerance = Tolerances.BFloat16
    };

    private static OperationCase InPixels(Shape image, int patch) => new($"to_pixels_{Label(image, patch)}", typeof(Patches), nameof(Differentiable.ToPixels))
    {
        Inputs = [Single("image", image)],
        Forward = run => run.Tape.ToPixels(run["image"], patch, run.Storage),
        Oracle = at => Exact.PixelRows(at["image"], image[1], image[2], image[3], patch),
        ForwardTolerance = Tolerances.Exact,
        GradientTolerance = Tolerances.Once,
        StorageTolerance = Tolerances.BFloat16
    };

    private static OperationCase AsImage(Shape image, int patch)
    {
        int tokens = image[0] * (image[2] / patch) * (image[3] / patch);
        return new($"to_image_{Label(image, patch)}", typeof(Patches), nameof(Differentiable.ToImage))
        {
            Inputs = [Activation("pixels", [tokens, patch * patch, image[1]]) with { Shared = false }],
            Forward = run => run.Tape.ToImage(run["pixels"], patch, image),
            Oracle = at => Exact.PixelImage(at["pixels"], image[1], image[2], image[3], patch),
            ForwardTolerance = Tolerances.Exact,
            GradientTolerance = Tolerances.Once,
            StorageTolerance = Tolerances.BFloat16
        };
    }

    private static OperationCase Placed(int batch, int width, int height, int across, int patch)
        => new($"add_positions_{batch}x{width}_{height}x{across}_by_{patch}", typeof(AddPositions), nameof(Differentiable.AddPositions))
        {
            Inputs = [Activation("x", [batch * height * across, width])],
            Forward = run => run.Tape.AddPositions(run["x"], run.Own(AddPositions.Table(run.Device, width, height, across, patch))),
            Oracle = at =>
            {
                double[] positions = Exact.PixelPositions(width, height, across, patch);
                return [.. at["x"].Select((x, i) => x + positions[i % positions.Length])];
            },
            ForwardTolerance = Tolerances.Once,
            GradientTolerance = Tolerances.Once,
            StorageTolerance = Tolerances.BFloat16
        };

    private static OperationCase Looked(string name, int classes, int width, params int[] labels) => new($"embedding_{name}", typeof(Embedding), nameof(Differentiable.Embedding))
    {
        Inputs = [Parameter("table", [classes, width]), Classes("labels", labels)],
        Forward = run => run.Tape.Embedding(run.Parameter("table"), run.Tensor("labels")),
        Oracle = at => Exact.Embedding(at["table"], at.Labels("labels"), width),
        ForwardTolerance = Tolerances.Exact,
        GradientTolerance = Tolerances.Once
    };

    private static OperationCase Timed(int batch) => new($"timestep_embedding_{batch}", typeof(TimestepEmbedding), nameof(Differentiable.TimestepEmbedding))
    {
        Inputs = [Constant("t", [batch]) with { Draw = random => random.NextDouble() }],
        Forward = run => run.Tape.TimestepEmbedding(run.Tensor("t"), run.Own(run.Device.Upload(TimestepEmbedding.FrequencyTable(), [TimestepEmbedding.Frequencies]))),
        Oracle = at => Exact.TimestepEmbedding(at["t"]),
        ForwardTolerance = new(4e-7, "a frequency's exponent, the frequency and the angle are each rounded to float32, and the formula adds 1.2e-7")
    };

    private static OperationCase ComparedByRow(int rows, int width) => new($"mean_squared_error_of_rows_{rows}x{width}", typeof(MeanSquaredError))
    {
        Inputs = [Constant("x", [rows, width]), Constant("target", [rows, width])],
        Forward = run =>
        {
            var y = run.Output([rows]);
            MeanSquaredError.EachRow(run.Tensor("x"), run.Tensor("target"), y.Value);
            return y;
        },
        Oracle = at => [.. at["x"].Chunk(width).Zip(at["target"].Chunk(width), Exact.MeanSquaredError)],
        ForwardTolerance = Tolerances.Row
    };

    private static OperationCase Compared(int count) => new($"mean_squared_error_{count}", typeof(MeanSquaredError), nameof(Differentiable.MeanSquaredError))
    {
        Inputs = [Single("x", [count]) with { Shared = false }, Constant("target", [count])],
        Forward = run => run.Tape.MeanSquaredError(run["x"], run.Tensor("target")),
        Oracle = at => [Exact.MeanSquaredError(at["x"], at["target"])],
        ForwardTolerance = Tolerances.Row,
        GradientTolerance = Tolerances.Row
    };
}
