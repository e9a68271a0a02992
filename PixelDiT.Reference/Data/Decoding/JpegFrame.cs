using System.Buffers.Binary;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>The frame of a JPEG file, and which of its components its scans have brought.</summary>
internal sealed class JpegFrame
{
    /// <summary>No Adobe segment has said how colours are stored.</summary>
    public const int NoAdobe = -1;

    // A scan walks over the whole picture, however few bytes it has; a file of many scans and few bytes would cost hours.
    private const long MostScanned = 1L << 32;

    private readonly Component[] _components;
    private readonly bool _isProgressive;
    private readonly int _unitsAcross, _unitsDown;
    private long _scanned;

    private JpegFrame(int width, int height, Component[] components, bool isProgressive)
    {
        (Width, Height, _components, _isProgressive) = (width, height, components, isProgressive);
        int across = components.Max(component => component.Across), down = components.Max(component => component.Down);
        (_unitsAcross, _unitsDown) = (Up(width, 8 * across), Up(height, 8 * down));
        foreach (var component in components)
        {
            if (across % component.Across != 0 || down % component.Down != 0) throw new DataException("the JPEG samples its components at a ratio that is not read");
            component.Blocks = (long)Up(Up(width * component.Across, across), 8) * Up(Up(height * component.Down, down), 8);
        }
    }

    /// <summary>W, in pixels.</summary>
    public int Width { get; }

    /// <summary>H, in pixels.</summary>
    public int Height { get; }

    /// <summary>How many components it has.</summary>
    public int Count => _components.Length;

    /// <summary>Whether the components are called R, G and B.</summary>
    public bool IsNamedRgb => _components is [{ Name: 'R' }, { Name: 'G' }, { Name: 'B' }];

    /// <summary>Whether three components are red, green and blue, and not brightness and colour: by the notes before the first scan, and without them by the names, as libjpeg decides.</summary>
    /// <param name="hasJfif">Whether the file is of JFIF, which knows brightness and colour alone.</param>
    /// <param name="adobe">How Adobe's segment says colours are stored, or <see cref="NoAdobe"/>.</param>
    public bool IsRgb(bool hasJfif, int adobe) => Count == 3 && !hasJfif && (adobe == 0 || (adobe == NoAdobe && IsNamedRgb));

    /// <summary>A segment SOF.</summary>
    /// <param name="marker">Which of them.</param>
    /// <param name="content">What it holds.</param>
    /// <param name="fileBytes">The length of the file.</param>
    /// <exception cref="DataException">It is damaged, or of a kind that is not read.</exception>
    public static JpegFrame Parse(byte marker, ReadOnlySpan<byte> content, long fileBytes)
    {
        string? kind = marker switch
        {
            0xC0 or 0xC1 or 0xC2 => null,
            0xC3 => "a lossless JPEG",
            0xC5 or 0xC6 or 0xC7 => "a hierarchical JPEG",
            0xCB or 0xCF => "a lossless JPEG with arithmetic coding",
            _ => "a JPEG with arithmetic coding"
        };
        if (kind is not null) throw new DataException($"is {kind}, which is not read");
        if (content.Length < 9) throw Damaged("its frame is too short");
        if (content[0] != 8) throw new DataException($"is a {content[0]}-bit JPEG, which is not read (8-bit ones are)");
        int height = BinaryPrimitives.ReadUInt16BigEndian(content[1..]), width = BinaryPrimitives.ReadUInt16BigEndian(content[3..]), count = content[5];
        if (height == 0 && width > 0) throw new DataException("is a JPEG whose height stands behind its first scan, which is not read");
        RgbaPicture.CheckSize(width, height);
        if (content.Length != 6 + (3 * count)) throw Damaged($"its frame has {content.Length} bytes for {count} components");
        if (count is not (1 or 3 or 4)) throw new DataException($"is a JPEG of {count} components, which is not read (1, 3 and 4 are)");

        var components = new Component[count];
        for (int i = 0; i < count; i++)
        {
            var bytes = content.Slice(6 + (3 * i), 3);
            components[i] = new Component(bytes[0], bytes[1] >> 4, bytes[1] & 15, bytes[2]);
            if (components[i] is not { Across: >= 1 and <= 4, Down: >= 1 and <= 4, Quantization: <= 3 }) throw Damaged($"its component {bytes[0]} has sampling {bytes[1]:X2} and table {bytes[2]}");
        }
        if (components.DistinctBy(component => component.Name).Count() < count) throw Damaged("two of its components have one name");
        var frame = new JpegFrame(width, height, components, marker == 0xC2);
        long blocks = components.Sum(component => component.Blocks);
        // A block of 64 values takes a bit at least.
        if (blocks > 8 * fileBytes) throw new DataException($"the JPEG promises {width} × {height} pixels, more than its {fileBytes} bytes can hold");
        return frame;
    }

