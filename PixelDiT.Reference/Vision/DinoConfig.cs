using PixelDiT.Kernels;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Reference.Vision;

/// <summary>The sizes of a DINOv2 vision transformer. ViT-B/14 has width 768, 12 blocks, 12 heads, patches of 14 pixels and a position table for 37×37 patches.</summary>
/// <param name="Width">D.</param>
/// <param name="Depth">Blocks.</param>
/// <param name="Heads">Heads of attention; they divide D.</param>
/// <param name="Patch">The side of a patch in pixels.</param>
/// <param name="Grid">M: the stored position table has a class row and M×M patch rows.</param>
/// <param name="Inner">The inner width of the MLP.</param>
public sealed record DinoConfig(int Width, int Depth, int Heads, int Patch, int Grid, int Inner)
{
    /// <summary>Channels of a head in every published DINOv2.</summary>
    public const int HeadWidth = 64;

    /// <summary>Checks that the sizes fit each other.</summary>
    /// <exception cref="ConfigurationException">They do not.</exception>
    public DinoConfig Validate()
    {
        if (Width < 1 || Depth < 1 || Patch < 1 || Grid < 1 || Inner < 1 || Heads < 1) throw new ConfigurationException($"the sizes of a vision transformer are {this}; all must be at least 1");
        if (Width % Heads != 0 || Width / Heads % 4 != 0) throw new ConfigurationException($"a vision transformer of width {Width} has {Heads} heads; they must divide it into multiples of 4");
        return this;
    }

    /// <summary>The released names and shapes, in the order of the file; <c>mask_token</c>, which a forward does not use, is none of them.</summary>
    internal IEnumerable<(string Name, Shape Shape)> Shapes()
    {
        yield return ("cls_token", [1, 1, Width]);
        yield return ("pos_embed", [1, 1 + (Grid * Grid), Width]);
        yield return ("patch_embed.proj.weight", [Width, 3, Patch, Patch]);
        yield return ("patch_embed.proj.bias", [Width]);
        for (int i = 0; i < Depth; i++)
        {
            string at = $"blocks.{i}.";
            yield return ($"{at}norm1.weight", [Width]);
            yield return ($"{at}norm1.bias", [Width]);
            yield return ($"{at}attn.qkv.weight", [3 * Width, Width]);
            yield return ($"{at}attn.qkv.bias", [3 * Width]);
            yield return ($"{at}attn.proj.weight", [Width, Width]);
            yield return ($"{at}attn.proj.bias", [Width]);
            yield return ($"{at}ls1.gamma", [Width]);
            yield return ($"{at}norm2.weight", [Width]);
            yield return ($"{at}norm2.bias", [Width]);
            yield return ($"{at}mlp.fc1.weight", [Inner, Width]);
            yield return ($"{at}mlp.fc1.bias", [Inner]);
            yield return ($"{at}mlp.fc2.weight", [Width, Inner]);
            yield return ($"{at}mlp.fc2.bias", [Width]);
            yield return ($"{at}ls2.gamma", [Width]);
        }
        yield return ("norm.weight", [Width]);
        yield return ("norm.bias", [Width]);
    }
}
