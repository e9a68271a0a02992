using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Reference.Autodiff;

/// <summary>
/// Reverse-mode differentiation. Each operation launches its forward and pushes a closure that turns its output's gradient into its inputs' gradients;
/// <see cref="Backward(Variable, Tensor)"/> runs the closures in reverse. When a closure has run, its output's value and gradient and what it saved are released: every
/// consumer of the output was pushed later and has run already. Disposing releases whatever is left, also after an exception.
/// </summary>
/// <remarks>
/// Gradients of activations are written by their first consumer and added to by the others; gradients of parameters are added to, but for the first of a large one after it was cleared.
/// A tape that does not record keeps nothing: values live until the end of the <see cref="Scope"/> they were made in.
/// </remarks>
public sealed class Tape : IDisposable
{
    private readonly record struct Node(Variable Output, Variable? Second, Action<Tensor?, Tensor?> Backward, Tensor? Saved);

    private readonly List<Node> _nodes = [];
    private readonly List<Tensor> _live;
    private readonly List<Variable> _leaves = [];
    private readonly Dictionary<Variable, string> _watched = [];

    /// <summary>A tape on a device.</summary>
    /// <param name="device">Where values live.</param>
    /// <param name="recording">Whether a backward will follow.</param>
    public Tape(Device device, bool recording) => (Device, Recording, _live) = (device, recording, []);

    /// <summary>A tape for a part of another's computation, whose memory is the other's to release.</summary>
    private Tape(Tape whole) => (Device, Recording, _live, Precision, Cancel) = (whole.Device, true, whole._live, whole.Precision, whole.Cancel);

    /// <summary>Where values live.</summary>
    public Device Device { get; }

    /// <summary>Whether a backward will follow.</summary>
    public bool Recording { get; }

    /// <summary>What products round their operands to; with <see cref="Precision.BFloat16"/> activations are stored so too.</summary>
    public Precision Precision { get; set; }

    /// <summary>
    /// Whether blocks keep no more than their inputs for the backward and run again there (activation checkpointing): a step takes the memory of one block's activations instead of all blocks', and a forward more time. The gradients are the
    /// same to the bit, since the same operations run on the same numbers in the same order.
    /// </summary>
    public bool Checkpoints { get; set; }

    /// <summary>Whether a block is to be checkpointed; one whose inside is looked at is not.</summary>
    private bool IsCheckpointing => Checkpoints && Recording && Observer is null && GradientObserver is null && Traces is null;

    /// <summary>How activations are stored.</summary>
    internal ElementType Storage => Precision == Precision.BFloat16 ? ElementType.BFloat16 : ElementType.Single;

    /// <summary>Called with the name and the value of each stage of the model as it is computed; the value is valid during the call.</summary>
    public Action<string, Variable>? Observer { get; set; }

    /// <summary>A value from outside, which stays its owner's.</summary>
    /// <param name="value">The value.</param>
    /// <param name="requiresGradient">Whether the root's gradient with respect to it is wanted: it is in <see cref="Variable.Gradient"/> until the tape is disposed.</param>
    public Variable Input(Tensor value, bool requiresGradient = false)
    {
        var variable = new Variable(value, requiresGradient && Recording, owned: false);
        _leaves.Add(variable);
        return variable;
    }

    /// <summary>Called in the backward when an operation's has been queued, with the number of operations that are left.</summary>
    internal Action<int>? Ran { get; set; }

    /// <summary>Called in the backward with the name of each stage that the observer was told of and the gradient with respect to its value.</summary>
    public Action<string, Tensor>? GradientObserver { get; set; }

    /// <summary>Which of the finer steps inside blocks the observer wants; a fused operation then runs the steps it replaces. Null means none.</summary>
    public Func<string, bool>? Traces { get; set; }

    /// <summary>Tells the observer of a stage.</summary>
    public void Stage(string name, Variable value)
    {
        Observer?.Invoke(name, value);
        if (GradientObserver is not null) _watched[value] = name;
    }

    /// <summary>Tells the observer of a finer step if it wants it.</summary>
    public void Step(string name, Variable value)
    {
        if (IsTraced(name)) Stage(name, value);
    }

    /// <summary>Whether any of a fused operation's steps is traced.</summary>
    internal bool IsTraced(params ReadOnlySpan<string> steps)
    {
        if (Traces is null) return false;
        foreach (string step in steps)
        {
            if (Traces(step)) return true;
        }
        return false;
    }

