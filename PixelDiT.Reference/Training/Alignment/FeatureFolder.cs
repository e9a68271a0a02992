using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Training.Alignment;

/// <summary>
/// What a teacher has made of a data source: a folder with <c>features.json</c> and files of so many images each, <c>features-00000.safetensors</c> and on. Each file has the tensor <c>features</c> [n, L, width] of its
/// images in the order of the source, and of their mirror images <c>mirrored</c>, where those were asked for.
/// </summary>
/// <param name="Listing">The identity of the images (<see cref="Data.Decoding.Preparation.Identify"/>).</param>
/// <param name="Size">H and W that the images had, as HEIGHTxWIDTH.</param>
/// <param name="Images">How many there are.</param>
/// <param name="Teacher">The teacher's identity.</param>
/// <param name="Tokens">L.</param>
/// <param name="Width">Channels of a token.</param>
/// <param name="Stored">F32 or BF16.</param>
/// <param name="Mirrored">Whether mirror images have features too.</param>
/// <param name="ImagesAFile">Images of each file but the last.</param>
internal sealed record FeatureFolder(string Listing, string Size, long Images, string Teacher, int Tokens, int Width, string Stored, bool Mirrored, int ImagesAFile)
{
    /// <summary>The file that describes the folder.</summary>
    public const string IndexFile = "features.json";

    /// <summary>The tensors of a file.</summary>
    internal const string Features = "features", MirroredFeatures = "mirrored";

    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    /// <summary>Whether a path is such a folder.</summary>
    public static bool Is(string path) => File.Exists(Path.Combine(path, IndexFile));

    /// <summary>Reads a folder's description.</summary>
    /// <exception cref="FileFormatException">It cannot be read, or is none.</exception>
    public static FeatureFolder Read(string folder)
    {
        string path = Path.Combine(folder, IndexFile);
        try
        {
            using var stream = AtomicFile.OpenRead(path);
            if (JsonSerializer.Deserialize<FeatureFolder>(stream, s_json) is { Images: > 0, Tokens: > 0, Width: > 0, ImagesAFile: > 0, Listing: not null, Size: not null, Teacher: not null, Stored: not null } found) return found;
            throw new FileFormatException($"{path}: does not describe features; listing, size, images, teacher, tokens, width, stored, mirrored and images_a_file were expected");
        }
        catch (JsonException error)
        {
            throw new FileFormatException($"{path}: is not JSON: {JsonReason.Of(error)}", error);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be read: {SystemReason.Of(error)}", error);
        }
    }

    /// <summary>Writes the description.</summary>
    /// <exception cref="FileFormatException">It cannot be written.</exception>
    public void Write(string folder) => AtomicFile.WriteText(Path.Combine(folder, IndexFile), JsonSerializer.Serialize(this, s_json) + "\n");

    /// <summary>How many files there are.</summary>
    [JsonIgnore]
    public int Files => checked((int)((Images + ImagesAFile - 1) / ImagesAFile));

    /// <summary>How many bytes the features take.</summary>
    [JsonIgnore]
    public long Bytes => Images * Tokens * Width * (Mirrored ? 2 : 1) * (Stored == DataType.BF16.FormatName ? 2 : 4);

    /// <summary>A file of the folder.</summary>
    public static string FileOf(string folder, int file) => Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"features-{file:00000}.safetensors"));

    /// <summary>How many images a file has.</summary>
    internal int CountOf(int file) => (int)Math.Min(ImagesAFile, Images - ((long)file * ImagesAFile));

    /// <summary>The tensors of a file.</summary>
    internal IReadOnlyList<TensorSpec> SpecsOf(int file)
        => [.. (Mirrored ? (string[])[Features, MirroredFeatures] : [Features]).Select(name => new TensorSpec(name, Enum.Parse<DataType>(Stored, ignoreCase: true), [CountOf(file), Tokens, Width]))];

    /// <summary>What each file says of itself.</summary>
    internal Dictionary<string, string> MetadataOf(int file) => new()
    {
        ["listing"] = Listing,
        ["size"] = Size,
        ["teacher"] = Teacher,
        ["first"] = ((long)file * ImagesAFile).ToString(CultureInfo.InvariantCulture)
    };

    /// <summary>Why a file is not the one that belongs in its place; null where it is.</summary>
    internal string? ProblemOf(SafetensorsReader reader, int file)
    {
        foreach (var (key, value) in MetadataOf(file))
        {
            if (reader.Metadata.GetValueOrDefault(key) != value) return $"metadata {key} is {Quote.Text(reader.Metadata.GetValueOrDefault(key, ""))}; {Quote.Text(value)} was expected";
        }
        foreach (var spec in SpecsOf(file))
        {
            if (!reader.Contains(spec.Name)) return $"lacks the tensor {spec.Name}";
            if (!reader[spec.Name].Shape.SequenceEqual(spec.Shape) || reader[spec.Name].Type != spec.Type) return $"tensor {spec.Name} is {reader[spec.Name].TypeName} [{string.Join(", ", reader[spec.Name].Shape)}]; {spec.TypeName} [{string.Join(", ", spec.Shape)}] was expected";
        }
        return null;
    }
}
