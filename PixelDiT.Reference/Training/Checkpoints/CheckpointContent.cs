using System.Runtime.InteropServices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;

namespace PixelDiT.Reference.Training.Checkpoints;

/// <summary>What a file of a checkpoint holds: tensors of a device under their names in the file, and notes.</summary>
/// <param name="Tensors">The tensors, in the order of the file.</param>
/// <param name="Notes">The metadata.</param>
internal sealed record CheckpointContent(IReadOnlyList<(TensorSpec Spec, Tensor Place)> Tensors, IReadOnlyDictionary<string, string> Notes)
{
    /// <summary>Writes the file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="snapshot">A copy of the tensors to write from; null for the tensors as they are.</param>
    /// <returns>SHA-256 of the file.</returns>
    /// <exception cref="Kernels.FileFormatException">The file cannot be written; what was there is untouched.</exception>
    public string Write(string path, TensorSnapshot? snapshot = null)
    {
        var places = Tensors.ToDictionary(tensor => tensor.Spec.Name, tensor => tensor.Place, StringComparer.Ordinal);
        return SafetensorsWriter.WriteHashed(path, [.. Tensors.Select(tensor => tensor.Spec)], Notes, (name, first, chunk) =>
        {
            if (snapshot is not null) snapshot.Read(places[name], first, chunk);
            else places[name].Slice(first, [chunk.Length]).Download(chunk);
        });
    }
}

/// <summary>Tensors as they were at an instant, copied into host memory, each once whatever number of files it goes to.</summary>
internal sealed unsafe class TensorSnapshot : IDisposable
{
    private readonly Dictionary<long, nint> _copies = [];

    /// <summary>Copies the tensors of files.</summary>
    /// <exception cref="OutOfMemoryException">There is no such memory.</exception>
    public TensorSnapshot(params ReadOnlySpan<CheckpointContent> contents)
    {
        const int ChunkElements = 1 << 24;
        try
        {
            foreach (var content in contents)
            {
                foreach (var (_, place) in content.Tensors.Where(tensor => !_copies.ContainsKey(tensor.Place.Address)))
                {
                    float* copy = (float*)NativeMemory.Alloc(checked((nuint)(place.Count * sizeof(float))));
                    _copies.Add(place.Address, (nint)copy);
                    for (long first = 0; first < place.Count; first += ChunkElements)
                    {
                        int count = (int)Math.Min(ChunkElements, place.Count - first);
                        place.Slice(first, [count]).Download(new Span<float>(copy + first, count));
                    }
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The bytes that a copy takes.</summary>
    public static long BytesOf(params ReadOnlySpan<CheckpointContent> contents)
    {
        var counted = new Dictionary<long, long>();
        foreach (var content in contents)
        {
            foreach (var (_, place) in content.Tensors) counted[place.Address] = place.Count * sizeof(float);
        }
        return counted.Values.Sum();
    }

    /// <summary>Reads elements of a tensor as it was.</summary>
    public void Read(Tensor place, long first, Span<float> elements) => new ReadOnlySpan<float>((float*)_copies[place.Address] + first, elements.Length).CopyTo(elements);

    /// <summary>Frees the copies.</summary>
    public void Dispose()
    {
        foreach (nint copy in _copies.Values) NativeMemory.Free((void*)copy);
        _copies.Clear();
    }
}
