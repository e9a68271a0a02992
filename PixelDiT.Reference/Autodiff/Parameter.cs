using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Reference.Autodiff;

/// <summary>
/// A trained tensor: a float32 master, its gradient, and the prepared form in which products read it. The prepared form is made again only when the
/// version says that the master has changed.
/// </summary>
public sealed class Parameter
{
    // One for each precision: what is rounded for one must not reach another.
    private readonly (Tensor? Tensor, long Version)[] _prepared = new (Tensor?, long)[Enum.GetValues<Precision>().Length];
    // The version with which a product packed for itself.
    private long _packedInside = -1;

    private Tensor? _gradient;

    // Zero in meaning, whatever the memory holds: the first product writes it, so that a large gradient is neither cleared nor read before.
    private bool _gradientIsZero;

    internal Parameter(string name, Shape shape, bool isBeside = false) => (Name, Shape, IsBeside) = (name, shape, isBeside);

    /// <summary>The released state-dict name, such as <c>patch_blocks.0.attn.qkv.weight</c>.</summary>
    public string Name { get; }

    /// <summary>Whether it is trained beside the model and is no part of it: a projector's.</summary>
    public bool IsBeside { get; }

    /// <summary>The dimensions as stored in a checkpoint.</summary>
    public Shape Shape { get; }

    /// <summary>The float32 master; a slice of the set's values.</summary>
    public Tensor Value { get; internal set; } = null!;

    /// <summary>The gradient, to which every backward adds; a slice of the set's gradients. Null until training asks for gradients.</summary>
    public Tensor? Gradient
    {
        get
        {
            GradientObserver?.Invoke(this);
            if (_gradientIsZero) _gradient?.Clear();
            _gradientIsZero = false;
            return _gradient;
        }
        internal set => _gradient = value;
    }

    /// <summary>Whether a backward has added to the gradient since gradients were cleared. Asking for <see cref="Gradient"/> itself makes a zero of it, which counts as one.</summary>
    public bool HasGradient => _gradient is not null && !_gradientIsZero;

    /// <summary>Called whenever somebody asks for the gradient, who may write it.</summary>
    internal Action<Parameter>? GradientObserver { get; set; }

    /// <summary>Changes with the master.</summary>
    public long Version { get; internal set; }

    /// <summary>
    /// The prepared form for products with W, up to date; null where the master is read. While the master changes after every product, as in training, products of few rows pack for themselves; the second
    /// one with the same master gets a prepared form.
    /// </summary>
    /// <param name="rows">Rows of x.</param>
    /// <param name="precision">The product's.</param>
    internal Tensor? Prepared(int rows, Precision precision = Precision.Single)
    {
        if (!MatMul.WantsPacked(rows, Value.Device)) return null;
        if (!MatMul.PacksInside(rows, Value.Device) || _packedInside == Version || _prepared[(int)precision] is ({ }, var version) && version == Version) return Packed(precision);
        _packedInside = Version;
        return null;
    }

    /// <summary>The same whatever the rows.</summary>
    /// <param name="precision">What the product rounds its operands to.</param>
    internal Tensor? Packed(Precision precision = Precision.Single)
    {
        ref var prepared = ref _prepared[(int)precision];
        if (prepared.Tensor is null || prepared.Version != Version) prepared = (MatMul.Pack(Value, prepared.Tensor, precision), Version);
        return prepared.Tensor;
    }

    /// <summary>The gradient for a backward that can write as well as add; null where it is not wanted.</summary>
    /// <param name="accumulate">Whether to add to what is there.</param>
    internal Tensor? GradientTarget(out bool accumulate)
    {
        GradientObserver?.Invoke(this);
        accumulate = !_gradientIsZero;
        _gradientIsZero = false;
        return _gradient;
    }

    internal void ClearGradient() => _gradientIsZero = true;

    internal void ReleasePrepared()
    {
        foreach (var (tensor, _) in _prepared) tensor?.Dispose();
        Array.Clear(_prepared);
    }
}

/// <summary>
/// All parameters of a model, each a slice of one float32 tensor, so that the optimiser, the norm of the gradients and the average are one launch each.
/// Slices begin at multiples of 64 elements; the padding between them stays zero.
/// </summary>
public sealed class ParameterSet : IDisposable
{
    private const long Padding = 64;

