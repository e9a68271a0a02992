using System.Runtime.InteropServices;
using System.Text;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Distributed.Mpi;

/// <summary>
/// The functions of a libmpi that is found at run time. OpenMPI and MPICH have the same functions and other handles: OpenMPI's are addresses of variables that the library exports, MPICH's are numbers. Either fits into a machine
/// word, and is passed as one; a request is a word or half of one, and is kept in a word that was zero.
/// </summary>
internal sealed unsafe partial class MpiLibrary
{
    /// <summary>Names a library of one's own.</summary>
    public const string PathVariable = "PIXELDIT_MPI";

    /// <summary>What <see cref="Initialize"/> asks for: all calls come from the thread that made this one.</summary>
    private const int Funneled = 1;

    private const int LongestText = 8192;

    private static readonly (bool IsOpen, string Name)[] s_known = [(true, "libmpi.so.40"), (false, "libmpich.so.12"), (true, "libmpi.so"), (false, "libmpi.so.12"), (false, "libmpich.so")];

    private readonly nint _library;
    private readonly delegate* unmanaged<nint, nint, int, int*, int> _init;
    private readonly delegate* unmanaged<int> _finalize;
    private readonly delegate* unmanaged<nint, int, int> _abort;
    private readonly delegate* unmanaged<nint, int*, int> _rank, _size;
    private readonly delegate* unmanaged<nint, nint*, int> _duplicate;
    private readonly delegate* unmanaged<nint, nint, int> _setErrorHandler;
    private readonly delegate* unmanaged<int, byte*, int*, int> _errorString;
    private readonly delegate* unmanaged<byte*, int*, int> _version;
    private readonly delegate* unmanaged<nint*, int*, nint, int> _test;
    private readonly delegate* unmanaged<nint, int, nint, int, int, nint, nint*, int> _send, _receive;
    private readonly delegate* unmanaged<nint, int*, int*, nint, nint, int*, int*, nint, nint, nint*, int> _allToAll;
    private readonly delegate* unmanaged<nint, int, nint, nint, int*, int*, nint, nint, nint*, int> _allGather;
    private readonly delegate* unmanaged<nint, int, nint, int, nint, nint*, int> _broadcast;
    private readonly delegate* unmanaged<nint, nint*, int> _barrier;
    private readonly delegate* unmanaged<nint*, int> _cancel;
    private readonly nint _errorsReturn, _inPlace, _statusIgnore;

    private MpiLibrary(nint library, string path, bool isOpen)
    {
        (_library, Path) = (library, path);
        _init = (delegate* unmanaged<nint, nint, int, int*, int>)Function("MPI_Init_thread");
        _finalize = (delegate* unmanaged<int>)Function("MPI_Finalize");
        _abort = (delegate* unmanaged<nint, int, int>)Function("MPI_Abort");
        _rank = (delegate* unmanaged<nint, int*, int>)Function("MPI_Comm_rank");
        _size = (delegate* unmanaged<nint, int*, int>)Function("MPI_Comm_size");
        _duplicate = (delegate* unmanaged<nint, nint*, int>)Function("MPI_Comm_dup");
        _setErrorHandler = (delegate* unmanaged<nint, nint, int>)Function("MPI_Comm_set_errhandler");
        _errorString = (delegate* unmanaged<int, byte*, int*, int>)Function("MPI_Error_string");
        _version = (delegate* unmanaged<byte*, int*, int>)Function("MPI_Get_library_version");
        _test = (delegate* unmanaged<nint*, int*, nint, int>)Function("MPI_Test");
        _send = (delegate* unmanaged<nint, int, nint, int, int, nint, nint*, int>)Function("MPI_Isend");
        _receive = (delegate* unmanaged<nint, int, nint, int, int, nint, nint*, int>)Function("MPI_Irecv");
        _allToAll = (delegate* unmanaged<nint, int*, int*, nint, nint, int*, int*, nint, nint, nint*, int>)Function("MPI_Ialltoallv");
        _allGather = (delegate* unmanaged<nint, int, nint, nint, int*, int*, nint, nint, nint*, int>)Function("MPI_Iallgatherv");
        _broadcast = (delegate* unmanaged<nint, int, nint, int, nint, nint*, int>)Function("MPI_Ibcast");
        _barrier = (delegate* unmanaged<nint, nint*, int>)Function("MPI_Ibarrier");
        _cancel = (delegate* unmanaged<nint*, int>)Function("MPI_Cancel");
        // The numbers of MPICH are those of its mpi.h, which all libraries of its interface share.
        (World, Single, Byte, _errorsReturn) = isOpen
            ? (Function("ompi_mpi_comm_world"), Function("ompi_mpi_float"), Function("ompi_mpi_byte"), Function("ompi_mpi_errors_return"))
            : (0x44000000, 0x4c00040a, 0x4c00010d, 0x54000001);
        (_inPlace, _statusIgnore) = isOpen ? (1, 0) : (-1, 1);
    }

