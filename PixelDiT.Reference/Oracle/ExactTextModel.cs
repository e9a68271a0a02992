using PixelDiT.Kernels;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Oracle;

/// <summary>The text-to-image PixelDiT in double precision (SPEC §6): what the fast model is compared with.</summary>
/// <param name="config">The sizes of the model.</param>
/// <param name="parameter">A parameter by its released name, without <c>core.</c>, row-major; may be asked for again.</param>
/// <exception cref="ConfigurationException">The sizes do not fit each other, or are those of a class model.</exception>
public sealed class ExactTextModel(ModelConfig config, Func<string, double[]> parameter)
{
    private readonly ModelConfig _config = config.IsText ? config.Validate() : throw new ConfigurationException("the sizes of a text-to-image model were expected");

    /// <summary>ε − x as the model has it.</summary>
    /// <param name="x">[B, C, H, W]</param>
    /// <param name="t">[B], the model's time, from 0 (data) to 1000 (noise)</param>
    /// <param name="text">[B, n, width], an encoder's states; the first tokens are used where they are more than the model takes</param>
    /// <param name="height">H, a multiple of p.</param>
    /// <param name="width">W, a multiple of p.</param>
    /// <param name="stage">Called with the output of every stage as it is made; those of a block are its image stream (.x) and its text stream (.y).</param>
    /// <returns>[B, C, H, W]</returns>
    /// <exception cref="ShapeException">An input or a parameter has another length than the sizes say.</exception>
    public double[] Forward(double[] x, double[] t, double[] text, int height, int width, Action<string, double[]>? stage = null)
    {
        int B = t.Length, C = _config.Channels, D = _config.Hidden, p = _config.Patch, gridHeight = height / p, gridWidth = width / p, L = gridHeight * gridWidth;
        if (x.Length != (long)B * C * height * width || text.Length == 0 || text.Length % (B * _config.TextWidth) != 0)
            throw new ShapeException($"x has {x.Length} values and the text {text.Length}; {B} images {C}x{height}x{width} and as many texts of width {_config.TextWidth} were expected");
        int given = text.Length / B / _config.TextWidth, n = Math.Min(given, _config.TextTokens);

        double[] tEmb = Told("t_embedder", ExactLayers.TimestepEmbedder(t, parameter.Under("t_embedder"), D));                                  // [B, D]
        double[] c = Exact.Silu(tEmb);                                                                                                          // [B, D]
        var (words, _) = Exact.Part(text, B, (long)n * _config.TextWidth);                                                                      // [B, n, width]
        double[] y = ExactLayers.Linear(words, parameter.Under("y_embedder.proj"), _config.TextWidth);                                          // [B, n, D]
        y = Told("y_embedder", Exact.RmsNorm(y, parameter("y_embedder.norm.weight")));
        double[] positions = parameter("y_pos_embedding");                                                                                      // [1, N, D]
        y = [.. y.Select((value, i) => value + positions[i % (n * D)])];
        double[] s = ExactLayers.Linear(Exact.Patchify(x, C, height, width, p), parameter.Under("s_embedder.proj"), C * _config.PatchPixels);     // [B, L, D]
        Told("s_embedder", s);
        double[] grid = Exact.RopeTable(_config.HeadWidth, gridHeight, gridWidth), line = Exact.TextRopeTable(_config.HeadWidth, n, _config.TextRope ? _config.TextRopeTheta : null);
        for (int i = 0; i < _config.PatchDepth; i++)
        {
            (s, y) = ExactLayers.MmDitBlock(s, y, c, parameter.Under($"patch_blocks.{i}"), grid, line, _config);
            Told($"patch_blocks.{i}.x", s);
            Told($"patch_blocks.{i}.y", y);
        }

        if (!_config.HasPixelLevel) return Exact.PixelImage(Told("final_layer", ExactLayers.PatchHead(s, c, parameter.Under("final_layer"), _config)), C, height, width, p);     // [B, C, H, W]
        double[] sCond = Exact.AddSilu(s, tEmb, L, D);                                                                                          // [B·L, D]
        double[] u = Told("pixel_embedder", ExactLayers.PixelEmbedder(x, parameter.Under("pixel_embedder"), height, width, _config));            // [B·L, P, d]
        grid = ExactLayers.PixelRopeTable(_config, gridHeight, gridWidth);
        for (int j = 0; j < _config.PixelDepth; j++) u = Told($"pixel_blocks.{j}", ExactLayers.PixelBlock(u, sCond, parameter.Under($"pixel_blocks.{j}"), grid, _config));
        double[] pixels = Told("final_layer", ExactLayers.FinalLayer(u, parameter.Under("final_layer"), _config));                               // [B·L, P, C]
        return Exact.PixelImage(pixels, C, height, width, p);                                                                                   // [B, C, H, W]

        double[] Told(string name, double[] output)
        {
            stage?.Invoke(name, output);
            return output;
        }
    }
}
