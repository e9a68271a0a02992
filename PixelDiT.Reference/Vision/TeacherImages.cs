using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations.Vision;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Vision;

/// <summary>
/// Prepares a training run's images for the teacher: from [−1, 1] to [0, 1], by ImageNet's mean and deviation, and bicubic to the teacher's size without averaging. The class trainer normalises before it resizes
/// and the text trainer after; weights of a resizing sum to one, so both are this up to rounding.
/// </summary>
/// <param name="device">Where the images are.</param>
internal sealed class TeacherImages(Device device) : IDisposable
{
    /// <summary>The side of the text trainer's teacher images.</summary>
    public const int TextSide = 224;

    private static readonly double[] s_mean = [0.485, 0.456, 0.406], s_deviation = [0.229, 0.224, 0.225];

    private readonly Tensor _factors = device.Upload([.. s_deviation.Select(deviation => (float)(0.5 / deviation))], [3]);
    private readonly Tensor _offsets = device.Upload([.. s_deviation.Zip(s_mean, (deviation, mean) => (float)((0.5 - mean) / deviation))], [3]);
    private readonly Dictionary<(int From, int To), (Tensor Places, Tensor Weights)> _places = [];

    /// <summary>The size of the class trainer's teacher images: ⌊14·H/p⌋, so that the teacher has as many patches as the student, where p divides H.</summary>
    /// <param name="side">H or W.</param>
    /// <param name="patch">p of the student.</param>
    /// <param name="teacherPatch">14.</param>
    public static int ClassSide(int side, int patch, int teacherPatch) => checked((int)((long)teacherPatch * side / patch));

    /// <summary>Prepares images.</summary>
    /// <param name="images">[B, 3, H, W] in [−1, 1].</param>
    /// <param name="prepared">Receives them, [B, 3, H', W'].</param>
    /// <exception cref="ShapeException">The images have other channels, or the batches differ.</exception>
    public void Forward(Tensor images, Tensor prepared)
    {
        if (images.Shape.Rank != 4 || images.Shape[1] != 3) throw new ShapeException($"images are {images.Shape}; a teacher takes three channels");
        BicubicResize.Forward(images, Places(images.Shape[2], prepared.Shape[2]), Places(images.Shape[3], prepared.Shape[3]), _factors, _offsets, prepared);
    }

    private (Tensor Places, Tensor Weights) Places(int from, int to)
    {
        if (_places.TryGetValue((from, to), out var known)) return known;
        var (places, weights) = TorchBicubic.Places(from, to);
        return _places[(from, to)] = (device.Upload(places, [places.Length]), device.Upload(weights, [weights.Length]));
    }

    /// <summary>Frees the tables.</summary>
    public void Dispose()
    {
        foreach (var (places, weights) in _places.Values)
        {
            places.Dispose();
            weights.Dispose();
        }
        _places.Clear();
        _factors.Dispose();
        _offsets.Dispose();
    }
}
