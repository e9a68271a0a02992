using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Reference.Training;

/// <summary>Clipping, a rule that moves weights by their gradients, and the average of the weights, for all parameters of a model.</summary>
public interface IOptimizer : IDisposable
{
    /// <summary>The averaged weights (EMA) in the parameters' layout; null where none is kept.</summary>
    Tensor? Average { get; }

    /// <summary>The norm of all gradients before clipping, [1], after a step.</summary>
    Tensor Norm { get; }

    /// <summary>Steps taken.</summary>
    long Steps { get; }

    /// <summary>Steps whose update was made: all but those whose gradients were not finite.</summary>
    long Updates { get; }

    /// <summary>Tells what became of the oldest step that was not told of yet, when its norm has been read.</summary>
    /// <param name="isFinite">Whether the norm of its gradients is finite, so that its update was made.</param>
    void Confirm(bool isFinite);

    /// <summary>One step from the gradients as they are. Where their norm is not finite, nothing is updated.</summary>
    /// <param name="learningRate">The step size; null for that of the settings.</param>
    void Step(double? learningRate = null);

    /// <summary>Sets what a file says of the steps taken and the updates made.</summary>
    void Restore(long steps, long updates);
}
