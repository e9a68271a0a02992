using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Reference.Training;

/// <summary>An optimiser whose state is two moments and an average of each parameter, as AdamW's is.</summary>
public interface IMoments : IOptimizer
{
    /// <summary>The mean of gradients, in the parameters' layout.</summary>
    Tensor First { get; }

    /// <summary>The mean of squared gradients, in the parameters' layout.</summary>
    Tensor Second { get; }

    /// <summary>The averaged weights, in the parameters' layout.</summary>
    new Tensor Average { get; }

    /// <summary>Sets what a file says of the steps taken and the updates made.</summary>
    void Restore(long steps, long updates);
}
