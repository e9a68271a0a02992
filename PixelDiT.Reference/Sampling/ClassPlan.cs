using System.Text.RegularExpressions;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Sampling;

/// <summary>A run of a class model, all of one size; image k has the <see cref="SamplePlan.Seed"/> + k.</summary>
public sealed partial record ClassPlan : SamplePlan
{
    /// <summary>The size of the images; both sides are multiples of the model's patch.</summary>
    public required ImageSize Size { get; init; }

    /// <summary>The chosen classes, in the order of the images; one may be chosen more than once.</summary>
    public required IReadOnlyList<int> Classes { get; init; }

    /// <summary>The names of all the model's classes; empty where it has none.</summary>
    public IReadOnlyList<string> ClassNames { get; init; } = [];

    /// <summary>The label of "no class"; null where it is not known.</summary>
    public int? NullClass { get; init; }

    /// <inheritdoc/>
    public override int Rows => Classes.Count;

    /// <inheritdoc/>
    public override int Columns => PerRow;

    /// <inheritdoc/>
    public override IReadOnlyList<ImageSize> Sizes => [Size];

    /// <inheritdoc/>
    public override ImageSize SizeOf(long k) => Size;

    /// <summary>The class of image k.</summary>
    public override int LabelOf(long k) => Classes[(int)(k / PerRow)];

    /// <summary>The seed of image k: the k-th of the list, or <see cref="SamplePlan.Seed"/> + k.</summary>
    public override ulong SeedOf(long k) => Seeds is null ? unchecked(Seed + (ulong)k) : Seeds[(int)k];

    /// <inheritdoc/>
    public override string FileOf(long k) => $"{k:D6}_class{LabelOf(k):D4}";

    /// <inheritdoc/>
    public override string SubjectOf(long k) => $"class {LabelOf(k)}";

    /// <summary>The name of a class; null where the model has none.</summary>
    public string? NameOf(int label) => label == NullClass ? "none" : label < ClassNames.Count ? ClassNames[label] : null;

    /// <summary>Whether a file is named as an image of some run of a class model.</summary>
    internal static bool IsImage(string fileName) => ImageName().IsMatch(fileName);

    internal override string TitleOf(int row) => NameOf(Classes[row]) ?? $"class {Classes[row]}";

    internal override Func<string, bool> IsOwnFile() => IsImage;

    internal override IEnumerable<(string Key, object? Value)> SettingFields => Size.IsSquare ? [("resolution", Size.Height)] : [("height", Size.Height), ("width", Size.Width)];

    internal override IEnumerable<(string Key, object? Value)> SubjectFields => [("classes", Classes), ("class_names", ClassNames.Count == 0 ? null : Classes.Select(NameOf))];

    internal override IEnumerable<(string Key, object? Value)> FieldsOf(long k) => [("class", LabelOf(k)), ("class_name", NameOf(LabelOf(k)))];

    [GeneratedRegex(@"^[0-9]{6,}_class[0-9]{4,}\.(png|json)$", RegexOptions.NonBacktracking)]
    private static partial Regex ImageName();
}
