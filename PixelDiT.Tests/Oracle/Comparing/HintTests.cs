using NUnit.Framework;
using PixelDiT.Reference.Oracle;
using PixelDiT.Reference.Oracle.Comparing;
using static PixelDiT.Tests.Oracle.Comparing.HintFound;

namespace PixelDiT.Tests.Oracle.Comparing;

/// <summary>Each fault that hints know, planted in the weights or the trace of a real model: the first wrong tensor is named, and what is wrong with it.</summary>
public sealed class HintTests
{
    // A patch in another order under the same weight is the same patch under a weight whose inputs are in another order.
    [TestCase("pixel row, pixel column, channel", 2, 0, 1)]
    [TestCase("pixel column, pixel row, channel", 2, 1, 0)]
    [TestCase("channel, pixel column, pixel row", 0, 2, 1)]
    public void Patches_in_another_order(string order, int channelAt, int rowAt, int columnAt)
    {
        int[] sizes = new int[3];
        (sizes[channelAt], sizes[rowAt], sizes[columnAt]) = (3, 4, 4);
        var b = GoldenTraces.Run("c2i", parameters => parameters.Change("s_embedder.proj.weight", weight =>
        {
            float[] changed = new float[weight.Length];
            for (int i = 0; i < weight.Length; i++)
            {
                int[] index = TensorAxes.Index(sizes, i % 48);
                changed[(i / 48 * 48) + (index[channelAt] * 16) + (index[rowAt] * 4) + index[columnAt]] = weight[i];
            }
            return changed;
        }));
        Found(b, "act.s_embedder", $"flattens patches in the order ({order})", GoldenTraces.Model());
    }

    [TestCase("q", 0)]
    [TestCase("k", 1)]
    public void Queries_or_keys_without_rotation(string name, int part)
    {
        var right = GoldenTraces.Right();
        double[] plain = Exact.RmsNorm(Exact.Part(right.ReadDoubles("act.patch_blocks.1.attn.qkv"), part, 32), GoldenTraces.Parameter($"patch_blocks.1.attn.{name}_norm.weight"));
        Found(right.With($"act.patch_blocks.1.attn.{name}", _ => plain), $"act.patch_blocks.1.attn.{name}", "leaves out the rotation by RoPE");
    }

    [TestCase("halves", "pairs channel i with channel i + hd/2")]
    [TestCase("swapped", "takes token rows for columns")]
    [TestCase("reversed", "in the opposite direction")]
    [TestCase("counted", "counts tokens 0, 1, 2")]
    [TestCase("period", "turns the right pairs of RoPE by other angles")]
    [TestCase("ends", "keeps the length of every row")]
    public void Queries_rotated_otherwise(string how, string hint)
    {
        var right = GoldenTraces.Right("c2i_rect_post");
        const int rows = 4, columns = 6, heads = 2, head = 12;
        double[] q = Exact.RmsNorm(Exact.Part(right.ReadDoubles("act.patch_blocks.0.attn.qkv"), 0, heads * head), GoldenTraces.Parameter("patch_blocks.0.attn.q_norm.weight", "c2i_rect_post"));
        for (int row = 0; row < q.Length; row += head)
        {
            int token = row / (heads * head) % (rows * columns);
            double x = 16.0 * (token % columns) / (columns - 1), y = 16.0 * (token / columns) / (rows - 1);
            for (int pair = 0; pair < head / 2; pair++)
            {
                double period = how == "period" ? 100 : 10000, position = (pair % 2 == 0) != (how == "swapped") ? x : y;
                if (how == "counted") position = pair % 2 == 0 ? token % columns : token / columns;
                double angle = (how == "reversed" ? -position : position) * Math.Pow(period, -4.0 * (pair / 2) / head);
                var (i, j) = how == "halves" ? (row + pair, row + pair + (head / 2)) : how == "ends" ? (row + pair, row + head - 1 - pair) : (row + (2 * pair), row + (2 * pair) + 1);
                (q[i], q[j]) = ((q[i] * Math.Cos(angle)) - (q[j] * Math.Sin(angle)), (q[i] * Math.Sin(angle)) + (q[j] * Math.Cos(angle)));
            }
        }
        Found(right.With("act.patch_blocks.0.attn.q", _ => q), "act.patch_blocks.0.attn.q", hint, a: right);
    }

    [Test]
    public void A_block_without_rotation_is_found_from_its_output_alone()
    {
        var stages = GoldenTraces.Right().Stages();
        Found(PortWithFaults.PatchBlock(stages, rotate: false), "act.patch_blocks.0", "leaves out the rotation by RoPE", GoldenTraces.Model(), stages);
    }

