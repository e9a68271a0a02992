using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Oracle;
using static PixelDiT.Tests.Operations.Input;

namespace PixelDiT.Tests.Operations;

/// <summary>What the text model adds: its tokens' places, and attention over a joint sequence in two tensors, seen from either output.</summary>
internal static class JointCases
{
    // Tiles of a CPU's forward have 64 queries, those of a GPU's 128: sequences part inside and at the edges of tiles.
    public static IEnumerable<OperationCase> All =>
    [
        .. new[] { false, true }.SelectMany<bool, OperationCase>(image =>
        [
            Joint(1, 1, 1, 1, 4, image), Joint(2, 3, 5, 2, 8, image), Joint(2, 17, 3, 1, 12, image), Joint(1, 64, 2, 1, 32, image), Joint(1, 3, 130, 2, 20, image), Joint(1, 5, 12, 1, 96, image)
        ]),
        Turned(1, 1, 1, 4, 10000), Turned(2, 17, 3, 12, 10000), Turned(1, 5, 1, 8, null),
        First(1, 1, 1, 1), First(2, 5, 3, 17), First(3, 4, 4, 8), Placed(1, 1, 1, 4), Placed(3, 5, 7, 12)
    ];

    private static OperationCase Joint(int batch, int words, int patches, int heads, int headWidth, bool image)
    {
        int row = heads * headWidth;
        // A softmax over one token is 1 whatever the score; the other stream's queries do not reach this output.
        bool alone = words + patches == 1;
        return new($"joint_attention_{(image ? "image" : "text")}_{batch}x{words}+{patches}x{heads}x{headWidth}", typeof(Attention), nameof(Differentiable.JointAttention))
        {
            Inputs =
            [
                Activation("qt", [batch, words, heads, headWidth]) with { Shared = false, Vanishes = alone || image }, Activation("kt", [batch, words, heads, headWidth]) with { Shared = false, Vanishes = alone },
                Activation("qkvt", [batch, words, 3, heads, headWidth]).InParts() with { Written = i => i / row % 3 == 2 },
                Activation("qi", [batch, patches, heads, headWidth]) with { Shared = false, Vanishes = alone || !image }, Activation("ki", [batch, patches, heads, headWidth]) with { Shared = false, Vanishes = alone },
                Activation("qkvi", [batch, patches, 3, heads, headWidth]).InParts() with { Written = i => i / row % 3 == 2 }
            ],
            Forward = run =>
            {
                var (ofText, ofImage) = run.Tape.JointAttention((run["qt"], run["kt"], run["qkvt"]), (run["qi"], run["ki"], run["qkvi"]));
                return image ? ofImage : ofText;
            },
            Oracle = at =>
            {
                double[] q = Exact.Join(at["qt"], at["qi"], batch), k = Exact.Join(at["kt"], at["ki"], batch), v = Exact.Join(Exact.Part(at["qkvt"], 2, row), Exact.Part(at["qkvi"], 2, row), batch);
                var (ofText, ofImage) = Exact.Part(Exact.Attention(q, k, v, words + patches, heads, headWidth), batch, (long)words * row);
                return image ? ofImage : ofText;
            },
            ForwardTolerance = Tolerances.Softmax,
            GradientTolerance = Tolerances.Softmax,
            StorageTolerance = Tolerances.BFloat16Chain
        };
    }

    private static OperationCase Turned(int batch, int words, int heads, int headWidth, double? theta)
    {
        int row = heads * headWidth;
        return new($"norm_rotate_text_{batch}x{words}x{heads}x{headWidth}_{theta ?? 0}", typeof(NormRotate), nameof(Differentiable.NormRotate))
        {
            Inputs = [Activation("qkv", [batch, words, 3, heads, headWidth]).InParts() with { Written = i => i / row % 3 == 0 }, Parameter("w", [headWidth])],
            Forward = run => run.Tape.NormRotate(run["qkv"], 0, run.Parameter("w"), run.Own(RotaryTable.CreateText(run.Device, words, headWidth, theta))),
            Oracle = at => Exact.NormRotate(at["qkv"], 0, at["w"], Exact.TextRopeTable(headWidth, words, theta), words, heads, headWidth),
            ForwardTolerance = Tolerances.Rotation,
            GradientTolerance = Tolerances.Rotation,
            StorageTolerance = Tolerances.BFloat16
        };
    }

    private static OperationCase First(int batch, int words, int kept, int width) => new($"narrow_{batch}x{words}to{kept}x{width}", typeof(Narrow), nameof(Differentiable.Narrow))
    {
        Inputs = [Single("text", [batch, words, width]) with { Shared = false }],
        Forward = run => run.Tape.Narrow(run["text"], kept, run.Storage),
        Oracle = at => Exact.Part(at["text"], batch, (long)kept * width).First,
        ForwardTolerance = Tolerances.Exact,
        GradientTolerance = Tolerances.Once,
        StorageTolerance = Tolerances.BFloat16
    };

    private static OperationCase Placed(int batch, int words, int places, int width) => new($"add_text_positions_{batch}x{words}of{places}x{width}", typeof(AddPositions), nameof(Differentiable.AddPositions))
    {
        Inputs = [Activation("x", [batch, words, width]), Parameter("positions", [1, places, width])],
        Forward = run => run.Tape.AddPositions(run["x"], run.Parameter("positions")),
        Oracle = at => [.. at["x"].Select((x, i) => x + at["positions"][i % (words * width)])],
        ForwardTolerance = Tolerances.Once,
        GradientTolerance = Tolerances.Columns,
        StorageTolerance = Tolerances.BFloat16
    };
}
