namespace PixelDiT.Reference.Data.Drawings;

/// <summary>What is drawn.</summary>
internal enum Figure
{
    /// <summary>A filled circle.</summary>
    Disc,

    /// <summary>A square that stands on a side.</summary>
    Square,

    /// <summary>An equilateral triangle, point up.</summary>
    Triangle
}

/// <summary>The colour of a figure. The four are alike in chroma and at least 50° of hue apart.</summary>
internal enum Colour
{
    /// <summary>Hue 358°.</summary>
    Red,

    /// <summary>Hue 49°.</summary>
    Yellow,

    /// <summary>Hue 133°.</summary>
    Green,

    /// <summary>Hue 225°.</summary>
    Blue
}

/// <summary>How large a figure is; the largest small one has two thirds of the area of the smallest large one.</summary>
internal enum FigureSize
{
    /// <summary>About three tenths of the picture wide.</summary>
    Small,

    /// <summary>About two fifths of the picture wide.</summary>
    Large
}

/// <summary>Where the middle of a figure lies.</summary>
internal enum Place
{
    /// <summary>Left of the centre.</summary>
    Left,

    /// <summary>Right of the centre.</summary>
    Right,

    /// <summary>Above the centre.</summary>
    Top,

    /// <summary>Below the centre.</summary>
    Bottom,

    /// <summary>In the middle of the picture.</summary>
    Centre
}

/// <summary>The gray behind the figures.</summary>
internal enum Ground
{
    /// <summary>Nearly black.</summary>
    Dark,

    /// <summary>Nearly white.</summary>
    Light
}

/// <summary>What the attributes look like: lengths in sides of the picture, values from 0 to 1.</summary>
internal static class AttributeLooks
{
    /// <summary>How far left, right, top and bottom are from the centre.</summary>
    public const float PlaceOffset = 0.24f;

    private static readonly float[][] s_paints = [[0.90f, 0.15f, 0.17f], [0.93f, 0.78f, 0.12f], [0.14f, 0.70f, 0.26f], [0.16f, 0.36f, 0.95f]];

    /// <summary>Red, green and blue of a colour.</summary>
    public static ReadOnlySpan<float> Paint(Colour colour) => s_paints[(int)colour];

    /// <summary>The middle of a place.</summary>
    public static (float X, float Y) Middle(Place place) => place switch
    {
        Place.Left => (0.5f - PlaceOffset, 0.5f),
        Place.Right => (0.5f + PlaceOffset, 0.5f),
        Place.Top => (0.5f, 0.5f - PlaceOffset),
        Place.Bottom => (0.5f, 0.5f + PlaceOffset),
        _ => (0.5f, 0.5f)
    };

    /// <summary>The sizes of figures called so (<see cref="FigureOutline"/>).</summary>
    public static (float Least, float Most) Sizes(FigureSize size) => size == FigureSize.Small ? (0.14f, 0.155f) : (0.19f, 0.205f);

    /// <summary>The grays of a ground.</summary>
    public static (float Least, float Most) Grays(Ground ground) => ground == Ground.Dark ? (0.06f, 0.18f) : (0.82f, 0.94f);

    /// <summary>The word of a caption.</summary>
    public static string Word<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();
}
