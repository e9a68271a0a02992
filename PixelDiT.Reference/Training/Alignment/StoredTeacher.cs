using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Formats.Safetensors;

namespace PixelDiT.Reference.Training.Alignment;

/// <summary>A teacher's tokens that <c>features</c> has stored (<see cref="FeatureFolder"/>).</summary>
public sealed class StoredTeacher : ITeacher
{
    private const int MostOpen = 64;

    private readonly Device _device;
    private readonly string _folder;
    private readonly Func<long, long> _placeOf;
    private readonly Dictionary<int, SafetensorsReader> _open = [];
    private StagingBuffer? _buffer;
    private float[] _tokens = [];

    /// <summary>Opens a folder of features.</summary>
    /// <param name="device">Where tokens go.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="listing">The identity of the images that are trained on (<see cref="Data.Decoding.Preparation.Identify"/>).</param>
    /// <param name="images">How many images it has.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="flips">Whether images are mirrored at random.</param>
    /// <param name="placeOf">The place among the features of an image that is trained on, where some are held out; null for its own.</param>
    /// <exception cref="FileFormatException">A file is missing or damaged.</exception>
    /// <exception cref="ConfigurationException">The features are of other data, of another size, or not of mirror images.</exception>
    public StoredTeacher(Device device, string folder, string listing, long images, int height, int width, bool flips, Func<long, long>? placeOf = null)
    {
        (_device, _folder, Described, _placeOf) = (device, folder, FeatureFolder.Read(folder), placeOf ?? (index => index));
        if (Described.Listing != listing || Described.Images != images) throw new ConfigurationException($"{folder}: holds features of {Described.Images} images that are not those of --data, which are {images}: names, sizes or number of files are others, or --resize or --background is");
        if (Described.Size != SizeOf(height, width)) throw new ConfigurationException($"{folder}: holds features of images of {Described.Size} (height by width); the run trains on {SizeOf(height, width)}");
        if (flips && !Described.Mirrored) throw new ConfigurationException($"{folder}: has no features of mirror images, which --flip trains on; features --flip makes them");
        for (int file = 0; file < Described.Files; file++)
        {
            string path = FeatureFolder.FileOf(folder, file);
            if (!File.Exists(path)) throw new FileFormatException($"{path}: is missing; {Described.Files} files were expected, and the same features command makes those that are not there");
        }
    }

    /// <summary>What the folder says of itself.</summary>
    internal FeatureFolder Described { get; }

    /// <summary>Rounded tokens are not the network's own.</summary>
    public string Identity => Described.Stored == "F32" ? Described.Teacher : $"{Described.Teacher} in {Described.Stored}";

    /// <inheritdoc/>
    public int Width => Described.Width;

    /// <inheritdoc/>
    public int TokensOf(int height, int width) => Described.Tokens;

    /// <inheritdoc/>
    public long BytesOf(int batch, int height, int width) => 3L * batch * Described.Tokens * Described.Width * sizeof(float);

    /// <summary>A size as features are known by it.</summary>
    internal static string SizeOf(int height, int width) => $"{height}x{width}";

    /// <inheritdoc/>
    public Tensor Encode(Tensor images, IReadOnlyList<(long Index, bool Mirrored)> places)
    {
        int values = Described.Tokens * Described.Width;
        if (_tokens.Length != places.Count * values)
        {
            _tokens = new float[places.Count * values];
            _buffer?.Dispose();
            _buffer = new StagingBuffer(_device, [places.Count, Described.Tokens, Described.Width]);
        }
        foreach (var (b, (index, mirrored)) in places.Index())
        {
            var (file, within) = Math.DivRem(_placeOf(index), Described.ImagesAFile);
            Open((int)file).ReadSingles(mirrored ? FeatureFolder.MirroredFeatures : FeatureFolder.Features, within * values, _tokens.AsSpan(b * values, values));
        }
        return _buffer!.Send<float>(_tokens);
    }

    private SafetensorsReader Open(int file)
    {
        if (_open.TryGetValue(file, out var known)) return known;
        if (_open.Count >= MostOpen) Close();
        string path = FeatureFolder.FileOf(_folder, file);
        var reader = SafetensorsReader.Open(path);
        if (Described.ProblemOf(reader, file) is { } problem)
        {
            reader.Dispose();
            throw new FileFormatException($"{path}: {problem}");
        }
        return _open[file] = reader;
    }

    private void Close()
    {
        foreach (var reader in _open.Values) reader.Dispose();
        _open.Clear();
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        Close();
        _buffer?.Dispose();
    }
}
