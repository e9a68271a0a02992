using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Vision;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>
/// Weights of the FID Inception network by a formula, so that cases need not hold 23,885,392 numbers. With h the 64-bit FNV-1a hash of salt and name, element i is the SplitMix64 output of state h + (i + 1)·0x9E3779B97F4A7C15; its upper 24 bits over 2²⁴ are
/// the share of the way from a least to a largest value, which depend on the kind of tensor and keep activations near 1.
/// </summary>
/// <param name="salt">What stands before every name.</param>
internal sealed class FormulaWeights(string salt) : IWeightFile
{
    private const ulong Offset = 0xCBF29CE484222325, Prime = 0x100000001B3, Golden = 0x9E3779B97F4A7C15;

    public string Source => "weights by formula";

    public string Format => "formula";

    public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    public IReadOnlyList<TensorSpec> Tensors { get; } = [.. InceptionUnit.Tensors.Select(entry => new TensorSpec(entry.Name, DataType.F32, [.. entry.Shape.Select(size => (long)size)]))];

    public bool Contains(string name) => Tensors.Any(tensor => tensor.Name == name);

    public TensorSpec this[string name] => Tensors.FirstOrDefault(tensor => tensor.Name == name) ?? throw new FileFormatException($"{Source}: has no tensor {name}");

    public void ReadSingles(string name, long firstElement, Span<float> destination)
    {
        var (least, most) = RangeOf(this[name]);
        ulong hash = Offset;
        foreach (byte letter in Encoding.UTF8.GetBytes(salt + name)) hash = unchecked((hash ^ letter) * Prime);
        for (int i = 0; i < destination.Length; i++)
        {
            unchecked
            {
                ulong z = hash + ((ulong)(firstElement + i + 1) * Golden);
                z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
                z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
                z ^= z >> 31;
                destination[i] = (float)(least + ((most - least) * ((z >> 40) * (1.0 / (1 << 24)))));
            }
        }
    }

    public double[] ReadDoubles(string name)
    {
        float[] values = new float[this[name].Count];
        ReadSingles(name, 0, values);
        return Array.ConvertAll(values, value => (double)value);
    }

    public void Dispose()
    {
    }

    private static (double Least, double Most) RangeOf(TensorSpec tensor)
    {
        string kind = tensor.Name == InceptionUnit.ClassifierWeight || tensor.Name == InceptionUnit.ClassifierBias ? tensor.Name : tensor.Name[tensor.Name.LastIndexOf('.', tensor.Name.LastIndexOf('.') - 1)..];
        double reach = kind switch
        {
            ".conv.weight" => Math.Sqrt(6.0 / (tensor.Count / tensor.Shape[0])),
            ".bn.bias" => 0.2,
            ".bn.running_mean" => 0.3,
            InceptionUnit.ClassifierWeight => Math.Sqrt(1.5 / InceptionUnit.Features),
            InceptionUnit.ClassifierBias => 0.5,
            _ => 0
        };
        return kind switch
        {
            ".bn.weight" => (0.8, 1.2),
            ".bn.running_var" => (0.5, 1.5),
            _ => (-reach, reach)
        };
    }
}
