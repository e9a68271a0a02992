namespace PixelDiT.Reference.Sampling;

/// <summary>What a picture of a sampling run shows of it.</summary>
public enum PictureKind
{
    /// <summary>One image.</summary>
    Single,

    /// <summary>All images, side by side.</summary>
    Grid,

    /// <summary>The first image of each class or prompt on its way from noise, a row each.</summary>
    Film,

    /// <summary>The same, one moment after the other.</summary>
    Animation
}

/// <summary>The kinds by the names that records have for them.</summary>
public static class PictureKindNames
{
    /// <summary>All kinds by name.</summary>
    public static IReadOnlyDictionary<string, PictureKind> All { get; } = Enum.GetValues<PictureKind>().ToDictionary(kind => kind.Name);

    extension(PictureKind kind)
    {
        /// <summary>The name in a record.</summary>
        public string Name => kind.ToString().ToLowerInvariant();
    }
}
