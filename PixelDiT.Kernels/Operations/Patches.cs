using ILGPU;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// The two orders in which the model reads an image [B, C, H, W] cut into patches of p×p, tokens row-major (SPEC §3.1, §3.5, §3.6):
/// <code>
/// patches    [B, L, C·P]    feature c·P + py·p + px (channel-major)
/// pixels     [B·L·P, C]     row (token·P + py·p + px): a pixel's channels side by side
/// </code>
/// Both are permutations, so the backward of reading is writing and the other way round.
/// </summary>
public static class Patches
{
    /// <summary>Image → patches [B, L, C·P].</summary>
    public static void ToPatches(Tensor image, int patch, Tensor patches) => Run(image, patches, Order.Channels(image.Shape, patch), toImage: false, accumulate: false);

    /// <summary>Patches → image, written or added to.</summary>
    public static void FromPatches(Tensor patches, int patch, Tensor image, bool accumulate) => Run(image, patches, Order.Channels(image.Shape, patch), toImage: true, accumulate);

    /// <summary>Image → pixel rows [B·L·P, C].</summary>
    public static void ToPixels(Tensor image, int patch, Tensor pixels) => Run(image, pixels, Order.Pixels(image.Shape, patch), toImage: false, accumulate: false);

    /// <summary>Pixel rows → image, written or added to.</summary>
    public static void FromPixels(Tensor pixels, int patch, Tensor image, bool accumulate) => Run(image, pixels, Order.Pixels(image.Shape, patch), toImage: true, accumulate);

    private static void Run(Tensor image, Tensor tokens, Order order, bool toImage, bool accumulate)
    {
        if (image.Count != tokens.Count) throw new ShapeException($"an image {image.Shape} and its tokens {tokens.Shape} differ in count");
        if (tokens.Type == ElementType.BFloat16) Run<BFloat16>(image, tokens, order, toImage, accumulate);
        else Run<Single32>(image, tokens, order, toImage, accumulate);
    }

    private static void Run<T>(Tensor image, Tensor tokens, Order order, bool toImage, bool accumulate) where T : unmanaged, IStorage<T>
        => image.Device.Launch(new Kernel<T>(image.View<float>(), tokens.View<T>(), order, toImage ? 1 : 0, accumulate ? 1 : 0), order.Tokens, 64);

    /// <summary>The sizes of an image cut into patches, and where a pixel's channel lies inside a token.</summary>
    internal readonly struct Order
    {
        private readonly int _channels, _height, _width, _patch, _channelStride, _rowStride, _columnStride;

        private Order(Shape image, int patch, int channelStride, int rowStride, int columnStride)
        {
            if (image.Rank != 4) throw new ShapeException($"an image is [B, C, H, W]; {image} was given");
            (_channels, _height, _width, _patch) = (image[1], image[2], image[3], patch);
            if (_height % patch != 0 || _width % patch != 0) throw new ShapeException($"an image of {_height}×{_width} cannot be cut into patches of {patch}×{patch}");
            (_channelStride, _rowStride, _columnStride) = (channelStride, rowStride, columnStride);
            Tokens = image[0] * (_height / patch) * (_width / patch);
        }

        public int Tokens { get; }

        public int Features => _channels * _patch * _patch;

        public static Order Channels(Shape image, int patch) => new(image, patch, patch * patch, patch, 1);

        public static Order Pixels(Shape image, int patch) => new(image, patch, 1, patch * image[1], image[1]);

        /// <summary>The image's element that is number <paramref name="feature"/> of the patch in channel-major order, and its place inside the token.</summary>
        public long Image(int token, int feature, out int place)
        {
            int across = _width / _patch, perImage = across * (_height / _patch), area = _patch * _patch;
            int image = token / perImage, cell = token - (image * perImage), c = feature / area, inside = feature - (c * area);
            int py = inside / _patch, px = inside - (py * _patch), y = (cell / across * _patch) + py, x = (cell % across * _patch) + px;
            place = (c * _channelStride) + (py * _rowStride) + (px * _columnStride);
            return ((((((long)image * _channels) + c) * _height) + y) * _width) + x;
        }
    }

    internal readonly struct Kernel<T>(ArrayView<float> image, ArrayView<T> tokens, Order order, int toImage, int accumulate) : IKernel where T : unmanaged, IStorage<T>
    {
        private readonly ArrayView<float> _image = image;
        private readonly ArrayView<T> _tokens = tokens;
        private readonly Order _order = order;
        private readonly int _toImage = toImage, _accumulate = accumulate;

        public void Run(int token, int lane, int lanes)
        {
            int features = _order.Features;
            for (int feature = lane; feature < features; feature += lanes)
            {
                long pixel = _order.Image(token, feature, out int place), element = ((long)token * features) + place;
                if (_toImage == 0) Lane.Write(_tokens, element, Lane.Read(_image, pixel));
                else
                {
                    float value = Lane.Read(_tokens, element);
                    if (_accumulate != 0) value += Lane.Read(_image, pixel);
                    Lane.Write(_image, pixel, value);
                }
            }
        }
    }
}
