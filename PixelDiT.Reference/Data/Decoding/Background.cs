using System.Globalization;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>What the transparent parts of a picture are laid on.</summary>
/// <param name="Red">Red, 0 … 255.</param>
/// <param name="Green">Green.</param>
/// <param name="Blue">Blue.</param>
public sealed record Background(byte Red, byte Green, byte Blue)
{
    /// <summary>White, where nothing else is asked for.</summary>
    public static Background White { get; } = new(255, 255, 255);

    /// <summary>Black.</summary>
    public static Background Black { get; } = new(0, 0, 0);

    /// <summary>Nothing: the opacity is dropped and colours stay as they are stored, as the published loaders do.</summary>
    public static Background None { get; } = new(0, 0, 0) { IsNone = true };

    /// <summary>Whether the opacity is dropped.</summary>
    public bool IsNone { get; private init; }

    /// <summary>What <see cref="Parse"/> takes.</summary>
    public const string Expected = "white, black, none or a colour such as #20a0ff";

    /// <summary>Reads what a person writes.</summary>
    /// <exception cref="ConfigurationException">It is no colour.</exception>
    public static Background Parse(string text) => text.ToLowerInvariant() switch
    {
        "white" => White,
        "black" => Black,
        "none" => None,
        ['#', .. { Length: 6 } digits] when uint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint rgb) => new((byte)(rgb >> 16), (byte)(rgb >> 8), (byte)rgb),
        _ => throw new ConfigurationException($"background is '{text}'; {Expected} was expected")
    };

    /// <summary>As <see cref="Parse"/> takes it; one text for one colour.</summary>
    public override string ToString() => this == None ? "none" : this == White ? "white" : this == Black ? "black" : $"#{Red:x2}{Green:x2}{Blue:x2}";
}