    private readonly Device _device;
    private readonly Dictionary<string, Parameter> _byName = new(StringComparer.Ordinal);
    private readonly List<Parameter> _all = [];
    private readonly List<long> _offsets = [];
    private Tensor? _gradients;

    /// <summary>An empty set on a device.</summary>
    public ParameterSet(Device device) => _device = device;

    /// <summary>The parameters in the order of their making.</summary>
    public IReadOnlyList<Parameter> All => _all;

    /// <summary>Those of the model itself; what is trained beside it comes after them.</summary>
    public IEnumerable<Parameter> OfModel => _all.Where(parameter => !parameter.IsBeside);

    /// <summary>The values of all parameters with the padding between them; null until <see cref="Allocate"/>.</summary>
    public Tensor? Values { get; private set; }

    /// <summary>The gradients in the layout of <see cref="Values"/>; null until <see cref="RequireGradients"/>.</summary>
    public Tensor? Gradients
    {
        get
        {
            // Asking for each clears those that no backward has written.
            foreach (var parameter in _all) _ = parameter.Gradient;
            return _gradients;
        }
    }

    /// <summary>The memory of <see cref="Gradients"/> as it is: what no backward has written since it was cleared holds anything.</summary>
    internal Tensor AllGradients => _gradients!;

    /// <summary>Where a parameter of <see cref="All"/> begins in <see cref="Values"/>.</summary>
    internal long OffsetOf(int index) => _offsets[index];

    /// <summary>Trained numbers, without padding.</summary>
    public long Count => _all.Sum(parameter => parameter.Shape.Count);

    /// <summary>A parameter by its released name.</summary>
    /// <exception cref="ConfigurationException">There is none of that name.</exception>
    public Parameter this[string name] => _byName.TryGetValue(name, out var parameter) ? parameter : throw new ConfigurationException($"the model has no parameter '{name}'");

    /// <summary>Whether there is a parameter of that name.</summary>
    public bool Contains(string name) => _byName.ContainsKey(name);

    /// <summary>Declares a parameter; those beside the model come last.</summary>
    internal Parameter Add(string name, Shape shape, bool beside = false)
    {
        var parameter = new Parameter(name, shape, beside);
        _offsets.Add(Length);
        Length += (shape.Count + Padding - 1) / Padding * Padding;
        if (!beside) ModelLength = Length;
        _byName.Add(name, parameter);
        _all.Add(parameter);
        return parameter;
    }

    /// <summary>Elements of <see cref="Values"/>, padding included.</summary>
    public long Length { get; private set; }

    /// <summary>Elements at the beginning of <see cref="Values"/> that are the model's own.</summary>
    public long ModelLength { get; private set; }

    /// <summary>Takes memory for all values, zero.</summary>
    internal void Allocate()
    {
        Values = NewLike();
        foreach (var (parameter, offset) in _all.Zip(_offsets)) parameter.Value = Values.Slice(offset, parameter.Shape);
    }

    /// <summary>Takes memory for all gradients, zero; does nothing when there are some.</summary>
    public void RequireGradients()
    {
        if (_gradients is not null) return;
        _gradients = NewLike();
        foreach (var (parameter, offset) in _all.Zip(_offsets)) parameter.Gradient = _gradients.Slice(offset, parameter.Shape);
    }

    /// <summary>A tensor in the layout of <see cref="Values"/>, zero: moments, averages.</summary>
    public Tensor NewLike()
    {
        var tensor = _device.Allocate([checked((int)Length)]);
        tensor.Clear();
        return tensor;
    }

    /// <summary>A parameter's place in a tensor of this layout.</summary>
    public Tensor SliceOf(Tensor flat, Parameter parameter) => flat.Slice(_offsets[_all.IndexOf(parameter)], parameter.Shape);

    /// <summary>Sets all gradients to zero.</summary>
    public void ClearGradients()
    {
        if (_gradients is null) return;
        foreach (var parameter in _all) parameter.ClearGradient();
    }

    /// <summary>Says that the values have changed, so that prepared forms are made again.</summary>
    public void MarkChanged()
    {
        foreach (var parameter in _all) parameter.Version++;
    }

    /// <summary>Frees all memory of the set.</summary>
    public void Dispose()
    {
        foreach (var parameter in _all) parameter.ReleasePrepared();
        _gradients?.Dispose();
        Values?.Dispose();
    }
}
