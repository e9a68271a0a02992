using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Sampling;

/// <summary>Images of a plan drawn by several ranks: batches are dealt out like cards, and rank 0 has their pictures in the order of one process.</summary>
internal static class RankDrawing
{
    /// <summary>Draws the share of a rank that is not the first, to the end.</summary>
    /// <param name="drawing">The model and which images.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="batch">Images at a time, on all ranks the same.</param>
    /// <param name="cancel">Stops all ranks.</param>
    /// <exception cref="OperationCanceledException">A rank was cancelled.</exception>
    /// <inheritdoc cref="SampleDrawing.Draw" path="/exception"/>
    public static void Draw(SampleDrawing drawing, ICommunicator ranks, int batch, CancellationToken cancel)
    {
        foreach (var _ in Draw(drawing, ranks, ranks.FromFirst(0), batch, null, cancel))
        {
            // The pictures go to rank 0.
        }
    }

    /// <summary>Draws this rank's batches, and gives on rank 0 all in their order.</summary>
    /// <param name="drawing">The model and which images.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="done">Images that are there already.</param>
    /// <param name="batch">Images at a time.</param>
    /// <param name="report">Told of every step of this rank.</param>
    /// <param name="cancel">Stops all ranks; what was drawn before is given.</param>
    /// <exception cref="OperationCanceledException">A rank was cancelled.</exception>
    internal static IEnumerable<(long[] Images, IReadOnlyList<Picture> Pictures)> Draw(SampleDrawing drawing, ICommunicator ranks, long done, int batch, Action<SampleReport>? report, CancellationToken cancel)
    {
        var plan = drawing.Plan;
        foreach (long[][] round in plan.Batches(done, batch).Chunk(ranks.Size))
        {
            var pictures = ranks.Rank < round.Length ? DrawOwn(round[ranks.Rank], round.Sum(images => images.Length)) : [];
            // Nothing from a rank that has a batch means that it was stopped.
            byte[][] drawn = ranks.Gather(Bytes(pictures));
            for (int rank = 0; rank < round.Length && drawn[rank].Length > 0; rank++)
            {
                done += round[rank].Length;
                if (ranks.Rank == 0) yield return (round[rank], Pictures(drawn[rank], round[rank]));
            }
            if (drawn.Take(round.Length).Any(bytes => bytes.Length == 0)) throw new OperationCanceledException(cancel);
        }

        IReadOnlyList<Picture> DrawOwn(long[] images, int ofRound)
        {
            long before = done;
            try
            {
                return drawing.Draw(images, (step, _) => report?.Invoke(new SampleReport(before, before + (ofRound * ((double)step / plan.Sampling.Steps)), plan.Count)), cancel);
            }
            catch (OperationCanceledException)
            {
                return [];
            }
        }

        IReadOnlyList<Picture> Pictures(byte[] bytes, long[] images)
        {
            var size = plan.SizeOf(images[0]);
            int channels = drawing.Model.Config.Channels, length = channels * size.Height * size.Width;
            return [.. Enumerable.Range(0, images.Length).Select(i => new Picture(size.Width, size.Height, channels, bytes[(i * length)..((i + 1) * length)]))];
        }
    }

    private static byte[] Bytes(IReadOnlyList<Picture> pictures) => [.. pictures.SelectMany(picture => picture.Pixels)];
}
