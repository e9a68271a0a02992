namespace PixelDiT.Reference.Data.Drawings;

/// <summary>
/// What training shows and what it never does, so that a model can be asked for what it has not seen. A fifth of all combinations of figure, colour and place is never shown: those whose numbers sum to a multiple of five,
/// so that every figure, colour and place is shown, and every two of them together, with all values of the third but one at most. A pair is never shown if one of its figures is not.
/// </summary>
/// <param name="Figure">What it is.</param>
/// <param name="Colour">Its colour.</param>
/// <param name="Place">Where it lies.</param>
internal readonly record struct Combination(Figure Figure, Colour Colour, Place Place)
{
    private const int Values = 5;

    /// <summary>All 60, in a fixed order.</summary>
    public static IReadOnlyList<Combination> All { get; } =
    [
        .. from figure in Enum.GetValues<Figure>()
           from colour in Enum.GetValues<Colour>()
           from place in Enum.GetValues<Place>()
           select new Combination(figure, colour, place)
    ];

    /// <summary>The 48 that training shows.</summary>
    public static IReadOnlyList<Combination> Shown { get; } = [.. All.Where(combination => combination.IsShown)];

    /// <summary>The 12 that it never does.</summary>
    public static IReadOnlyList<Combination> NeverShown { get; } = [.. All.Where(combination => !combination.IsShown)];

    /// <summary>Whether training shows it.</summary>
    public bool IsShown => ((int)Figure + (int)Colour + (int)Place) % Values != 0;
}

/// <summary>Two figures in places that do not overlap, in reading order: left and right, or top and bottom.</summary>
/// <param name="First">The left or upper one.</param>
/// <param name="Second">The right or lower one.</param>
internal readonly record struct CombinationPair(Combination First, Combination Second)
{
    /// <summary>The places of a pair.</summary>
    public static IReadOnlyList<(Place First, Place Second)> Places { get; } = [(Place.Left, Place.Right), (Place.Top, Place.Bottom)];

    /// <summary>All 288, in a fixed order.</summary>
    public static IReadOnlyList<CombinationPair> All { get; } =
    [
        .. from places in Places
           from first in Combination.All.Where(combination => combination.Place == places.First)
           from second in Combination.All.Where(combination => combination.Place == places.Second)
           select new CombinationPair(first, second)
    ];

    /// <summary>The 181 that training shows.</summary>
    public static IReadOnlyList<CombinationPair> Shown { get; } = [.. All.Where(pair => pair.IsShown)];

    /// <summary>The 107 that it never does.</summary>
    public static IReadOnlyList<CombinationPair> NeverShown { get; } = [.. All.Where(pair => !pair.IsShown)];

    /// <summary>Whether training shows it.</summary>
    public bool IsShown => First.IsShown && Second.IsShown;
}
