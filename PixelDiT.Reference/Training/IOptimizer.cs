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
    long Steps { get; set; }

    /// <summary>One step from the gradients as they are.</summary>
    /// <param name="learningRate">The step size; null for that of the settings.</param>
    void Step(double? learningRate = null);
}
