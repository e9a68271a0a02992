using System.Runtime.InteropServices;

namespace PixelDiT.Reference.Distributed.Mpi;

/// <summary>A call of MPI that one thread asks for and another makes: begun there, tested until it is done, and waited for here. What the call reads until its end is kept in memory that does not move.</summary>
internal sealed unsafe class MpiTransfer : ITransfer
{
    private readonly ManualResetEventSlim _done = new();
    private readonly Action<MpiTransfer> _begin;
    private readonly MpiCommunicator _owner;
    private readonly List<nint> _kept = [];
    private DistributedException? _failure;

    /// <summary>A call that is to be made.</summary>
    /// <param name="owner">Whose thread makes it.</param>
    /// <param name="begin">Makes it, with <see cref="Request"/> for its request.</param>
    public MpiTransfer(MpiCommunicator owner, Action<MpiTransfer> begin)
    {
        (_owner, _begin) = (owner, begin);
        Request = (nint*)Keep(sizeof(nint));
    }

    /// <summary>A word for the request.</summary>
    public nint* Request { get; }

    /// <inheritdoc/>
    public bool IsDone => _done.IsSet;

    /// <summary>Numbers that the call reads until it is done.</summary>
    public int* Keep(int[] numbers)
    {
        int* kept = (int*)Keep(numbers.Length * sizeof(int));
        numbers.CopyTo(new Span<int>(kept, numbers.Length));
        return kept;
    }

    /// <summary>Makes the call.</summary>
    public void Begin() => _begin(this);

    /// <summary>Notes that it is done, or will never be.</summary>
    public void End(DistributedException? failure = null)
    {
        _failure = failure;
        // What a call that failed still has in hand may be written to later.
        if (failure is null) Free();
        _done.Set();
    }

    /// <inheritdoc/>
    public void Wait()
    {
        if (!_done.IsSet)
        {
            _owner.BeginWaiting();
            try
            {
                _done.Wait();
            }
            finally
            {
                _owner.EndWaiting();
            }
        }
        if (_failure is { } failure) throw new DistributedException(failure.Message, failure, failure.IsSaidElsewhere);
    }

    private nint Keep(int bytes)
    {
        nint kept = (nint)NativeMemory.AllocZeroed((nuint)Math.Max(bytes, 1));
        _kept.Add(kept);
        return kept;
    }

    private void Free()
    {
        foreach (nint kept in _kept) NativeMemory.Free((void*)kept);
        _kept.Clear();
    }
}
