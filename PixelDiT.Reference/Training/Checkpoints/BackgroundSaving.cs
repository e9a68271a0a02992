using PixelDiT.Kernels;

namespace PixelDiT.Reference.Training.Checkpoints;

/// <summary>
/// Writes checkpoints on a thread of its own while training goes on, from a copy of what they hold. One is written at a time: the next waits for the one before. Where there is no memory for the copy, saving waits in line as if it were
/// a step. Used by one thread.
/// </summary>
/// <param name="store">Where checkpoints go.</param>
/// <param name="freeMemory">Bytes of host memory that nobody has taken.</param>
internal sealed class BackgroundSaving(CheckpointStore store, Func<long> freeMemory) : IDisposable
{
    // What is left to others, as pages of the files that are written.
    private const long Reserve = 64L << 20;

    private Task? _writing;
    private long _step;

    /// <summary>Begins to save a checkpoint; one that is being written is waited for first.</summary>
    /// <param name="step">The steps behind it.</param>
    /// <param name="state">The training state.</param>
    /// <param name="model">The model.</param>
    /// <returns>Why it was written in line, with nothing left to wait for; null where it is being written beside training.</returns>
    /// <exception cref="FileFormatException">The checkpoint before cannot be written, or this one in line; it names the step in its data.</exception>
    public string? Begin(long step, CheckpointContent state, CheckpointContent model)
    {
        Wait();
        long bytes = TensorSnapshot.BytesOf(state, model), free = freeMemory();
        if (bytes + Reserve > free || Copy() is not { } snapshot)
        {
            store.Save(step, state, model);
            return $"a copy of the checkpoint takes {Mebibytes(bytes):N0} MiB and {Mebibytes(free):N0} MiB are free, so that training waits while it is written";
        }
        _step = step;
        _writing = Task.Factory.StartNew(() =>
        {
            using (snapshot) store.Save(step, state, model, snapshot);
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return null;

        TensorSnapshot? Copy()
        {
            try
            {
                return new TensorSnapshot(state, model);
            }
            catch (OutOfMemoryException)
            {
                return null;
            }
        }
    }

    /// <summary>The step of the checkpoint that was written since the last call; null while it is being written, and where there is none.</summary>
    /// <exception cref="FileFormatException">It could not be written.</exception>
    public long? Finished() => _writing is { IsCompleted: true } ? Wait() : null;

    /// <summary>Waits for the checkpoint that is being written.</summary>
    /// <returns>Its step, or null where none was.</returns>
    /// <exception cref="FileFormatException">It could not be written.</exception>
    public long? Wait()
    {
        if (_writing is not { } writing) return null;
        _writing = null;
        writing.GetAwaiter().GetResult();
        return _step;
    }

    /// <summary>The step of the checkpoint that is being written or failed last.</summary>
    public long Step => _step;

    private static long Mebibytes(long bytes) => (bytes + (1 << 20) - 1) >> 20;

    /// <summary>Waits for the checkpoint that is being written; what became of it is no longer asked.</summary>
    public void Dispose()
    {
        if (_writing is null) return;
        try
        {
            Wait();
        }
        catch (PixelDiTException)
        {
            // The run ends by another error, which was said.
        }
    }
}
