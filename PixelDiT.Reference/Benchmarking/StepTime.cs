using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Benchmarking;

/// <summary>An estimate of how long a training step will take, from a step of a few images on the device that will train.</summary>
internal static class StepTime
{
    // What is timed shall take about a second and not minutes, whatever the model.
    private const double MostGflop = 100;

    /// <summary>Seconds of a training step. Time is taken to grow with the images, so that small steps look somewhat slower than they are.</summary>
    /// <param name="sizes">The model.</param>
    /// <param name="precision">What products round to.</param>
    /// <param name="batch">Images a step.</param>
    /// <param name="size">The size of the images.</param>
    /// <param name="device">Where.</param>
    /// <param name="cancel">Stops the measurement.</param>
    /// <exception cref="Kernels.ShapeException">The size does not divide.</exception>
    public static double Estimate(ModelConfig sizes, Precision precision, int batch, ImageSize size, Device device, CancellationToken cancel = default)
    {
        const int backward = 3, repeat = 3;
        double gflop = backward * ModelCost.ForwardFlops(sizes, 1, size.Height, size.Width) / 1e9;
        int images = Math.Clamp((int)(MostGflop / gflop), 1, batch);
        var result = Benchmark.Run(sizes, device, images, size, train: true, step: true, repeat, precision, cancel, warmUp: 0);
        return result.Step!.Time.Median / 1e3 * batch / images;
    }
}
