using System.Buffers.Binary;
using System.Text;

namespace PixelDiT.Tests.Formats.Safetensors;

/// <summary>Makes safetensors files by hand, well-formed or not, without the writer under test.</summary>
internal static class SafetensorsBytes
{
    /// <summary>A file of a length field, the header's text in UTF-8, and data.</summary>
    public static byte[] File(string header, params byte[] data) => File(Encoding.UTF8.GetBytes(header), data);

    /// <summary>A file of a length field, header bytes, and data.</summary>
    public static byte[] File(byte[] header, params byte[] data)
    {
        byte[] file = new byte[8 + header.Length + data.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(file, (ulong)header.Length);
        header.CopyTo(file, 8);
        data.CopyTo(file, 8 + header.Length);
        return file;
    }

    /// <summary>The header entry of one tensor.</summary>
    public static string Entry(string name, string type, string shape, long begin, long end) =>
        $$"""
        "{{name}}":{"dtype":"{{type}}","shape":[{{shape}}],"data_offsets":[{{begin}},{{end}}]}
        """;

    /// <summary>A new directory for one test; the caller deletes it.</summary>
    public static string NewDirectory() => Directory.CreateTempSubdirectory("pixeldit-tests-").FullName;
}
