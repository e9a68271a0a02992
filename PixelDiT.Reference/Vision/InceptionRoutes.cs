namespace PixelDiT.Reference.Vision;

/// <summary>The names of the two ways in.</summary>
internal static class InceptionRoutes
{
    /// <summary>All names, that of the published FIDs first.</summary>
    public static IReadOnlyList<string> Names { get; } = [NameOf(InceptionRoute.TensorFlow), NameOf(InceptionRoute.PyTorch)];

    /// <summary>The name of a way.</summary>
    public static string NameOf(InceptionRoute route) => route == InceptionRoute.TensorFlow ? "tensorflow" : "pytorch";

    /// <summary>The way of a name; false where there is none.</summary>
    public static bool TryParse(string name, out InceptionRoute route)
    {
        route = name == NameOf(InceptionRoute.PyTorch) ? InceptionRoute.PyTorch : InceptionRoute.TensorFlow;
        return Names.Contains(name);
    }
}