    [Test]
    public void The_port_without_its_fault_agrees()
    {
        var stages = GoldenTraces.Right().Stages();
        Assert.That(GoldenTraces.Compare(stages, PortWithFaults.PatchBlock(stages, rotate: true)).First, Is.Null);
    }

    [Test]
    public void One_modulation_for_all_pixels_of_a_patch()
    {
        var b = GoldenTraces.OneModulation();
        const string hint = "gives all pixels of a patch the same modulation";
        Found(b, "act.pixel_blocks.0.modulation", hint);
        Found(b.Where(name => name != "act.pixel_blocks.0.modulation"), "act.pixel_blocks.0.modulated1", hint);
        Found(b.Stages(), "act.pixel_blocks.0", hint, GoldenTraces.Model());

        double[] values = b.ReadDoubles("act.pixel_blocks.0.modulation");
        double[] once = [.. values.Where((_, i) => i / 48 % 16 == 0)];
        Found(b.With("act.pixel_blocks.0.modulation", [32, 48], once), "act.pixel_blocks.0.modulation", hint);
    }

    [TestCase("pixel", "leaves t_emb out", "pixel_blocks.0.modulation")]
    [TestCase("pixel-sum", "leaves SiLU out", "pixel_blocks.0.modulation")]
    [TestCase("pixel-parts", "takes the SiLU of the parts", "pixel_blocks.0.modulation")]
    [TestCase("patch", "leaves y_emb out", "patch_blocks.0.modulation")]
    [TestCase("patch-sum", "leaves SiLU out", "patch_blocks.0.modulation")]
    public void A_condition_without_one_of_its_parts(string fault, string hint, string modulation)
    {
        var right = GoldenTraces.Right();
        double[] t = right.ReadDoubles("act.t_embedder"), y = right.ReadDoubles("act.y_embedder"), s = right.ReadDoubles("act.patch_blocks.1");
        double T(int i) => t[(i / 512 * 32) + (i % 32)];
        double[] condition = fault switch
        {
            "pixel" => Exact.Silu(s),
            "pixel-sum" => [.. s.Select((value, i) => value + T(i))],
            "pixel-parts" => [.. s.Select((value, i) => (value / (1 + Math.Exp(-value))) + (T(i) / (1 + Math.Exp(-T(i)))))],
            "patch" => Exact.Silu(t),
            _ => [.. t.Zip(y, (a, b) => a + b)]
        };
        string level = fault[..5];
        Found(right.With($"act.{level}_condition", _ => condition), $"act.{level}_condition", hint);

        double[] weight = GoldenTraces.Parameter($"{level}_blocks.0.adaLN_modulation.0.weight"), bias = GoldenTraces.Parameter($"{level}_blocks.0.adaLN_modulation.0.bias");
        double[] wrong = Exact.Linear(condition, weight, bias, 32, bias.Length);
        Found(right.Where(name => !name.EndsWith("condition")).With($"act.{modulation}", _ => wrong), $"act.{modulation}", hint, GoldenTraces.Model());
    }

    [Test]
    public void A_pixel_block_without_time_is_found_from_its_output_alone()
    {
        var stages = GoldenTraces.Right().Stages();
        double[] block = ExactLayers.PixelBlock(stages.ReadDoubles("act.pixel_embedder"), Exact.Silu(stages.ReadDoubles("act.patch_blocks.1")),
            name => GoldenTraces.Parameter($"pixel_blocks.0.{name}"), Exact.RopeTable(8, 4, 4), GoldenTraces.Config());
        Found(stages.With("act.pixel_blocks.0", _ => block), "act.pixel_blocks.0", "leaves t_emb out of the condition of pixel blocks", GoldenTraces.Model(), stages);
    }

    [TestCase(false, "leaves out the position embedding")]
    [TestCase(true, "exchanges x and y in the position embedding")]
    public void Pixels_without_their_positions(bool exchanged, string hint)
    {
        var right = GoldenTraces.Right();
        double[] positions = Exact.PixelPositions(8, 16, 16, 4);
        double Wrong(int i) => exchanged ? positions[((i / 8 * 8) + ((i + 4) % 8)) % positions.Length] : 0;
        Found(right.With("act.pixel_embedder", u => [.. u.Select((value, i) => value - positions[i % positions.Length] + Wrong(i))]), "act.pixel_embedder", hint);
    }
}
