using System.Buffers.Binary;
using Google.Protobuf;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.TensorBoard;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Formats.TensorBoard;

/// <summary>Event files are what TensorBoard reads: every check sum is computed again by a table, and every message parsed by Google's library.</summary>
public sealed class EventFileTests
{
    private static readonly uint[] s_table = [.. Enumerable.Range(0, 256).Select(value =>
    {
        uint crc = (uint)value;
        for (int bit = 0; bit < 8; bit++) crc = (crc & 1) == 1 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
        return crc;
    })];

    private readonly TemporaryFolder _folder = new();

    [OneTimeTearDown]
    public void RemoveFolder() => _folder.Dispose();

    /// <summary>An event: its fields by number, with those of a summary's values.</summary>
    private sealed record Event(double Time, long Step, string? Version, long? Session, List<(string Tag, float? Number, byte[]? Picture, long Width, long Height)> Values);

    private static uint Masked(ReadOnlySpan<byte> data)
    {
        uint crc = 0xFFFFFFFF;
        foreach (byte value in data) crc = s_table[(crc ^ value) & 0xFF] ^ (crc >> 8);
        crc ^= 0xFFFFFFFF;
        return unchecked(((crc >> 15) | (crc << 17)) + 0xA282EAD8);
    }

    private static List<Event> Read(string path)
    {
        ReadOnlySpan<byte> file = File.ReadAllBytes(path);
        var events = new List<Event>();
        while (file.Length > 0)
        {
            int length = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(file));
            Assert.That(BinaryPrimitives.ReadUInt32LittleEndian(file[8..]), Is.EqualTo(Masked(file[..8])), "the check sum of the length");
            Assert.That(BinaryPrimitives.ReadUInt32LittleEndian(file[(12 + length)..]), Is.EqualTo(Masked(file.Slice(12, length))), "the check sum of the data");
            events.Add(Parse(file.Slice(12, length).ToArray()));
            file = file[(16 + length)..];
        }
        return events;
    }

    private static Event Parse(byte[] data)
    {
        double time = 0;
        long step = 0;
        string? version = null;
        long? session = null;
        var values = new List<(string, float?, byte[]?, long, long)>();
        Each(data, (field, input) =>
        {
            switch (field)
            {
                case 1: time = input.ReadDouble(); break;
                case 2: step = input.ReadInt64(); break;
                case 3: version = input.ReadString(); break;
                case 5: Each(input.ReadBytes().ToByteArray(), (_, summary) => values.Add(Value(summary.ReadBytes().ToByteArray()))); break;
                case 7: Each(input.ReadBytes().ToByteArray(), (_, log) => session = log.ReadEnum()); break;
                default: Assert.Fail($"field {field}"); break;
            }
        });
        return new Event(time, step, version, session, values);
    }

    private static (string, float?, byte[]?, long, long) Value(byte[] data)
    {
        string tag = "";
        float? number = null;
        byte[]? picture = null;
        long width = 0, height = 0;
        Each(data, (field, input) =>
        {
            if (field == 1) tag = input.ReadString();
            else if (field == 2) number = input.ReadFloat();
            else Each(input.ReadBytes().ToByteArray(), (part, image) =>
            {
                if (part == 1) height = image.ReadInt32();
                else if (part == 2) width = image.ReadInt32();
                else if (part == 3) Assert.That(image.ReadInt32(), Is.EqualTo(3));
                else picture = image.ReadBytes().ToByteArray();
            });
        });
        return (tag, number, picture, width, height);
    }

    private static void Each(byte[] data, Action<int, CodedInputStream> read)
    {
        var input = new CodedInputStream(data);
        for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag()) read(WireFormat.GetTagFieldNumber(tag), input);
    }

    [TestCase("123456789", 0xE3069283u)]
    public void The_table_of_these_tests_is_that_of_the_standard(string text, uint crc)
    {
        uint masked = unchecked(((crc >> 15) | (crc << 17)) + 0xA282EAD8);
        Assert.That(Masked(System.Text.Encoding.ASCII.GetBytes(text)), Is.EqualTo(masked));
    }

    [Test]
    public void Numbers_and_pictures_come_back()
    {
        byte[] png = [.. Enumerable.Range(0, 1000).Select(i => (byte)(i * 37))];
        using (var file = new EventFile(_folder.Path, firstStep: 1))
        {
            file.Add(1, [("loss/mean", 1.25), ("loss/t 0.00 to 0.25", double.NaN)]);
            file.Add(1L << 40, [("loss/mean", -0.5)]);
            file.AddPicture(300, "samples", png, 640, 480);
        }
        var events = Read(EventFile.Of(_folder.Path).Single());
        Assert.That(events, Has.Count.EqualTo(5));
        Assert.That(events.Select(item => item.Step), Is.EqualTo((long[])[0, 1, 1, 1L << 40, 300]));
        Assert.That((events[0].Version, events[1].Session), Is.EqualTo(("brain.Event:2", 1L)));
        Assert.That(events[2].Values.Select(value => (value.Tag, value.Number)), Is.EqualTo(((string, float?)[])[("loss/mean", 1.25f), ("loss/t 0.00 to 0.25", float.NaN)]));
        Assert.That(events[3].Values[0].Number, Is.EqualTo(-0.5f));
        Assert.That((events[4].Values[0].Width, events[4].Values[0].Height), Is.EqualTo((640L, 480L)));
        Assert.That(events[4].Values[0].Picture, Is.EqualTo(png));
        Assert.That(events.Select(item => item.Time), Is.Ordered.And.All.GreaterThan(1.7e9));
    }

    [Test]
    public void A_run_that_goes_on_says_from_where_in_a_file_that_is_read_later()
    {
        using var folder = new TemporaryFolder();
        for (int part = 0; part < 3; part++)
        {
            using var file = new EventFile(folder.Path, firstStep: (10 * part) + 1);
            file.Add((10 * part) + 1, [("x", part)]);
        }
        string[] files = [.. EventFile.Of(folder.Path).Order(StringComparer.Ordinal)];
        Assert.That(files, Has.Length.EqualTo(3));
        Assert.That(files.Select(file => Read(file)[1]).Select(item => (item.Session, item.Step)), Is.EqualTo(((long?, long)[])[(1, 1), (1, 11), (1, 21)]));
    }

    [Test]
    public void A_folder_that_cannot_be_written_is_named()
        => Assert.That(() => new EventFile(Path.Combine(_folder.Path, "nowhere"), 1), Throws.TypeOf<FileFormatException>().With.Message.Contains("there is no such folder"));
}