    /// <summary>A segment SOS.</summary>
    /// <returns>The scan.</returns>
    /// <exception cref="DataException">It names what is not there, or comes at a wrong time.</exception>
    public JpegScan AddScan(ReadOnlySpan<byte> header, JpegTables tables)
    {
        int count = header.IsEmpty ? 0 : header[0];
        if (count is < 1 or > 4 || header.Length != 4 + (2 * count)) throw Damaged($"a scan has {header.Length} bytes for {count} components");
        int first = header[^3], last = header[^2], high = header[^1] >> 4, low = header[^1] & 15;
        if (!_isProgressive) (first, last) = (first == 0 ? 0 : 64, 63);
        if (first > last || last > 63 || high > 13 || low > 13 || (!_isProgressive && (high | low) != 0) || (first > 0 && count > 1)) throw Damaged("a scan has a part of the values that cannot be");

        long blocks = 0;
        var named = new HashSet<int>();
        var parts = new JpegScanPart[count];
        for (int i = 0; i < count; i++)
        {
            int name = header[1 + (2 * i)], direct = header[2 + (2 * i)] >> 4, alternating = header[2 + (2 * i)] & 15;
            var component = _components.FirstOrDefault(component => component.Name == name);
            if (component is null || !named.Add(name)) throw Damaged($"a scan names component {name}, which the frame does not have once");
            bool hasTables = tables.HasQuantization(component.Quantization) && direct < 4 && alternating < 4
                && (first > 0 || high > 0 || tables.Direct(direct) is not null)
                && ((_isProgressive && first == 0) || tables.Alternating(alternating) is not null);
            if (!hasTables) throw Damaged("a scan needs a table that is not in the file");
            if (first == 0 && high == 0) component.HasScan = true;
            else if (!component.HasScan) throw Damaged("a scan refines what no scan has brought");
            blocks += component.Blocks;
            if (first > 0 && _isProgressive) component.Known ??= new ulong[component.Blocks];
            parts[i] = new JpegScanPart(tables.Direct(direct), tables.Alternating(alternating), count == 1 ? 1 : component.Across * component.Down, component.Known);
        }
        _scanned += 64 * blocks;
        if (_scanned > MostScanned) throw new DataException("the JPEG goes over its pixels in more scans than are read");

        long units = count == 1 ? blocks : (long)_unitsAcross * _unitsDown;
        return new JpegScan(units, tables.RestartInterval, parts, first, last, _isProgressive, high > 0);
    }

    /// <summary>Checks that all components have come, and that their colours can be told.</summary>
    /// <param name="adobe">How Adobe's segment says colours are stored, or <see cref="NoAdobe"/>.</param>
    /// <exception cref="DataException">A component has no scan, or there are four of unknown colours.</exception>
    public void CheckComplete(int adobe)
    {
        if (_components.Length == 4 && adobe is not (0 or 2)) throw new DataException("is a CMYK JPEG without the segment that says how its colours are stored, which is not read");
        if (_components.FirstOrDefault(component => !component.HasScan) is { } missing) throw new DataException($"the JPEG is cut short or damaged: no scan brings its component {missing.Name}");
    }

    private static int Up(int value, int unit) => (value + unit - 1) / unit;

    private static DataException Damaged(string what) => new($"the JPEG is damaged: {what}");

    private sealed record Component(int Name, int Across, int Down, int Quantization)
    {
        public long Blocks { get; set; }

        public bool HasScan { get; set; }

        public ulong[]? Known { get; set; }
    }
}
