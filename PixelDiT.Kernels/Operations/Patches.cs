using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
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

        /// <summary>C·P, the elements of a token.</summary>
        public int Features => _channels * _patch * _patch;

        /// <summary>Rows of pixels in a token: C·p.</summary>
        public int Runs => _channels * _patch;

        /// <summary>Pixels in a row: p.</summary>
        public int RunLength => _patch;

        /// <summary>From a pixel of a row to the next inside the token.</summary>
        public int ColumnStride => _columnStride;

        public static Order Channels(Shape image, int patch) => new(image, patch, patch * patch, patch, 1);

        public static Order Pixels(Shape image, int patch) => new(image, patch, 1, patch * image[1], image[1]);

        /// <summary>The image's first element of a token's row of pixels (channel after channel, top to bottom), and its place inside the token.</summary>
        public long Image(int token, int run, out int place)
        {
            int across = _width / _patch, perImage = across * (_height / _patch);
            int image = token / perImage, cell = token - (image * perImage), c = run / _patch, py = run - (c * _patch);
            int y = (cell / across * _patch) + py, x = cell % across * _patch;
            place = (c * _channelStride) + (py * _rowStride);
            return ((((((long)image * _channels) + c) * _height) + y) * _width) + x;
        }
    }

    internal readonly struct Kernel<T>(DeviceView<float> image, DeviceView<T> tokens, Order order, int toImage, int accumulate) : IRowKernel where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<float> _image = image;
        private readonly DeviceView<T> _tokens = tokens;
        private readonly Order _order = order;
        private readonly int _toImage = toImage, _accumulate = accumulate;

        public void Run(int token, int lane, int lanes)
        {
            long first = (long)token * _order.Features;
            for (int run = lane; run < _order.Runs; run += lanes)
            {
                long pixel = _order.Image(token, run, out int place);
                for (int x = 0; x < _order.RunLength; x++)
                {
                    long element = first + place + (x * _order.ColumnStride);
                    if (_toImage == 0) Scalar.Write(_tokens, element, Scalar.Read(_image, pixel + x));
                    else
                    {
                        float value = Scalar.Read(_tokens, element);
                        if (_accumulate != 0) value += Scalar.Read(_image, pixel + x);
                        Scalar.Write(_image, pixel + x, value);
                    }
                }
            }
        }
    }
}
