namespace PixelDiT.Reference.Formats.Foreign;

/// <summary>Formats that a few bytes at a fixed place tell.</summary>
internal static class Signatures
{
    private const string Run = "a program was given; " + ForeignFile.Expected, Picture = "a picture was given; " + ForeignFile.Expected, Table = "a table or database was given; " + ForeignFile.Expected;

    private sealed record Signature(byte[] Bytes, string What, string Advice, int At = 0);

    private static readonly Signature[] s_known =
    [
        Of("GGUF", "is a GGUF file, as llama.cpp reads", ForeignFile.Save), Of("FUGG", "is a GGUF file of a big-endian machine", ForeignFile.Save),
        Of("lmgg", "is a GGML file, as old llama.cpp reads", ForeignFile.Save), Of("fmgg", "is a GGML file, as old llama.cpp reads", ForeignFile.Save),
        Of("tjgg", "is a GGML file, as old llama.cpp reads", ForeignFile.Save), Of("algg", "is a GGML adapter, as old llama.cpp reads", ForeignFile.Save),
        Of("\x89HDF\r\n\x1a\n", "is an HDF5 file, as Keras (.h5) and PyTables write", ForeignFile.Save),
        Of("\x93NUMPY", "is a NumPy array (.npy)", "put it under its name into a safetensors file"),
        Of("TFL3", "is a TensorFlow Lite model", ForeignFile.Save, 4), Of("ET12", "is an ExecuTorch program", ForeignFile.Save, 4), Of("MATLAB 5.0 MAT-file", "is a MATLAB file", ForeignFile.Save),
        Of("PK\x03\x04", "is a zip archive, as torch.save writes", "a safetensors file was expected"),
        Of("\x1f\x8b", "is compressed with gzip", ForeignFile.Unpack), Of("BZh", "is compressed with bzip2", ForeignFile.Unpack), Of("\xfd" + "7zXZ\0", "is compressed with xz", ForeignFile.Unpack),
        Of("\x28\xb5\x2f\xfd", "is compressed with zstd", ForeignFile.Unpack), Of("\x04\x22\x4d\x18", "is compressed with lz4", ForeignFile.Unpack), Of("]\0\0", "is compressed with lzma", ForeignFile.Unpack),
        Of("\x78\x01", "is compressed with zlib, as joblib does", ForeignFile.Unpack), Of("\x78\x9c", "is compressed with zlib, as joblib does", ForeignFile.Unpack),
        Of("\x78\xda", "is compressed with zlib, as joblib does", ForeignFile.Unpack),
        Of("7z\xbc\xaf\x27\x1c", "is a 7z archive", ForeignFile.Unpack), Of("Rar!\x1a\x07", "is a rar archive", ForeignFile.Unpack), Of("!<arch>\n", "is an archive of object files", Run),
        Of("\x89PNG\r\n\x1a\n", "is a PNG picture", Picture), Of("\xff\xd8\xff", "is a JPEG picture", Picture), Of("GIF8", "is a GIF picture", Picture), Of("RIFF", "is a RIFF file (WebP, WAV or AVI)", Picture),
        Of("II*\0", "is a TIFF picture", Picture), Of("MM\0*", "is a TIFF picture", Picture), Of("ftyp", "is a picture or film (HEIF, AVIF or MP4)", Picture, 4),
        Of("SQLite format 3\0", "is an SQLite database", Table), Of("PAR1", "is a Parquet table", Table), Of("ARROW1", "is an Arrow table", Table), Of("Obj\x01", "is an Avro file", Table),
        Of("%PDF", "is a PDF document", ForeignFile.Expected), Of("{\\rtf", "is an RTF document", ForeignFile.Expected), Of("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old Office document", ForeignFile.Expected),
        Of("\x7f" + "ELF", "is a program or library (ELF)", Run), Of("MZ", "is a program or library of Windows", Run), Of("\xcf\xfa\xed\xfe", "is a program or library of macOS", Run),
        Of("\xca\xfe\xba\xbe", "is a program or library of macOS or Java", Run), Of("#!", "is a script", Run)
    ];

    /// <summary>The format whose signature a file begins with, or null.</summary>
    public static ForeignFile? Find(ReadOnlySpan<byte> start)
    {
        foreach (var known in s_known)
        {
            if (start.Length >= known.At && start[known.At..].StartsWith(known.Bytes)) return new ForeignFile(known.What, known.Advice);
        }
        return null;
    }

    private static Signature Of(string latin1, string what, string advice, int at = 0) => new([.. latin1.Select(c => (byte)c)], what, advice, at);
}