    /// <summary>Where it was found.</summary>
    public string Path { get; }

    /// <summary>The communicator of all processes.</summary>
    public nint World { get; }

    /// <summary>The type of float32 numbers.</summary>
    public nint Single { get; }

    /// <summary>The type of bytes.</summary>
    public nint Byte { get; }

    /// <summary>Its version in a line.</summary>
    public string Version
    {
        get
        {
            byte* text = stackalloc byte[LongestText];
            int length = 0;
            return _version(text, &length) == 0 ? Encoding.UTF8.GetString(text, length).Split('\n')[0].Split(',')[0].Replace("\t", " ", StringComparison.Ordinal).Trim('\0', ' ') : Path;
        }
    }

    /// <summary>Loads the library that fits a launcher, or the one that <see cref="PathVariable"/> names.</summary>
    /// <exception cref="ConfigurationException">There is none; the message says which package brings it.</exception>
    public static MpiLibrary Load(LauncherKind launcher)
    {
        if (OperatingSystem.IsWindows()) throw new ConfigurationException("a launcher of several processes was found, and ranks over MPI run on Linux and macOS only; --distributed none trains alone");
        // UCX, which it may bring along, would take the signals by which .NET notices a null, and reads this when it is loaded.
        _ = SetVariable("UCX_ERROR_SIGNALS", "", 0);
        // Some builds of it have no such setting, and would say so.
        _ = SetVariable("UCX_WARN_UNUSED_ENV_VARS", "n", 0);
        if (Environment.GetEnvironmentVariable(PathVariable) is { Length: > 0 } named)
        {
            if (!NativeLibrary.TryLoad(named, out nint own)) throw new ConfigurationException($"{PathVariable} is '{named}', which cannot be loaded; the file of libmpi was expected");
            return Of(own, named);
        }
        foreach (var (isOpen, name) in s_known)
        {
            if (launcher == LauncherKind.OpenMpi && !isOpen || launcher == LauncherKind.Pmi && isOpen) continue;
            if (NativeLibrary.TryLoad(name, out nint library)) return Of(library, name);
        }
        throw new ConfigurationException(MissingFor(launcher));
    }

    /// <summary>What is said where there is no library for a launcher.</summary>
    internal static string MissingFor(LauncherKind launcher)
    {
        string packages = launcher switch
        {
            LauncherKind.OpenMpi => "OpenMPI's libmpi was not found; on Debian and Ubuntu openmpi-bin brings it (its package libopenmpi3 or libopenmpi3t64)",
            LauncherKind.Pmi => "MPICH's libmpich was not found; on Debian and Ubuntu mpich brings it (its package libmpich12 or libmpich12t64)",
            _ => "no libmpi was found; on Debian and Ubuntu openmpi-bin (libopenmpi3) or mpich (libmpich12) brings one"
        };
        return $"{packages}; {PathVariable} names one of another place";
    }

