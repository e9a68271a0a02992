using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Drawings;

/// <summary>What is said of a figure, or read of it: null for what is not.</summary>
/// <param name="Figure">What it is.</param>
/// <param name="Colour">Its colour.</param>
/// <param name="Size">How large it is.</param>
/// <param name="Place">Where it lies.</param>
internal readonly record struct FigureDescription(Figure? Figure = null, Colour? Colour = null, FigureSize? Size = null, Place? Place = null)
{
    /// <summary>Whether a figure is as this says.</summary>
    /// <param name="read">What the figure is; of what is null there nothing may be said here.</param>
    public bool Fits(FigureDescription read) => (Figure is null || Figure == read.Figure) && (Colour is null || Colour == read.Colour) && (Size is null || Size == read.Size) && (Place is null || Place == read.Place);

    /// <summary>For example "a small red square at the left"; "figure" stands for one that is not named.</summary>
    public override string ToString()
    {
        string?[] words = ["a", Word(Size), Word(Colour), Word(Figure) ?? "figure", Place is { } place ? $"at the {AttributeLooks.Word(place)}" : null];
        return string.Join(' ', words.OfType<string>());
    }

    private static string? Word<T>(T? value) where T : struct, Enum => value is { } known ? AttributeLooks.Word(known) : null;
}

/// <summary>What a caption says of a scene. Attributes that it leaves out are free.</summary>
/// <param name="First">The figure named first; its figure and colour are named.</param>
/// <param name="Second">The other one; null for a scene of one figure.</param>
/// <param name="Ground">The ground; null where nothing is said of it.</param>
internal sealed record Prompt(FigureDescription First, FigureDescription? Second = null, Ground? Ground = null)
{
    /// <summary>All that can be said of a scene of one figure; of two, their sizes are not named, since both are small.</summary>
    public static Prompt Of(Scene scene)
    {
        FigureDescription Describe(PlacedFigure figure) => new(figure.Figure, figure.Colour, scene.Second is null ? figure.Size : null, figure.Place);
        return new(Describe(scene.First), scene.Second is { } second ? Describe(second) : null, scene.Ground);
    }

    /// <summary>The number of figures, 1 or 2.</summary>
    public int Count => Second is null ? 1 : 2;

    /// <summary>Whether all that is said is so.</summary>
    /// <param name="ground">The ground; null if it is neither.</param>
    /// <param name="figures">The figures in any order; there must be as many as are named.</param>
    public bool Fits(Ground? ground, IReadOnlyList<FigureDescription> figures)
    {
        if (figures.Count != Count || (Ground is not null && Ground != ground)) return false;
        if (Second is not { } second) return First.Fits(figures[0]);
        return (First.Fits(figures[0]) && second.Fits(figures[1])) || (First.Fits(figures[1]) && second.Fits(figures[0]));
    }

    /// <summary>A scene of which the prompt is true; what it leaves out is drawn.</summary>
    /// <param name="key">The scene's key, which decides that as well.</param>
    /// <exception cref="DataException">There is no such scene: the two figures are said to lie neither left and right nor above one another, or one of two to be large.</exception>
    public Scene Draw(ulong key)
    {
        var scenes = Scenes();
        if (scenes.Count == 0) throw new DataException($"there is no drawing of {this}; of two figures, both small, one lies left and one right, or one at the top and one at the bottom");
        return scenes[(int)(CounterHash.Bits(key, 64) % (ulong)scenes.Count)] with { Key = key };
    }

    /// <summary>Every scene of which the prompt is true, up to its key; none where two figures are said to lie as they never do.</summary>
    public IReadOnlyList<Scene> Scenes()
    {
        Ground[] grounds = Ground is { } ground ? [ground] : Enum.GetValues<Ground>();
        if (Second is not { } other) return [.. from shade in grounds from figure in Placed(First, Enum.GetValues<FigureSize>(), Enum.GetValues<Place>()) select new Scene(0, shade, figure)];
        return
        [
            .. from shade in grounds
               from places in CombinationPair.Places
               from ordered in new[] { places, (First: places.Second, Second: places.First) }
               from first in Placed(First, [FigureSize.Small], [ordered.First])
               from second in Placed(other, [FigureSize.Small], [ordered.Second])
               select new Scene(0, shade, first, second)
        ];
    }

    /// <summary>The caption, for example "a small red square at the left on a dark ground".</summary>
    public override string ToString() => $"{First}{(Second is { } second ? $" and {second}" : "")}{(Ground is { } ground ? $" on a {AttributeLooks.Word(ground)} ground" : "")}";

    private static IEnumerable<PlacedFigure> Placed(FigureDescription said, FigureSize[] sizes, Place[] places) =>
        from figure in Values(said.Figure, Enum.GetValues<Figure>())
        from colour in Values(said.Colour, Enum.GetValues<Colour>())
        from size in Values(said.Size, sizes)
        from place in Values(said.Place, places)
        select new PlacedFigure(figure, colour, size, place);

    /// <summary>The value that is said, if it may be; all that may be where nothing is said.</summary>
    private static IEnumerable<T> Values<T>(T? said, T[] possible) where T : struct, Enum => said is { } value ? possible.Where(one => EqualityComparer<T>.Default.Equals(one, value)) : possible;
}
