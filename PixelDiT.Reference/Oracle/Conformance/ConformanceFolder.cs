using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>A folder of conformance files on the disk: a user's, or one written for the time of a case, which goes away with it.</summary>
internal sealed class ConformanceFolder(string path, bool isTemporary) : IDisposable
{
    /// <summary>The folder.</summary>
    public string Path => path;

    /// <summary>Writes files to a new temporary folder.</summary>
    /// <param name="files">Relative paths, and contents, which are closed.</param>
    /// <exception cref="DataException">They cannot be written.</exception>
    public static ConformanceFolder Write(IEnumerable<(string Name, Stream Content)> files)
    {
        ConformanceFolder? folder = null;
        try
        {
            folder = new ConformanceFolder(Directory.CreateTempSubdirectory("pixeldit").FullName, isTemporary: true);
            foreach (var (name, content) in files)
            {
                using var _ = content;
                string file = System.IO.Path.Combine(folder.Path, name);
                Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
                using var written = File.Create(file);
                content.CopyTo(written);
            }
            return folder;
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            folder?.Dispose();
            throw new DataException($"{System.IO.Path.GetTempPath()}: conformance files cannot be written here ({SystemReason.Of(error)})", error);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (isTemporary) Directory.Delete(path, recursive: true);
    }
}
