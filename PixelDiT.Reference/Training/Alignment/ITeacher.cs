using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Reference.Training.Alignment;

/// <summary>Where a teacher's tokens come from: a network, or what it has stored.</summary>
public interface ITeacher : IDisposable
{
    /// <summary>What the run's identity records: equal for the same weights of the network.</summary>
    string Identity { get; }

    /// <summary>Channels of a token.</summary>
    int Width { get; }

    /// <summary>Tokens of an image.</summary>
    /// <param name="height">H of the student's image.</param>
    /// <param name="width">W.</param>
    int TokensOf(int height, int width);

    /// <summary>The device memory that the teacher takes at a batch, in bytes.</summary>
    /// <param name="batch">Images at a time.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    long BytesOf(int batch, int height, int width);

    /// <summary>The tokens of a batch.</summary>
    /// <param name="images">[B, C, H, W] in [−1, 1], as they are trained on.</param>
    /// <param name="places">[B]: which image of the source each is, and whether it is mirrored.</param>
    /// <returns>[B, tokens, width], float32; valid until the next call.</returns>
    /// <exception cref="Kernels.PixelDiTException">An image has no tokens.</exception>
    Tensor Encode(Tensor images, IReadOnlyList<(long Index, bool Mirrored)> places);
}
