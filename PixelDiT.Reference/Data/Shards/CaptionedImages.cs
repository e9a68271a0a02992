using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Data.Shards;

/// <summary>What a shard says of an image.</summary>
/// <param name="Height">Rows, trusted over the picture's own when it is scaled.</param>
/// <param name="Width">Columns, the same.</param>
/// <param name="Version">A word of the data set's author; "others" where there is none.</param>
/// <param name="Key">The sample's key.</param>
internal sealed record ListedImage(int Height, int Width, string Version, string Key);

/// <summary>An image as the text model is trained on it.</summary>
/// <param name="Index">Its place in the data set; not the one asked for if that had failed.</param>
/// <param name="Picture">The picture at the size asked for.</param>
/// <param name="CaptionType">Who wrote the caption.</param>
/// <param name="Caption">The caption; may be empty.</param>
/// <param name="Score">The caption's score; 0 where there is none.</param>
internal sealed record CaptionedImage(int Index, Picture Picture, string CaptionType, string Caption, double Score);

/// <summary>
/// A data set of captioned images in indexed tar shards ("wids"): folders with a <c>wids-meta.json</c> each, whose shards follow one another. A sample is a <c>.json</c> with height, width and captions, and a <c>.png</c> or, where
/// there is none, a <c>.jpg</c>. Pictures are taken as they are stored: not turned, opacity dropped, gray as three equal colours. May be read by several threads.
/// </summary>
internal sealed class CaptionedImages : IDisposable
{
    private const int MostOpen = 10, MostTries = 10, MostJsonBytes = 16 << 20, MostPictureBytes = 1 << 30;

    private readonly object _gate = new();
    private readonly ShardEntry[] _shards;
    private readonly int[] _ends;
    // The shard used last stands last.
    private readonly List<(int Number, TarShard Tar, ShardCaptions Captions)> _open = [];
    private readonly List<string> _remarks = [];
    private readonly HashSet<int> _remarked = [];

    /// <summary>Reads the indices of folders; shards are opened when they are asked for.</summary>
    /// <exception cref="FileFormatException">An index is missing or damaged.</exception>
    /// <exception cref="DataException">There is no folder, or there are more images than 2³¹ − 1.</exception>
    public CaptionedImages(params IReadOnlyList<string> folders)
    {
        _shards = [.. folders.SelectMany(ShardList.Read)];
        if (_shards.Length == 0) throw new DataException("no folder of shards was given");
        if (_shards.Sum(shard => (long)shard.Samples) > int.MaxValue) throw new DataException($"{folders[0]}: the shards hold more than {int.MaxValue} images together");
        _ends = new int[_shards.Length];
        foreach (var (shard, entry) in _shards.Index()) Count = _ends[shard] = Count + entry.Samples;
    }

    /// <summary>Images in the data set.</summary>
    public int Count { get; }

    /// <summary>What is broken beside the shards opened so far, a line each.</summary>
    public IReadOnlyList<string> Remarks
    {
        get
        {
            lock (_gate) return [.. _remarks];
        }
    }

    /// <summary>What the shard says of an image; null where it says no size, and the image is never put into a batch of a bucket.</summary>
    /// <exception cref="FileFormatException">The shard is damaged.</exception>
    /// <exception cref="DataException">There is no such image, or the shard has fewer than its index says.</exception>
    public ListedImage? Listed(int index)
    {
        var found = Find(index);
        try
        {
            return found.Json is null ? null : ListedIn(ParseJson(found), found.Key);
        }
        catch (DataException)
        {
            return null;
        }
    }

    /// <summary>The captions that may be drawn for an image.</summary>
    /// <exception cref="FileFormatException">The shard is damaged.</exception>
    /// <exception cref="DataException">The image has no json, or a score that is no number.</exception>
    public IReadOnlyList<CaptionCandidate> Candidates(int index)
    {
        var found = Find(index);
        return CaptionChoice.Candidates(Scores(found), Captions(found, ParseJson(found)).ContainsKey);
    }

    /// <summary>The texts of the captions that may be drawn for an image; none for an image that cannot be read and gives its place to another.</summary>
    /// <exception cref="FileFormatException">The shard is damaged.</exception>
    public IReadOnlyList<string> CaptionTexts(int index)
    {
        var found = Find(index);
        try
        {
            var captions = Captions(found, ParseJson(found));
            return [.. CaptionChoice.Candidates(Scores(found), captions.ContainsKey).Select(candidate => captions.GetValueOrDefault(candidate.Type).Text).OfType<string>().Distinct()];
        }
        catch (DataException)
        {
            return [];
        }
    }