    private static MpiLibrary Of(nint library, string path)
    {
        bool isOpen = NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out _);
        return NativeLibrary.TryGetExport(library, "MPI_Ialltoallv", out _)
            ? new MpiLibrary(library, path, isOpen)
            : throw new ConfigurationException($"{path} has no MPI_Ialltoallv; a libmpi of MPI 3 or later was expected");
    }

    private nint Function(string name) => NativeLibrary.TryGetExport(_library, name, out nint address) ? address : throw new ConfigurationException($"{Path} has no {name}; libmpi of OpenMPI, or of MPICH or a relative of it, was expected");

    /// <summary>Begins; this thread makes all further calls. Errors are returned from here on.</summary>
    public void Initialize()
    {
        int provided = 0;
        Check(_init(0, 0, Funneled, &provided), "MPI_Init_thread");
        Check(_setErrorHandler(World, _errorsReturn), "MPI_Comm_set_errhandler");
        if (provided < Funneled) throw new DistributedException($"{Path} was built without threads; one that may be called by one of several was expected (MPI_THREAD_FUNNELED)");
    }

    /// <summary>Ends in good order; every rank must.</summary>
    public void Terminate() => Check(_finalize(), "MPI_Finalize");

    /// <summary>Ends all ranks.</summary>
    public void Abort(int code) => _ = _abort(World, code);

    /// <summary>The rank of this process, and how many there are.</summary>
    public (int Rank, int Size) Place()
    {
        int rank = 0, size = 0;
        Check(_rank(World, &rank), "MPI_Comm_rank");
        Check(_size(World, &size), "MPI_Comm_size");
        return (rank, size);
    }

    /// <summary>A communicator of the same processes whose messages meet no others.</summary>
    public nint Duplicate()
    {
        nint copy = 0;
        Check(_duplicate(World, &copy), "MPI_Comm_dup");
        Check(_setErrorHandler(copy, _errorsReturn), "MPI_Comm_set_errhandler");
        return copy;
    }

    /// <summary>Whether what was begun is done; goes on with all that was.</summary>
    public bool Test(nint* request)
    {
        int done = 0;
        Check(_test(request, &done, _statusIgnore), "MPI_Test");
        return done != 0;
    }

    /// <summary>Begins to send bytes to a rank.</summary>
    public void Send(nint start, int count, int rank, nint communicator, nint* request) => Check(_send(start, count, Byte, rank, 0, communicator, request), "MPI_Isend");

    /// <summary>Begins to receive bytes from a rank.</summary>
    public void Receive(nint start, int count, int rank, nint communicator, nint* request) => Check(_receive(start, count, Byte, rank, 0, communicator, request), "MPI_Irecv");

    /// <summary>Begins to exchange pieces of float32 numbers between all ranks. The arrays are read until it is done.</summary>
    public void AllToAll(nint send, int* sendCounts, int* sendPlaces, nint receive, int* counts, int* places, nint communicator, nint* request)
        => Check(_allToAll(send, sendCounts, sendPlaces, Single, receive, counts, places, Single, communicator, request), "MPI_Ialltoallv");

    /// <summary>Begins to give this rank's piece of a line, which is in its place, to all others. The arrays are read until it is done.</summary>
    public void AllGather(nint line, int* counts, int* places, nint type, nint communicator, nint* request) => Check(_allGather(_inPlace, 0, type, line, counts, places, type, communicator, request), "MPI_Iallgatherv");

    /// <summary>Begins to give float32 numbers of rank 0 to all others.</summary>
    public void Broadcast(nint start, int count, nint communicator, nint* request) => Check(_broadcast(start, count, Single, 0, communicator, request), "MPI_Ibcast");

    /// <summary>Begins to wait for all ranks.</summary>
    public void Barrier(nint communicator, nint* request) => Check(_barrier(communicator, request), "MPI_Ibarrier");

    /// <summary>Takes back what was begun and will not be done; it is done then.</summary>
    public void Cancel(nint* request)
    {
        Check(_cancel(request), "MPI_Cancel");
        while (!Test(request)) Thread.Yield();
    }

    private void Check(int code, string call)
    {
        if (code == 0) return;
        byte* text = stackalloc byte[LongestText];
        int length = 0;
        string reason = _errorString(code, text, &length) == 0 ? Encoding.UTF8.GetString(text, length) : $"error {code}";
        throw new DistributedException($"{call} of {Path}: {reason}");
    }

    // What .NET sets is not seen by libraries.
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int replaces);
}
