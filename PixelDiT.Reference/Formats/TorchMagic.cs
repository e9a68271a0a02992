using System.Globalization;
using System.Numerics;

namespace PixelDiT.Reference.Formats;

/// <summary>The number with which files of torch.save before PyTorch 1.6 begin.</summary>
internal static class TorchMagic
{
    // It is pickled after the protocol, so it stands in the first few bytes.
    private const int Within = 32;

    /// <summary>The number.</summary>
    public static BigInteger Number { get; } = BigInteger.Parse("1950a86a20f9469cfc6c", NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    /// <summary>Whether a file begins as the format does: a pickle, and soon in it the number.</summary>
    public static bool Recognises(ReadOnlySpan<byte> start) => start is [0x80, ..] && start[..Math.Min(start.Length, Within)].IndexOf(Number.ToByteArray()) >= 0;
}