    /// <summary>An image for the first stage: a square (<see cref="PillowCrop.ShortSide"/>).</summary>
    /// <param name="index">Which.</param>
    /// <param name="size">The side, in pixels.</param>
    /// <param name="u">A uniform draw from 0 to below 1 that picks the caption.</param>
    /// <exception cref="FileFormatException">The shard is damaged.</exception>
    /// <exception cref="DataException">There is no such image, or it has no json, no picture, no caption, or a picture that cannot be decoded.</exception>
    public CaptionedImage ReadSquare(int index, int size, double u) => Read(index, u, (picture, _) => PillowCrop.ShortSide(picture, size));

    /// <summary>An image for the later stages: in the rectangle of its bucket (<see cref="PillowCrop.Cover"/>).</summary>
    /// <param name="index">Which.</param>
    /// <param name="bucket">The rectangle: the one closest to the size that <see cref="Listed"/> says, whose batch it is in.</param>
    /// <param name="u">A uniform draw from 0 to below 1 that picks the caption.</param>
    /// <exception cref="FileFormatException">The shard is damaged.</exception>
    /// <exception cref="DataException">There is no such image, or it has no json, no size, no picture, no caption, or a picture that cannot be decoded.</exception>
    public CaptionedImage ReadBucket(int index, AspectBucket bucket, double u)
        => Read(index, u, (picture, said) => said is null ? throw new DataException("its json says no height and width") : PillowCrop.Cover(picture, said.Height, said.Width, bucket.Height, bucket.Width));

    /// <summary>As <see cref="ReadSquare"/>; an image that fails gives its place to the next that does not, of ten in all, the first image following the last.</summary>
    /// <exception cref="DataException">All ten fail; the message is that of the first.</exception>
    public CaptionedImage ReadSquareOrNext(int index, int size, double u) => ReadOrNext(index, i => ReadSquare(i, size, u));

    /// <summary>As <see cref="ReadBucket"/>; an image that fails gives its place to the next of the same bucket that does not, so that a batch keeps its shape.</summary>
    /// <param name="index">Which.</param>
    /// <param name="bucket">Its bucket.</param>
    /// <param name="buckets">The table that the bucket is of.</param>
    /// <param name="u">A uniform draw from 0 to below 1 that picks the caption.</param>
    /// <exception cref="DataException">All of ten fail, or none of a thousand images is of the bucket; the message is that of the first.</exception>
    public CaptionedImage ReadBucketOrNext(int index, AspectBucket bucket, AspectBuckets buckets, double u)
        => ReadOrNext(index, i => ReadBucket(i, bucket, u), i => Listed(i) is { } said && buckets.Closest(said.Height, said.Width) == bucket);

