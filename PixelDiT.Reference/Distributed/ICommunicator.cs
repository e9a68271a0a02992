using System.Buffers.Binary;

namespace PixelDiT.Reference.Distributed;

/// <summary>A transfer that has begun and goes on beside other work. What it reads and writes is its own until <see cref="Wait"/> has returned.</summary>
public interface ITransfer
{
    /// <summary>Whether <see cref="Wait"/> would return at once.</summary>
    bool IsDone { get; }

    /// <summary>Waits for the end.</summary>
    /// <exception cref="DistributedException">A rank has ended, does not answer, or could not be reached.</exception>
    void Wait();
}

/// <summary>Pieces of a line of float32 numbers, one for each rank, in memory that what carries them reaches.</summary>
/// <param name="Start">The address of the first number of the line.</param>
/// <param name="Places">Where each rank's piece begins, in numbers from the start.</param>
/// <param name="Counts">How many numbers each rank's piece has; 0 leaves it out.</param>
public sealed record Pieces(long Start, int[] Places, int[] Counts);

/// <summary>Exchanges numbers between ranks, in the memory of their devices. Every rank makes the same calls in the same order; a transfer begins at once and goes on.</summary>
public interface IExchange
{
    /// <summary>Every rank sends to every other one piece, and receives one from it.</summary>
    /// <param name="send">The piece for each rank. That of the rank itself goes nowhere and must have no numbers.</param>
    /// <param name="receive">Where the piece of each rank goes; as many numbers as it sends.</param>
    ITransfer AllToAll(Pieces send, Pieces receive);

    /// <summary>Every rank gives its piece of a line to all others, which receive it at the same place.</summary>
    ITransfer AllGather(Pieces line);
}

/// <summary>
/// What processes that train together have of each other, whatever carries it. Every rank makes the same calls in the same order. All methods wait. Called by one thread of a process.
/// </summary>
public interface ICommunicator : IDisposable
{
    /// <summary>This process among all, from 0.</summary>
    int Rank { get; }

    /// <summary>How many processes there are.</summary>
    int Size { get; }

    /// <summary>What carries the numbers, for a person.</summary>
    string Description { get; }

    /// <summary>Every rank gives some bytes, and has those of all, in the order of ranks.</summary>
    /// <exception cref="DistributedException">A rank has ended, does not answer, or could not be reached.</exception>
    byte[][] Gather(ReadOnlySpan<byte> own);

    /// <summary>A number of rank 0 for all.</summary>
    /// <param name="own">The number; that of another rank is not looked at.</param>
    /// <exception cref="DistributedException">A rank has ended, does not answer, or could not be reached.</exception>
    long FromFirst(long own)
    {
        byte[] bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, own);
        return BinaryPrimitives.ReadInt64LittleEndian(Gather(bytes)[0]);
    }

    /// <summary>Rank 0 gives float32 numbers in host memory to all others.</summary>
    /// <param name="start">The address of the first.</param>
    /// <param name="count">How many.</param>
    /// <exception cref="DistributedException">A rank has ended, does not answer, or could not be reached.</exception>
    void Broadcast(long start, long count);

    /// <summary>Notes the steps behind a run, which messages about a rank that is gone name.</summary>
    void NoteStep(long step);

    /// <summary>Goes on with nothing that is on its way, because this rank has failed: what transfers read and write is free when it returns. What is left to do is to dispose.</summary>
    void Stop();

    /// <summary>Waits until every rank has come here, and ends the connection in good order. What is disposed without it counts as a process that failed, and ends the others.</summary>
    /// <exception cref="DistributedException">A rank has ended, does not answer, or could not be reached.</exception>
    void Leave();
}