    /// <summary>A block: computed, or with <see cref="Checkpoints"/> run again in the backward.</summary>
    /// <param name="block">Computes it on a tape from variables of this one, at any time the same.</param>
    internal Variable Block(Func<Tape, Variable> block) => IsCheckpointing ? RunAgain(tape => (block(tape), null)).First : block(this);

    /// <summary>The same for a block with two outputs.</summary>
    internal (Variable First, Variable Second) Block(Func<Tape, (Variable First, Variable Second)> block)
        => IsCheckpointing && RunAgain(tape => block(tape)) is var (first, second) ? (first, second!) : block(this);

    private (Variable First, Variable? Second) RunAgain(Func<Tape, (Variable First, Variable? Second)> block)
    {
        Variable output;
        Variable? second;
        using (var first = new Tape(Device, recording: true) { Precision = Precision, Cancel = Cancel })
        {
            var results = block(first);
            (output, second) = (Take(first, results.First), results.Second is null ? null : Take(first, results.Second));
        }
        Push(output, second, (_, _) =>
        {
            var again = new Tape(this);
            var roots = block(again);
            (roots.First.Gradient, output.Gradient) = (output.Gradient, null);
            if (second is not null) (roots.Second!.Gradient, second.Gradient) = (second.Gradient, null);
            again.Run();
        });
        return (output, second);
    }

    /// <summary>A value of another tape as one of this.</summary>
    private Variable Take(Tape from, Variable result)
    {
        from._live.Remove(result.Value);
        _live.Add(result.Value);
        return new Variable(result.Value, result.RequiresGradient, owned: true);
    }

    /// <summary>Computes gradients of the root with respect to all that lies before it.</summary>
    /// <param name="root">A variable of this tape; a scalar unless a cotangent is given.</param>
    /// <param name="cotangent">The gradient fed in, of the root's shape, copied; null means 1.</param>
    /// <exception cref="ShapeException">The root is no scalar, and no cotangent was given.</exception>
    public void Backward(Variable root, Tensor? cotangent = null)
    {
        if (!Recording) throw new InvalidOperationException("this tape does not record");
        if (cotangent is null && root.Value.Count != 1) throw new ShapeException($"a root {root.Shape} is no single number; its gradient to begin with must be given");
        var seed = Allocate(root.Shape, root.Value.Type);
        if (cotangent is null)
        {
            Fill.Forward(1, seed);
        }
        else
        {
            seed.Clear();
            Accumulate.Forward(cotangent, seed);
        }
        root.Gradient = seed;
        Run();
    }

    /// <summary>The same from several roots at once.</summary>
    /// <param name="roots">Variables of this tape and the gradients fed in, of their shapes, copied.</param>
    public void Backward(params ReadOnlySpan<(Variable Root, Tensor Cotangent)> roots)
    {
        if (!Recording) throw new InvalidOperationException("this tape does not record");
        foreach (var (root, cotangent) in roots)
        {
            root.Gradient = Allocate(root.Shape, root.Value.Type);
            root.Gradient.Clear();
            Accumulate.Forward(cotangent, root.Gradient);
        }
        Run();
    }

    private void Run()
    {
        for (int i = _nodes.Count - 1; i >= 0; i--)
        {
            var node = _nodes[i];
            if ((Whole(node.Output), Whole(node.Second)) is var (gradient, second) && (gradient ?? second) is not null)
            {
                node.Backward(gradient, second);
                ReleaseGradient(node.Output);
                ReleaseGradient(node.Second);
            }
            if (node.Output.Owned) Release(node.Output.Value);
            if (node.Second is { Owned: true }) Release(node.Second.Value);
            Release(node.Saved);
            Ran?.Invoke(i);
        }
        _nodes.Clear();
    }

    /// <summary>The gradient of an output when all of its consumers have run; null where none of them gave one.</summary>
    private Tensor? Whole(Variable? output)
    {
        if (output?.Gradient is not { } gradient) return null;
        if (output.PartsMissing != 0 && !output.PartsAreOptional) throw new InvalidOperationException($"parts {output.PartsMissing:b} of a gradient {output.Shape} were never written");
        if (GradientObserver is { } observer && _watched.TryGetValue(output, out string? stage)) observer(stage, gradient);
        return gradient;
    }

    private void ReleaseGradient(Variable? output)
    {
        if (output is null) return;
        Release(output.Gradient);
        output.Gradient = null;
    }

