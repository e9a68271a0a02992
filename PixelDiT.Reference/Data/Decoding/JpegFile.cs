using System.Buffers.Binary;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>
/// A JPEG file taken apart before a decoder sees it: every segment lies inside the file, scans come after their frame and name components and tables that are
/// there, each component has a scan, the bits of a scan bring all of its blocks, and restart markers are where they must be. Files with more than one picture give the first; what follows it is left alone.
/// </summary>
/// <param name="Width">W, in pixels.</param>
/// <param name="Height">H, in pixels.</param>
/// <param name="Orientation">As in <see cref="Exif"/>.</param>
/// <param name="Essence">The file again with nothing but what its pixels need.</param>
internal sealed record JpegFile(int Width, int Height, int Orientation, byte[] Essence)
{
    /// <summary>Takes a file apart.</summary>
    /// <param name="file">Begins with FF D8.</param>
    /// <exception cref="DataException">It is damaged, cut short, or of a kind that is not read; the message is the reason.</exception>
    public static JpegFile Parse(byte[] file) => new Walk(file).Take();

    private sealed class Walk(byte[] file)
    {
        private const byte EndOfImage = 0xD9, StartOfScan = 0xDA, Fill = 0xFF;

        // What JFIF's segment has at least.
        private const int JfifBytes = 14;

        private readonly MemoryStream _essence = new(file.Length);
        private readonly List<int> _names = [];
        private readonly JpegTables _tables = new();
        private JpegFrame? _frame;
        private byte[]? _jfif, _adobe;
        private bool _hasScan;
        private int _at = 2, _orientation = Exif.Upright;

        private int AdobeTransform => _adobe?[11] ?? JpegFrame.NoAdobe;

        public JpegFile Take()
        {
            for (byte marker = NextMarker(); marker != EndOfImage; marker = NextMarker())
            {
                // Markers without a segment: restarts out of place, and TEM.
                if (marker is >= 0xD0 and <= 0xD7 or 0x01) continue;
                if (marker is 0xD8) throw new DataException($"the JPEG is damaged: a second picture begins at byte {_at - 2}, before the first has ended");
                Segment(marker);
            }
            if (_frame is null) throw new DataException("the JPEG has no frame: nothing in it says how large the picture is");
            _frame.CheckComplete(AdobeTransform);
            return new JpegFile(_frame.Width, _frame.Height, _orientation, Essence(_frame));
        }

        /// <summary>The kept segments behind the one note that says how colours are stored; the names of components say nothing else.</summary>
        private byte[] Essence(JpegFrame frame)
        {
            byte[] kept = _essence.ToArray();
            if (frame.IsNamedRgb && !frame.IsRgb(_jfif is not null, AdobeTransform))
            {
                foreach (int place in _names) kept[place] = (byte)("RGB".IndexOf((char)kept[place]) + 1);
            }
            var whole = new MemoryStream(kept.Length + 40);
            whole.Write([0xFF, 0xD8]);
            if (frame.Count < 4 && _jfif is not null) Keep(whole, 0xE0, _jfif);
            else if (_adobe is not null) Keep(whole, 0xEE, _adobe);
            whole.Write(kept);
            whole.Write([0xFF, EndOfImage]);
            return whole.ToArray();
        }

        /// <summary>The next marker; bytes before it that belong to nothing are stepped over.</summary>
        private byte NextMarker()
        {
            while (true)
            {
                int found = file.AsSpan(_at).IndexOf(Fill);
                if (found < 0) throw CutShort();
                for (_at += found; _at < file.Length && file[_at] == Fill;) _at++;
                if (_at == file.Length) throw CutShort();
                if (file[_at++] is not 0 and var marker) return marker;
            }
        }

