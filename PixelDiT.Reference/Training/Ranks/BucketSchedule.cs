using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Reference.Training.Ranks;

/// <summary>
/// When a bucket's gradients are finished: after the last operation of the backward that asks for one of them. Which that is, is learned in the first backward of each shape of tape, where all buckets leave at the end; later ones of as many
/// operations send each bucket as soon as it is finished. As all ranks run the same operations, all send in the same order.
/// </summary>
/// <param name="parameters">The model's parameters.</param>
/// <param name="buckets">The buckets of their gradients.</param>
internal sealed class BucketSchedule(ParameterSet parameters, Bucket[] buckets)
{
    private readonly ILookup<Parameter, Bucket> _bucketsOf = buckets.SelectMany(bucket => bucket.Parameters.Select(parameter => (parameter, bucket))).ToLookup(entry => entry.parameter, entry => entry.bucket);
    private readonly Dictionary<int, (Bucket Bucket, int After)[]> _known = [];
    private readonly Dictionary<Bucket, int> _learned = [];
    private readonly HashSet<Bucket> _touched = [];
    private (Bucket Bucket, int After)[]? _plan;
    private Action<Bucket>? _send;
    private int _operations, _sent;
    private bool _isObserved;

    /// <summary>The buckets in the order in which they were sent last.</summary>
    public IReadOnlyList<Bucket> InOrder { get; private set; } = buckets;

    /// <summary>Buckets of the last backward that left before its end.</summary>
    public int Early { get; private set; }

    /// <summary>Watches a backward that is about to begin.</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="send">Sends a bucket.</param>
    public void Watch(Tape tape, Action<Bucket> send)
    {
        (_plan, _send, _operations, _sent, Early) = (null, send, -1, 0, 0);
        _learned.Clear();
        _touched.Clear();
        Observe(true);
        tape.Ran = Ran;
    }

    /// <summary>Sends what has not left when the backward has ended.</summary>
    public void SendRest()
    {
        Observe(false);
        Early = _sent;
        if (_plan is null)
        {
            _plan = [.. buckets.Select(bucket => (bucket, After: _learned.GetValueOrDefault(bucket, 0))).OrderByDescending(entry => entry.After)];
            _known[_operations] = _plan;
        }
        SendFinished(0);
        InOrder = [.. _plan.Select(entry => entry.Bucket)];
    }

    private void Ran(int left)
    {
        if (_operations < 0)
        {
            _operations = left + 1;
            _plan = _known.GetValueOrDefault(_operations);
        }
        foreach (var bucket in _touched) _learned[bucket] = left;
        _touched.Clear();
        if (_plan is not null) SendFinished(left);
    }

    private void SendFinished(int left)
    {
        for (; _sent < _plan!.Length && _plan[_sent].After >= left; _sent++)
        {
            var bucket = _plan[_sent].Bucket;
            // Asking clears what no operation has written.
            foreach (var parameter in bucket.Parameters)
            {
                parameter.GradientObserver = null;
                _ = parameter.Gradient;
                if (_isObserved) parameter.GradientObserver = Refuse;
            }
            _send!(bucket);
        }
    }

    private void Observe(bool isObserved)
    {
        _isObserved = isObserved;
        foreach (var parameter in parameters.All) parameter.GradientObserver = isObserved ? Touch : null;
    }

    private void Touch(Parameter parameter) => _touched.UnionWith(_bucketsOf[parameter]);

    private static void Refuse(Parameter parameter) => throw new InvalidOperationException($"the gradient of {parameter.Name} is written after it was sent");
}
