using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Tests.Operations;

/// <summary>What a row computed: its output, and the gradient of every input that has one.</summary>
internal sealed record OperationResult(float[] Output, IReadOnlyDictionary<string, float[]> Gradients);

/// <summary>A row on a device: its inputs in device memory and a tape.</summary>
internal sealed class OperationRun : IDisposable
{
    /// <summary>Elements of a guard band before and after each input.</summary>
    private const int Band = 128;

    private readonly OperationCase _row;
    private readonly bool _guarded;
    private readonly int _first;
    private readonly Dictionary<string, Variable> _variables = [];
    private readonly Dictionary<string, Tensor> _tensors = [];
    private readonly List<(Tensor Whole, long Count)> _bands = [];
    private readonly Stack<IDisposable> _owned = new();
    private readonly ParameterSet _parameters;

    /// <param name="row">The row.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="values">Its inputs.</param>
    /// <param name="storage">How activations are stored.</param>
    /// <param name="guarded">Puts inputs between bands of NaN, to be looked at by <see cref="CheckBands"/>.</param>
    /// <param name="first">Where else inputs begin in their blocks, whose addresses are multiples of 256 bytes.</param>
    public OperationRun(OperationCase row, Device device, OperationValues values, ElementType storage = ElementType.Single, bool guarded = false, int first = 0)
    {
        (this._row, Device, Storage, this._guarded, this._first) = (row, device, storage, guarded, first);
        _parameters = Own(new ParameterSet(device));
        Tape = Own(new Tape(device, recording: true));
        foreach (var input in row.Inputs.Where(input => input.Role == Role.Parameter)) _parameters.Add(input.Name, input.Shape);
        if (_parameters.All.Count > 0) PlaceParameters(values);
        foreach (var input in row.Inputs.Where(input => input.Role != Role.Parameter))
        {
            var tensor = input.Role == Role.Labels
                ? Own(device.Upload(input.Labels, input.Shape))
                : Place(values.Singles(input.Name), input.Shape, input.Role == Role.Activation ? storage : ElementType.Single);
            if (input.HasGradient) _variables[input.Name] = Tape.Input(tensor, requiresGradient: true);
            else _tensors[input.Name] = tensor;
        }
    }

    public Device Device { get; }

    public Tape Tape { get; }

    /// <summary>How activations are stored.</summary>
    public ElementType Storage { get; }

    /// <summary>An activation.</summary>
    public Variable this[string name] => _variables[name];

    /// <summary>A trained tensor.</summary>
    public Parameter Parameter(string name) => _parameters[name];

    /// <summary>A constant or labels.</summary>
    public Tensor Tensor(string name) => _tensors[name];

    /// <summary>Disposes of something at the run's end.</summary>
    public T Own<T>(T disposable) where T : IDisposable
    {
        _owned.Push(disposable);
        return disposable;
    }

    /// <summary>A variable for an operation that is not on the tape to write.</summary>
    public Variable Output(Shape shape, ElementType type = ElementType.Single) => Tape.Output(shape, type, requiresGradient: false);

    /// <summary>Runs a row once, forward and, where it has one, backward.</summary>
    public static OperationResult Execute(OperationCase row, Device device, OperationValues? values = null, ElementType storage = ElementType.Single, int first = 0)
    {
        using var run = new OperationRun(row, device, values ?? row.Draw(), storage, first: first);
        return run.Execute();
    }

    /// <summary>Forward and, where there is one, backward.</summary>
    public OperationResult Execute()
    {
        var output = _row.Forward(this);
        float[] values = output.Value.ToArray();
        if (_row.GradientTolerance is null) return new OperationResult(values, new Dictionary<string, float[]>());
        Backward(output);
        return new OperationResult(values, _row.Inputs.Where(input => input.HasGradient).ToDictionary(input => input.Name, Gradient));
    }

    /// <summary>Backward from an output.</summary>
    public void Backward(Variable output)
    {
        var cotangent = Own(Device.Allocate(output.Shape, output.Value.Type));
        cotangent.Upload(_row.Cotangent((int)output.Value.Count));
        Tape.Backward(output, cotangent);
    }

    /// <summary>An input's gradient; elements that other consumers would write are 0.</summary>
    public float[] Gradient(Input input)
    {
        var gradient = input.Role == Role.Parameter ? _parameters[input.Name].Gradient : _variables[input.Name].Gradient;
        float[] values = (gradient ?? throw new InvalidOperationException($"{input.Name} received no gradient")).ToArray();
        if (input.Written is { } written)
        {
            for (int i = 0; i < values.Length; i++) values[i] = written(i) ? values[i] : 0;
        }
        return values;
    }

    /// <summary>Asserts that nothing was written beyond the ends of the inputs, the trained tensors and their gradients.</summary>
    public void CheckBands()
    {
        foreach (var (whole, count) in _bands)
        {
            float[] all = whole.ToArray();
            Assert.That(all.Take(Band).Concat(all.Skip(Band + (int)count)), Has.All.NaN, "memory beside an input was written");
        }
        foreach (var flat in new[] { _parameters.Values, _parameters.Gradients })
        {
            if (flat is null) continue;
            float[] all = flat.ToArray();
            long end = 0;
            foreach (var parameter in _parameters.All)
            {
                long next = end + (parameter.Shape.Count + 63) / 64 * 64;
                Assert.That(all[(int)(end + parameter.Shape.Count)..(int)next], Has.All.NaN, $"memory behind {parameter.Name} was written");
                end = next;
            }
        }
    }

    public void Dispose()
    {
        while (_owned.TryPop(out var last)) last.Dispose();
    }

    private void PlaceParameters(OperationValues values)
    {
        _parameters.Allocate();
        _parameters.RequireGradients();
        if (_guarded)
        {
            float[] nothing = Nothing(_parameters.Length);
            _parameters.Values!.Upload(nothing);
            _parameters.Gradients!.Upload(nothing);
        }
        foreach (var parameter in _parameters.All)
        {
            parameter.Value.Upload(values.Singles(parameter.Name));
            parameter.Gradient!.Clear();
        }
    }

    private Tensor Place(float[] values, Shape shape, ElementType type)
    {
        int band = _guarded ? Band : _first;
        var whole = Own(Device.Allocate([values.Length + (2 * band)], type));
        if (_guarded)
        {
            whole.Upload(Nothing(whole.Count));
            _bands.Add((whole, values.Length));
        }
        var tensor = whole.Slice(band, shape);
        tensor.Upload(values);
        return tensor;
    }

    private static float[] Nothing(long count) => [.. Enumerable.Repeat(float.NaN, (int)count)];
}