        private void Segment(byte marker)
        {
            int length = _at + 2 <= file.Length ? BinaryPrimitives.ReadUInt16BigEndian(file.AsSpan(_at)) : throw CutShort();
            if (length < 2) throw new DataException($"the JPEG is damaged: its segment {marker:X2} at byte {_at - 2} says that it has {length} bytes; at least 2 were expected");
            if (length > file.Length - _at) throw new DataException($"the JPEG is cut short or damaged: its segment {marker:X2} at byte {_at - 2} has {length} bytes and reaches beyond the end of the file");
            var content = file.AsSpan(_at + 2, length - 2);
            _at += length;
            switch (marker)
            {
                case 0xC4:
                    _tables.AddHuffman(content);
                    Keep(marker, content);
                    break;
                case 0xDB:
                    _tables.AddQuantization(content);
                    Keep(marker, content);
                    break;
                case 0xDD:
                    _tables.SetRestarts(content);
                    Keep(marker, content);
                    break;
                case >= 0xC0 and <= 0xCF and not (0xC8 or 0xCC):
                    if (_frame is not null) throw new DataException("the JPEG is damaged: it has two frames");
                    _frame = JpegFrame.Parse(marker, content, file.Length);
                    KeepNames(Keep(marker, content) + 6, _frame.Count, 3);
                    break;
                case 0xF7:
                    throw new DataException("is a JPEG-LS picture, which is not read");
                case 0xE0 when !_hasScan && content.StartsWith("JFIF\0"u8) && content.Length >= JfifBytes:
                    _jfif = content.ToArray();
                    break;
                case 0xE1 when content.StartsWith("Exif\0\0"u8) && _orientation == Exif.Upright:
                    _orientation = Exif.Orientation(content);
                    break;
                case 0xEE when !_hasScan && content.StartsWith("Adobe"u8) && content.Length >= 12:
                    _adobe = content.ToArray();
                    break;
                case 0xDC:
                    if (_frame is null || content.Length != 2 || BinaryPrimitives.ReadUInt16BigEndian(content) != _frame.Height) throw new DataException("the JPEG is damaged: the height behind its first scan is another than that of its frame");
                    break;
                case StartOfScan:
                    Scan(content);
                    break;
            }
        }

        private void Scan(ReadOnlySpan<byte> header)
        {
            if (_frame is null) throw new DataException("the JPEG is damaged: a scan comes before the frame");
            _hasScan = true;
            var scan = _frame.AddScan(header, _tables);
            KeepNames(Keep(StartOfScan, header) + 1, header[0], 2);
            int start = _at, interval = _at, restarts = 0;
            while (true)
            {
                int found = file.AsSpan(_at).IndexOf(Fill);
                if (found < 0) throw CutShort();
                int marker = _at + found;
                while (marker < file.Length && file[marker] == Fill) marker++;
                if (marker == file.Length) throw CutShort();
                if (file[marker] is >= 0xD0 and <= 0xD7)
                {
                    if ((file[marker] & 7) != (restarts & 7)) throw new DataException($"the JPEG is damaged: its restart marker at byte {marker - 1} is out of order");
                    if (restarts <= scan.Restarts) scan.Check(file.AsSpan(interval..(_at + found)), restarts);
                    restarts++;
                    interval = marker + 1;
                }
                else if (file[marker] != 0)
                {
                    _at += found;
                    break;
                }
                _at = marker + 1;
            }
            if (restarts < scan.Restarts || restarts > scan.Restarts + 1) throw new DataException($"the JPEG is damaged: a scan has {restarts} restart markers; {scan.Restarts} were expected");
            scan.Check(file.AsSpan(interval.._at), restarts);
            _essence.Write(file.AsSpan(start.._at));
        }

        private void KeepNames(int first, int count, int step) => _names.AddRange(Enumerable.Range(0, count).Select(i => first + (step * i)));

        /// <returns>Where the content lies.</returns>
        private int Keep(byte marker, ReadOnlySpan<byte> content) => Keep(_essence, marker, content);

        private static int Keep(MemoryStream stream, byte marker, ReadOnlySpan<byte> content)
        {
            Span<byte> length = stackalloc byte[2];
            BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)(content.Length + 2));
            stream.Write([0xFF, marker]);
            stream.Write(length);
            stream.Write(content);
            return (int)stream.Position - content.Length;
        }

        private static DataException CutShort() => new("the JPEG is cut short: no end marker after its pixels");
    }
}
