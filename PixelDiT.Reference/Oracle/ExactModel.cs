using PixelDiT.Kernels;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Oracle;

/// <summary>
/// The class-conditional PixelDiT in double precision (SPEC §3): what the fast model is compared with. Parameters are asked for when they
/// are used and not kept, so a model larger than memory can be read from its file as it goes.
/// </summary>
/// <param name="config">The sizes of the model, also those of a pixel level with its own attention width and heads.</param>
/// <param name="parameter">A parameter by its released name (SPEC §3, Parameter names), row-major; may be asked for again.</param>
/// <exception cref="ConfigurationException">The sizes do not fit each other.</exception>
public sealed class ExactModel(ModelConfig config, Func<string, double[]> parameter)
{
    private readonly ModelConfig _config = config.Validate();

    /// <summary>v = model(x, t, y), the velocity from noise to data.</summary>
    /// <param name="x">[B, C, H, W], images on their way from noise to data</param>
    /// <param name="t">[B], from 0 (noise) to 1 (data)</param>
    /// <param name="y">[B], classes; <see cref="ModelConfig.NullClass"/> for none</param>
    /// <param name="height">H, a multiple of p.</param>
    /// <param name="width">W, a multiple of p.</param>
    /// <param name="stage">
    /// Called with the output of every stage as it is made, not to be changed: t_embedder [B, D], y_embedder [B, D], s_embedder [B, L, D],
    /// patch_blocks.i [B, L, D], pixel_embedder [B·L, P, d], pixel_blocks.j [B·L, P, d], final_layer [B·L, P, C]; without a pixel level none of its stages.
    /// </param>
    /// <returns>[B, C, H, W]</returns>
    /// <exception cref="ShapeException">
    /// An input or a parameter has another length than the sizes say, p does not divide the image, or there is no such class.
    /// </exception>
    public double[] Forward(double[] x, double[] t, int[] y, int height, int width, Action<string, double[]>? stage = null)
    {
        int B = t.Length, C = _config.Channels, D = _config.Hidden, p = _config.Patch;
        int gridHeight = height / p, gridWidth = width / p, L = gridHeight * gridWidth;
        long values = (long)B * C * height * width;
        if (y.Length != B || x.Length != values)
        {
            throw new ShapeException(
                $"x has {x.Length} values and y {y.Length}; for {B} times and {C}x{height}x{width} images, {values} and {B} were expected");
        }

        double[] patches = Exact.Patchify(x, C, height, width, p);                                                      // [B, L, C·P]
        double[] tEmb = Stage("t_embedder", at => ExactLayers.TimestepEmbedder(t, at, D));                              // [B, D]
        double[] yEmb = Stage("y_embedder", at => Exact.Embedding(at("embedding_table.weight"), y, D));                 // [B, D]
        double[] c = Exact.AddSilu(tEmb, yEmb, 1, D);                                                                   // [B, D]

        double[] s = Stage("s_embedder", at => ExactLayers.Linear(patches, at.Under("proj"), C * _config.PatchPixels));  // [B, L, D]
        double[] rope = Exact.RopeTable(_config.HeadWidth, gridHeight, gridWidth);                                       // [L, hd/2, 2]
        for (int i = 0; i < _config.PatchDepth; i++)
            s = Stage($"patch_blocks.{i}", at => ExactLayers.PatchBlock(s, c, at, rope, _config));                       // [B, L, D]
        if (!_config.HasPixelLevel) return Exact.PixelImage(Stage("final_layer", at => ExactLayers.PatchHead(s, c, at, _config)), C, height, width, p);   // [B, C, H, W]
        double[] sCond = Exact.AddSilu(s, tEmb, L, D);                                                                  // [B·L, D]

        double[] u = Stage("pixel_embedder", at => ExactLayers.PixelEmbedder(x, at, height, width, _config));            // [B·L, P, d]
        rope = ExactLayers.PixelRopeTable(_config, gridHeight, gridWidth);                                               // [L, A/heads/2, 2]
        for (int j = 0; j < _config.PixelDepth; j++)
            u = Stage($"pixel_blocks.{j}", at => ExactLayers.PixelBlock(u, sCond, at, rope, _config));                   // [B·L, P, d]

        double[] pixels = Stage("final_layer", at => ExactLayers.FinalLayer(u, at, _config));                            // [B·L, P, C]
        return Exact.PixelImage(pixels, C, height, width, p);                                                           // [B, C, H, W]

        double[] Stage(string name, Func<Func<string, double[]>, double[]> run)
        {
            double[] output = run(parameter.Under(name));
            stage?.Invoke(name, output);
            return output;
        }
    }
}
