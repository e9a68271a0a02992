using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Convolutions;

/// <summary>The window of a convolution or a pooling, which moves over an image [B, H, W, C]: output pixel (y, x) sees the input pixels (y·stride + i − padY, x·stride + j − padX), i below <paramref name="Height"/> and j below <paramref name="Width"/>.</summary>
/// <param name="Height">Rows of the window, at least 1.</param>
/// <param name="Width">Columns of the window, at least 1.</param>
/// <param name="Stride">Input pixels from a window to the next, both ways; at least 1.</param>
/// <param name="PadY">Rows of padding above and below, less than <paramref name="Height"/>.</param>
/// <param name="PadX">Columns of padding on the left and on the right, less than <paramref name="Width"/>.</param>
public readonly record struct Window(int Height, int Width, int Stride = 1, int PadY = 0, int PadX = 0)
{
    /// <summary>Pixels of the window.</summary>
    public int Area => Height * Width;

    /// <summary>The image that the window's places make, [B, H′, W′, channels].</summary>
    /// <param name="image">[B, H, W, C].</param>
    /// <param name="channels">The output's channels.</param>
    /// <exception cref="ShapeException">The image has no four dimensions, the window is out of range, or it does not fit into the image.</exception>
    public Shape Output(Shape image, int channels)
    {
        if (image.Rank != 4) throw new ShapeException($"an image is [B, H, W, C]; {image} was given");
        if (Height < 1 || Width < 1 || Stride < 1 || PadY < 0 || PadX < 0 || PadY >= Height || PadX >= Width)
        {
            throw new ShapeException($"a window of {Height}×{Width} with stride {Stride} and padding {PadY}, {PadX}; sides and stride of 1 or more and padding below the sides were expected");
        }
        if (image[1] + (2 * PadY) < Height || image[2] + (2 * PadX) < Width) throw new ShapeException($"a window of {Height}×{Width} with padding {PadY}, {PadX} does not fit into an image {image}");
        return [image[0], ((image[1] + (2 * PadY) - Height) / Stride) + 1, ((image[2] + (2 * PadX) - Width) / Stride) + 1, channels];
    }
}

/// <summary>A window over an image of certain sizes, as kernels take it.</summary>
internal readonly struct WindowPlaces(Window window, Shape image, Shape output)
{
    private readonly int _height = image[1], _width = image[2], _channels = image[3];
    private readonly int _rows = window.Height, _columns = window.Width, _stride = window.Stride, _padY = window.PadY, _padX = window.PadX;
    private readonly int _perImage = output[1] * output[2], _across = output[2];

    /// <summary>C.</summary>
    public int Channels => _channels;

    /// <summary>Rows of the window.</summary>
    public int Rows => _rows;

    /// <summary>Columns of the window.</summary>
    public int Columns => _columns;

    /// <summary>Where the window of an output pixel lies: its image, and the input row and column of its corner, which may lie in the padding.</summary>
    public int Corner(int pixel, out int y, out int x)
    {
        int image = pixel / _perImage, place = pixel - (image * _perImage), row = place / _across;
        y = (row * _stride) - _padY;
        x = ((place - (row * _across)) * _stride) - _padX;
        return image;
    }

    /// <summary>Whether an input row lies in the image and not in the padding.</summary>
    public bool HasRow(int y) => y >= 0 && y < _height;

    /// <summary>The window's first row or column that lies in the image.</summary>
    public static int First(int corner) => corner < 0 ? -corner : 0;

    /// <summary>Behind the window's last row that lies in the image.</summary>
    public int EndRow(int corner) => corner + _rows > _height ? _height - corner : _rows;

    /// <summary>Behind the window's last column that lies in the image.</summary>
    public int EndColumn(int corner) => corner + _columns > _width ? _width - corner : _columns;

    /// <summary>The first channel of an input pixel.</summary>
    public long Pixel(int image, int y, int x) => ((((long)image * _height) + y) * _width + x) * _channels;
}
