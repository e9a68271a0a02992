using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Vision;

namespace PixelDiT.Reference.Training.Alignment;

/// <summary>A DINOv2 that sees each batch as it is trained on.</summary>
public sealed class DinoTeacher : ITeacher
{
    private readonly Device _device;
    private readonly DinoVisionTransformer _network;
    private readonly TeacherImages _images;
    private readonly int? _patch;
    private readonly int _atATime;
    private Tensor? _tokens;

    /// <summary>Takes the weights of a network to a device.</summary>
    /// <param name="device">Where it computes.</param>
    /// <param name="weights">The weights; may be closed afterwards.</param>
    /// <param name="patch">p of a class model, whose teacher has as many tokens as it; null for a text model, whose teacher sees 224×224.</param>
    /// <param name="precision">What products round to.</param>
    /// <param name="atATime">Images at a time, for less memory.</param>
    /// <param name="cancel">Ends the reading.</param>
    /// <exception cref="FileFormatException">The file cannot be read.</exception>
    /// <exception cref="DeviceException">The device is out of memory.</exception>
    public DinoTeacher(Device device, DinoWeights weights, int? patch, Precision precision, int atATime = 64, CancellationToken cancel = default)
    {
        (_device, _patch, _atATime) = (device, patch, atATime);
        Identity = weights.Hash(cancel);
        _network = new DinoVisionTransformer(device, weights) { Precision = precision };
        _images = new TeacherImages(device);
    }

    /// <inheritdoc/>
    public string Identity { get; }

    /// <inheritdoc/>
    public int Width => _network.Config.Width;

    /// <inheritdoc/>
    public int TokensOf(int height, int width) => Side(height) / _network.Config.Patch * (Side(width) / _network.Config.Patch);

    /// <inheritdoc/>
    public long BytesOf(int batch, int height, int width)
    {
        using var dry = Device.OpenDry();
        using var network = new DinoVisionTransformer(dry, _network.Config) { Precision = _network.Precision };
        int images = Math.Min(batch, _atATime);
        Shape prepared = [images, 3, Side(height), Side(width)];
        using Tensor x = dry.Allocate(prepared), tokens = dry.Allocate([images, TokensOf(height, width), Width]), all = dry.Allocate([batch, TokensOf(height, width), Width]);
        network.Forward(x, tokens);
        return dry.Arena.PeakBytes;
    }

    /// <inheritdoc/>
    public Tensor Encode(Tensor images, IReadOnlyList<(long Index, bool Mirrored)> places)
    {
        var (batch, height, width) = (images.Shape[0], images.Shape[2], images.Shape[3]);
        int length = TokensOf(height, width);
        Shape all = [batch, length, Width];
        if (_tokens is null || _tokens.Shape != all)
        {
            _tokens?.Dispose();
            _tokens = _device.Allocate(all);
        }
        for (int first = 0; first < batch; first += _atATime)
        {
            int count = Math.Min(_atATime, batch - first);
            using var prepared = _device.Allocate([count, 3, Side(height), Side(width)]);
            _images.Forward(images.Slice((long)first * images.Shape[1] * height * width, [count, images.Shape[1], height, width]), prepared);
            _network.Forward(prepared, _tokens.Slice((long)first * length * Width, [count, length, Width]));
        }
        return _tokens;
    }

    private int Side(int side) => _patch is { } patch ? TeacherImages.ClassSide(side, patch, _network.Config.Patch) : TeacherImages.TextSide;

    /// <summary>Frees the network.</summary>
    public void Dispose()
    {
        _tokens?.Dispose();
        _images.Dispose();
        _network.Dispose();
    }
}
