using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Sampling;

/// <summary>The first image of each class or prompt at moments of its way from noise, in bytes, for as many of the first as there is room for.</summary>
internal sealed class Snapshots
{
    private readonly SamplePlan _plan;
    private readonly int _channels;
    private readonly Picture?[] _pictures;

    /// <summary>Moments spread evenly over a run's steps, the noise and the end among them.</summary>
    /// <param name="plan">The run.</param>
    /// <param name="channels">C.</param>
    /// <param name="moments">How many at most; at least 2.</param>
    /// <param name="capacity">How many pictures there is room for.</param>
    public Snapshots(SamplePlan plan, int channels, int moments, int capacity)
    {
        (_plan, _channels) = (plan, channels);
        Steps = [.. Enumerable.Range(0, moments).Select(moment => (int)Math.Round(moment * (double)plan.Sampling.Steps / (moments - 1))).Distinct()];
        _pictures = new Picture?[Steps.Count * Math.Min(plan.Rows, capacity / Steps.Count)];
    }

    /// <summary>The steps behind each moment, rising.</summary>
    public List<int> Steps { get; }

    /// <summary>How many of the first classes or prompts there is room for.</summary>
    public int Rows => _pictures.Length / Steps.Count;

    /// <summary>Looks at a batch on its way.</summary>
    /// <param name="batch">Its images, in rising order.</param>
    /// <param name="step">Steps done.</param>
    /// <param name="state">[B, C, H, W].</param>
    public void Observe(long[] batch, int step, Tensor state)
    {
        int moment = Steps.IndexOf(step), size = (int)(state.Count / state.Shape[0]);
        for (int row = 0; moment >= 0 && row < Rows; row++)
        {
            int at = Array.BinarySearch(batch, (long)row * _plan.PerRow);
            if (at < 0) continue;
            var image = new float[size];
            state.Slice((long)at * size, [size]).Download(image);
            _pictures[(row * Steps.Count) + moment] = Picture.FromImage(image, _channels, state.Shape[2], state.Shape[3]);
        }
    }

    /// <summary>The rows of which every moment is there, with their places; each picture stands in a frame that holds all of the run.</summary>
    public IReadOnlyList<(int Row, Picture[] Pictures)> Whole()
    {
        var frame = _plan.Frame;
        return [.. _pictures.Chunk(Steps.Count).Index().Where(row => row.Item.All(picture => picture is not null)).Select(row => (row.Index, Array.ConvertAll(row.Item, picture => picture!.Frame(frame.Width, frame.Height))))];
    }
}