    /// <summary>Closes the shards.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var (_, tar, _) in _open) tar.Dispose();
            _open.Clear();
        }
    }

    /// <summary>An image's shard and key, in words.</summary>
    internal string NameOf(int index) => Find(index).Name;

    /// <summary>The shards' names, samples and lengths, those of the files beside them too.</summary>
    /// <exception cref="FileFormatException">A shard cannot be opened.</exception>
    internal void AddTo(ListingHash hash)
    {
        foreach (var shard in _shards)
        {
            using var tar = AtomicFile.OpenRead(shard.Path);
            hash.Add(Path.GetFileName(shard.Path)).Add(shard.Samples).Add(tar.Length);
            foreach (string path in ShardCaptions.FilesBeside(shard.Path)) hash.Add(Path.GetFileName(path)).Add(new FileInfo(path).Length);
        }
    }

    /// <summary>A sample's endings in the order of its shard.</summary>
    internal IReadOnlyList<string> Members(int index) => Find(index).Endings;

    /// <summary>A picture as it is stored.</summary>
    internal Picture Decoded(int index) => ImageDecoder.DecodeColours(Find(index, withPicture: true).Picture!);

    private CaptionedImage Read(int index, double u, Func<Picture, ListedImage?, Picture> fit)
    {
        var found = Find(index, withPicture: true);
        try
        {
            var json = ParseJson(found);
            var captions = Captions(found, json);
            var choice = CaptionChoice.Pick(CaptionChoice.Candidates(Scores(found), captions.ContainsKey), u);
            if (!captions.TryGetValue(choice.Type, out var caption)) throw new DataException($"has no caption {Quote.Text(choice.Type)}");
            if (caption.Text is not { } text) throw new DataException($"its caption {Quote.Text(choice.Type)} is no text");
            if (found.Picture is null) throw new DataException("has neither a .png nor a .jpg");
            return new CaptionedImage(index, fit(ImageDecoder.DecodeColours(found.Picture), ListedIn(json, found.Key)), choice.Type, text, choice.Score);
        }
        catch (Exception error) when (error is DataException or ShapeException)
        {
            throw new DataException(error.Message.StartsWith(found.Name, StringComparison.Ordinal) ? error.Message : $"{found.Name}: {error.Message}", error);
        }
    }

    private CaptionedImage ReadOrNext(int index, Func<int, CaptionedImage> read, Func<int, bool>? fits = null)
    {
        const int MostSteps = 1000;
        DataException? first = null;
        for (int step = 0, tries = 0; tries < MostTries && step < Math.Min(Count, MostSteps); step++)
        {
            int candidate = (int)(((long)index + step) % Count);
            if (step > 0 && fits is not null && !fits(candidate)) continue;
            try
            {
                tries++;
                return read(candidate);
            }
            catch (DataException error)
            {
                first ??= error;
            }
        }
        throw first!;
    }

    /// <summary>A sample's bytes, read while no other thread reads.</summary>
    private Found Find(int index, bool withPicture = false)
    {
        if (index < 0 || index >= Count) throw new DataException($"image {index} was asked for; there are {Count}");
        int number = Array.BinarySearch(_ends, index + 1);
        if (number < 0) number = ~number;
        int within = index - (number == 0 ? 0 : _ends[number - 1]);
        lock (_gate)
        {
            var (tar, beside) = Open(number);
            var sample = tar.Samples[within];
            byte[]? json = sample.Members.TryGetValue(".json", out var jsonMember) ? tar.Read(jsonMember, MostJsonBytes) : null;
            byte[]? picture = null;
            if (withPicture && (sample.Members.TryGetValue(".png", out var pictureMember) || sample.Members.TryGetValue(".jpg", out pictureMember))) picture = tar.Read(pictureMember, MostPictureBytes);
            return new Found($"{_shards[number].Path}: sample {Quote.Text(sample.Key)}", sample.Key, [.. sample.Members.Keys], json, picture, beside);
        }
    }

    private (TarShard Tar, ShardCaptions Captions) Open(int number)
    {
        int place = _open.FindIndex(shard => shard.Number == number);
        if (place >= 0)
        {
            var open = _open[place];
            _open.RemoveAt(place);
            _open.Add(open);
            return (open.Tar, open.Captions);
        }
        var entry = _shards[number];
        var tar = new TarShard(entry.Path);
        if (tar.Samples.Count < entry.Samples)
        {
            int found = tar.Samples.Count;
            tar.Dispose();
            throw new DataException($"{entry.Path}: has {found} samples; its index says {entry.Samples}");
        }
        var captions = new ShardCaptions(entry.Path);
        if (_remarked.Add(number)) _remarks.AddRange(captions.Remarks);
        if (_open.Count == MostOpen)
        {
            _open[0].Tar.Dispose();
            _open.RemoveAt(0);
        }
        _open.Add((number, tar, captions));
        return (tar, captions);
    }

    /// <summary>The fields of a sample's json; of two with one name the last.</summary>
    private static Dictionary<string, JsonElement> ParseJson(Found found)
    {
        if (found.Json is null) throw new DataException($"{found.Name}: has no .json");
        try
        {
            using var document = JsonDocument.Parse(found.Json);
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw new DataException($"{found.Name}: its .json is no object");
            var fields = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
            foreach (var field in document.RootElement.EnumerateObject()) fields[field.Name] = field.Value.Clone();
            return fields;
        }
        catch (JsonException error)
        {
            throw new DataException($"{found.Name}: its .json is none: {JsonReason.Of(error)}", error);
        }
        catch (InvalidOperationException error)
        {
            // Half a surrogate pair in a name.
            throw new DataException($"{found.Name}: its .json holds text that is no Unicode", error);
        }
    }

    private static ListedImage? ListedIn(Dictionary<string, JsonElement> json, string key)
    {
        if (Size(json, "height") is not { } height || Size(json, "width") is not { } width) return null;
        return new ListedImage(height, width, json.TryGetValue("version", out var version) && CaptionText.Of(version).Text is { } text ? text : "others", key);
    }

    private static int? Size(Dictionary<string, JsonElement> json, string name)
        => json.TryGetValue(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int size) && size is >= 1 and <= 1 << 24 ? size : null;

    private static Dictionary<string, CaptionText> Captions(Found found, Dictionary<string, JsonElement> json)
    {
        var captions = json.ToDictionary(field => field.Key, field => CaptionText.Of(field.Value), StringComparer.Ordinal);
        found.Beside.LayOver(found.Key, captions);
        return captions;
    }

    private static IReadOnlyList<(string Type, double Score)> Scores(Found found)
    {
        try
        {
            return found.Beside.ScoresOf(found.Key);
        }
        catch (DataException error)
        {
            throw new DataException($"{found.Name}: {error.Message}", error);
        }
    }

    private sealed record Found(string Name, string Key, IReadOnlyList<string> Endings, byte[]? Json, byte[]? Picture, ShardCaptions Beside);
}
