using PixelDiT.Kernels;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Distributed;

namespace PixelDiT.Reference.Training.Ranks;

/// <summary>
/// Which images of every batch a rank computes. A batch is cut into parts as for one process (<see cref="TrainingConfig.Accumulate"/>), and dealt out like cards: part k goes to rank k modulo the number of ranks. So in each round
/// the ranks hold parts that follow each other, and their gradients can be added to the sum in the order of one process, whatever the number of rounds.
/// </summary>
/// <param name="Batch">B, images of all.</param>
/// <param name="Parts">Parts of a batch.</param>
/// <param name="Rank">This rank.</param>
/// <param name="Ranks">All ranks; they divide the parts.</param>
internal sealed record BatchShare(int Batch, int Parts, int Rank, int Ranks)
{
    /// <summary>The share of a rank; all of it where there is one process.</summary>
    /// <exception cref="ConfigurationException">The parts cannot be dealt out evenly.</exception>
    public static BatchShare Of(TrainingConfig config, ICommunicator? ranks)
    {
        int size = ranks?.Size ?? 1;
        return config.Accumulate % size == 0
            ? new BatchShare(config.Batch, config.Accumulate, ranks?.Rank ?? 0, size)
            : throw new ConfigurationException($"accumulate is {config.Accumulate}, and {size} ranks share these parts of a batch; a multiple of {size} that divides the batch, {config.Batch}, was expected");
    }

    /// <summary>Images that this rank computes.</summary>
    public int Images => Batch / Ranks;

    /// <summary>Images of a part.</summary>
    public int PartImages => Batch / Parts;

    /// <summary>Parts that this rank computes.</summary>
    public int Rounds => Parts / Ranks;

    /// <summary>The places in the batch of the images of this rank; null for all.</summary>
    public int[]? Rows => Ranks == 1 ? null : [.. Enumerable.Range(0, Images).Select(RowOf)];

    /// <summary>The place in the batch of an image of this rank.</summary>
    public int RowOf(int image) => (PartOf(image / PartImages) * PartImages) + (image % PartImages);

    /// <summary>The part of the batch that a rank computes in a round.</summary>
    public int PartOf(int round) => (round * Ranks) + Rank;

    /// <summary>Fills the noise of this rank's images as that of the batch is filled.</summary>
    /// <param name="noise">[images of this rank, …].</param>
    /// <param name="key">The run's seed.</param>
    /// <param name="stream">The step's stream.</param>
    public void FillNoise(Tensor noise, ulong key, ulong stream)
    {
        if (Ranks == 1)
        {
            Noise.Fill(noise, key, stream);
            return;
        }
        long part = noise.Count / Rounds;
        for (int round = 0; round < Rounds; round++) Noise.Fill(noise.Slice(round * part, [checked((int)part)]), key, stream, PartOf(round) * part);
    }
}
