using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Shards;

namespace PixelDiT.Reference.Formats;

/// <summary>A file of named tensors, whatever its format. Elements are read when asked for, so files and tensors may be larger than memory. Not thread-safe.</summary>
public interface IWeightFile : IDisposable
{
    /// <summary>The file's path, or the name its stream was opened with; every message begins with it.</summary>
    string Source { get; }

    /// <summary>Every file that is read from: one, or the parts of a model and their index.</summary>
    IReadOnlyList<string> Files => [Source];

    /// <summary>The format in words, such as "safetensors".</summary>
    string Format { get; }

    /// <summary>Strings and numbers stored beside the tensors; empty if there are none.</summary>
    IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors in the order of the file.</summary>
    IReadOnlyList<TensorSpec> Tensors { get; }

    /// <summary>What a person who looks at the file should know beside its tensors, a sentence each without the file's name: what was left out, and why.</summary>
    IReadOnlyList<string> Notes => [];

    /// <summary>The other files of weights in the folder that stood for this one, in ordinal order; empty where the file itself was named.</summary>
    IReadOnlyList<string> LeftInFolder => [];

    /// <summary>
    /// Where the file is one of several that hold a model together, in words that can follow its name and a colon, such as
    /// <c>is file 1 of 2 of a model; open "model.safetensors.index.json" for the whole</c>; null where it is whole, as far as its name tells.
    /// </summary>
    string? PartOf => ShardName.PartOf(Source);

    /// <summary>Whether the file has a tensor of this name.</summary>
    bool Contains(string name);

    /// <summary>The tensor of this name.</summary>
    /// <exception cref="FileFormatException">The file has no such tensor.</exception>
    TensorSpec this[string name] { get; }

    /// <summary>Reads consecutive elements as float32; wider types round to nearest even, Bool becomes 0 or 1.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="firstElement">The first element to read, in row-major order of the tensor's shape, from 0.</param>
    /// <param name="destination">Receives the elements; as many are read as it has room for.</param>
    /// <exception cref="FileFormatException">No such tensor, it is <see cref="TensorSpec.Unreadable"/>, or the file cannot be read.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the tensor.</exception>
    void ReadSingles(string name, long firstElement, Span<float> destination);

    /// <summary>Reads a whole tensor as float64, row-major; 64-bit integers beyond 2⁵³ round to nearest even, Bool becomes 0 or 1.</summary>
    /// <exception cref="FileFormatException">No such tensor, it is <see cref="TensorSpec.Unreadable"/>, more elements than an array holds, or the file cannot be read.</exception>
    double[] ReadDoubles(string name);
}
