using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Training.Alignment;

/// <summary>Computes a teacher's tokens of all images of a source, a file at a time; what an interrupted run has finished is not computed again.</summary>
internal static class FeatureWriter
{
    /// <summary>Writes the features of a source.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="described">What is to be in it.</param>
    /// <param name="source">The images.</param>
    /// <param name="teacher">The teacher.</param>
    /// <param name="device">Where it computes.</param>
    /// <param name="batch">Images at a time.</param>
    /// <param name="report">Is told how many images are done, and of how many.</param>
    /// <param name="cancel">Ends the work after the batch in hand; files that are finished stay.</param>
    /// <returns>How many images were there already.</returns>
    /// <exception cref="FileFormatException">A file cannot be written, or is of other features.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static long Write(string folder, FeatureFolder described, IImageSource source, ITeacher teacher, Device device, int batch, Action<long, long>? report = null, CancellationToken cancel = default)
    {
        AtomicFile.MakeFolder(folder);
        if (!FeatureFolder.Is(folder)) described.Write(folder);
        long found = 0;
        for (int file = 0; file < described.Files; file++)
        {
            string path = FeatureFolder.FileOf(folder, file);
            if (File.Exists(path))
            {
                using var reader = SafetensorsReader.Open(path);
                if (described.ProblemOf(reader, file) is { } problem) throw new FileFormatException($"{path}: {problem}");
                found += described.CountOf(file);
            }
            else
            {
                WriteFile(path, described, file, source, teacher, device, batch, report, cancel);
            }
            report?.Invoke(Math.Min(described.Images, ((long)file + 1) * described.ImagesAFile), described.Images);
        }
        return found;
    }

    private static void WriteFile(string path, FeatureFolder described, int file, IImageSource source, ITeacher teacher, Device device, int batch, Action<long, long>? report, CancellationToken cancel)
    {
        int count = described.CountOf(file), length = source.Channels * source.Height * source.Width, values = described.Tokens * described.Width;
        long begin = (long)file * described.ImagesAFile;
        // A file is computed before it is written, since the writer asks for elements and not for batches.
        var computed = described.SpecsOf(file).ToDictionary(spec => spec.Name, _ => new float[(long)count * values], StringComparer.Ordinal);
        float[] pixels = new float[batch * length], tokens = new float[batch * values];
        for (int first = 0; first < count; first += batch)
        {
            int images = Math.Min(batch, count - first);
            foreach (var (name, all) in computed)
            {
                cancel.ThrowIfCancellationRequested();
                bool mirrored = name == FeatureFolder.MirroredFeatures;
                for (int b = 0; b < images; b++)
                {
                    var image = pixels.AsSpan(b * length, length);
                    source.Read(begin + first + b, image);
                    if (mirrored) Mirroring.Apply(image, source.Width);
                }
                using var x = device.Upload(pixels.AsSpan(0, images * length), [images, source.Channels, source.Height, source.Width]);
                teacher.Encode(x, [.. Enumerable.Range(0, images).Select(b => (begin + first + b, mirrored))]).Download(tokens.AsSpan(0, images * values));
                tokens.AsSpan(0, images * values).CopyTo(all.AsSpan(first * values));
            }
            report?.Invoke(begin + first + images, described.Images);
        }
        SafetensorsWriter.Write(path, described.SpecsOf(file), described.MetadataOf(file), (name, first, chunk) => computed[name].AsSpan(checked((int)first), chunk.Length).CopyTo(chunk));
    }
}
