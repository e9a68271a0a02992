using PixelDiT.Kernels;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>Scaled and cut pictures: to the byte those of Pillow and of the trainers built on it; PyTorch's bicubic planes to rounding. They are computed on the host, whatever the device.</summary>
internal static class ResizeCases
{
    /// <summary>The folder of these cases.</summary>
    public const string Folder = "resize";

    /// <summary>PyTorch's bicubic planes, from 0 to 1: two independent implementations differ by 6e-6, from the float32 place in a slope of up to 1.5 a pixel.</summary>
    public const double BicubicTolerance = 2e-5;

    private const string In = ".in", Out = ".out", Resized = ".resized";

    /// <summary>Runs a case; null says that it is not known here.</summary>
    public static CaseResult? Run(string name, SafetensorsReader golden)
    {
        var comparison = new Comparison(name, golden);
        foreach (string tensor in golden.Tensors.Select(tensor => tensor.Name))
        {
            switch (name)
            {
                case "resize/adm_crop" when tensor.EndsWith(Out, StringComparison.Ordinal):
                    Bytes(tensor, expected => PillowCrop.Square(Read(golden, tensor.Replace(Out, In, StringComparison.Ordinal)), expected.Height));
                    break;
                case "resize/pil" when tensor.Split('.') is [var picture, var filter, _]:
                    Bytes(tensor, expected => PillowResize.Apply(Read(golden, picture), expected.Height, expected.Width, Enum.TryParse(filter, ignoreCase: true, out PillowFilter known) ? known : throw new FileFormatException($"{golden.Source}: {tensor} names no filter of Pillow")));
                    break;
                case "resize/text_loader" when tensor.EndsWith(Out, StringComparison.Ordinal):
                    Bytes(tensor, expected => TextLoader(tensor, expected.Height, expected.Width));
                    break;
                case "resize/text_loader" when tensor.EndsWith(Resized, StringComparison.Ordinal):
                    Bytes(tensor, expected => PillowResize.Apply(Read(golden, tensor.Replace(Resized, In, StringComparison.Ordinal)), expected.Height, expected.Width, IsShortSide(tensor) ? PillowFilter.Bilinear : PillowFilter.Bicubic));
                    break;
                case "resize/torch_bicubic" when tensor.EndsWith(Out, StringComparison.Ordinal):
                    comparison.Value(tensor, Bicubic(golden, tensor), BicubicTolerance);
                    break;
                default:
                    if (name is not ("resize/adm_crop" or "resize/pil" or "resize/text_loader" or "resize/torch_bicubic")) return null;
                    break;
            }
        }
        return comparison.Result();

        void Bytes(string tensor, Func<Picture, Picture> compute)
        {
            var expected = Read(golden, tensor);
            var actual = compute(expected);
            if (actual.Pixels.Length != expected.Pixels.Length) throw new ShapeException($"{golden.Source}: {tensor} has {expected.Height} × {expected.Width} pixels, {actual.Height} × {actual.Width} were computed");
            comparison.Value(tensor, expected.Pixels.Zip(actual.Pixels, (e, a) => Math.Abs(e - a)).Max(), 0);
        }

        Picture TextLoader(string tensor, int height, int width)
        {
            var picture = Read(golden, tensor.Replace(Out, In, StringComparison.Ordinal));
            return IsShortSide(tensor) ? PillowCrop.ShortSide(picture, height) : PillowCrop.Cover(picture, picture.Height, picture.Width, height, width);
        }
    }

    private static bool IsShortSide(string tensor) => tensor.StartsWith("short", StringComparison.Ordinal);

    /// <summary>The largest difference.</summary>
    private static double Bicubic(SafetensorsReader golden, string tensor)
    {
        string input = tensor.Replace(Out, In, StringComparison.Ordinal);
        Shape from = golden.ShapeOf(input, 4), to = golden.ShapeOf(tensor, 4);
        float[] actual = TorchBicubic.Apply(golden.ReadSingles(input), from[2], from[3], to[2], to[3]), expected = golden.Singles(tensor, actual.Length);
        return actual.Zip(expected, (a, e) => (double)Math.Abs(a - e)).Max();
    }

    private static Picture Read(SafetensorsReader golden, string tensor)
    {
        var shape = golden.ShapeOf(tensor, 3);
        if (shape[2] != 3) throw new FileFormatException($"{golden.Source}: {tensor} has {shape[2]} channels; 3 were expected");
        return new Picture(shape[1], shape[0], 3, [.. golden.ReadIntegers(tensor).Select(value => (byte)value)]);
    }
}