    /// <summary>Releases everything the tape still holds; gradients of inputs end here.</summary>
    public void Dispose()
    {
        foreach (var tensor in _live) tensor.Dispose();
        _live.Clear();
        _nodes.Clear();
        foreach (var leaf in _leaves) leaf.Gradient = null;
        _leaves.Clear();
    }

    /// <summary>Memory that the tape releases.</summary>
    internal Tensor Allocate(Shape shape, ElementType type = ElementType.Single)
    {
        var tensor = Device.Allocate(shape, type);
        _live.Add(tensor);
        return tensor;
    }

    /// <summary>A new variable that depends on others.</summary>
    internal Variable Output(Shape shape, ElementType type, bool requiresGradient) => new(Allocate(shape, type), requiresGradient && Recording, owned: true);

    /// <summary>Adds an operation's backward, which takes the output's gradient.</summary>
    internal void Push(Variable output, Action<Tensor> backward, Tensor? saved = null)
    {
        if (output.RequiresGradient) _nodes.Add(new Node(output, null, (gradient, _) => backward(gradient!), saved));
    }

    /// <summary>The same for an operation with two outputs; the gradient of one that no consumer gave any is null.</summary>
    internal void Push(Variable output, Variable? second, Action<Tensor?, Tensor?> backward, Tensor? saved = null)
    {
        if (output.RequiresGradient || second is { RequiresGradient: true }) _nodes.Add(new Node(output, second, backward, saved));
    }

    /// <summary>Where an operation's backward puts an input's gradient; null where nobody wants it.</summary>
    /// <param name="input">The input.</param>
    /// <param name="accumulate">Whether to add to what is there.</param>
    internal Tensor? Target(Variable input, out bool accumulate)
    {
        accumulate = input.Gradient is not null;
        if (!input.RequiresGradient) return null;
        return input.Gradient ??= Allocate(input.Shape, input.Value.Type);
    }

    /// <summary>Where a backward writes one of the disjoint parts of an input's gradient.</summary>
    internal Tensor? TargetPart(Variable input, int part, int parts)
    {
        if (!input.RequiresGradient) return null;
        if (input.Gradient is null)
        {
            input.Gradient = Allocate(input.Shape, input.Value.Type);
            if (input.PartsAreOptional) input.Gradient.Clear();
            input.PartsMissing = (1u << parts) - 1;
        }
        if ((input.PartsMissing & (1u << part)) == 0) throw new InvalidOperationException($"part {part} of a gradient {input.Shape} has two writers");
        input.PartsMissing &= ~(1u << part);
        return input.Gradient;
    }

    /// <summary>Passes an output's gradient unchanged to an input: as it is where the input has none yet, else added.</summary>
    internal void Pass(Variable output, Variable input)
    {
        if (!input.RequiresGradient) return;
        if (input.Gradient is null) (input.Gradient, output.Gradient) = (output.Gradient, null);
        else Accumulate.Forward(output.Gradient!, input.Gradient);
    }

    /// <summary>Looked at where a block begins, so that a long forward can be stopped.</summary>
    public CancellationToken Cancel { get; init; }

    /// <summary>Begins a scope: without recording, values made in it are released at its end, but for those kept.</summary>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    internal Scope Begin()
    {
        Cancel.ThrowIfCancellationRequested();
        return new Scope(this);
    }

    /// <summary>Goes from a block's input to its output; the input is released unless the tape records.</summary>
    internal Variable Replace(Variable input, Variable output)
    {
        if (!Recording && input.Owned) Release(input.Value);
        return output;
    }

    private void Release(Tensor? tensor)
    {
        if (tensor is null) return;
        tensor.Dispose();
        // What was made last is released first, as a rule.
        int at = _live.LastIndexOf(tensor);
        if (at >= 0) _live.RemoveAt(at);
    }

    /// <summary>A stretch of a forward whose intermediate values nobody needs later.</summary>
    internal readonly struct Scope(Tape tape) : IDisposable
    {
        private readonly int _first = tape._live.Count;
        private readonly List<Tensor> _kept = [];

        /// <summary>Keeps a value beyond the scope.</summary>
        public Variable Keep(Variable variable)
        {
            _kept.Add(variable.Value);
            return variable;
        }

        /// <summary>Releases the scope's values unless the tape records.</summary>
        public void Dispose()
        {
            if (tape.Recording) return;
            for (int i = tape._live.Count - 1; i >= _first; i--)
            {
                if (_kept.Contains(tape._live[i])) continue;
                tape._live[i].Dispose();
                tape._live.RemoveAt(i);
            }
        }
    }
}
