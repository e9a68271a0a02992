using System.Runtime.InteropServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Reference.Distributed.Nccl;

/// <summary>
/// Ranks that know of each other by a launcher's address and port only, as torchrun starts them: they meet there once (<see cref="NcclMeeting"/>), and everything else goes over NCCL, by way of their cards. Before <see cref="Join(Device)"/> a
/// rank knows of itself alone. Nothing here notices a rank that is gone: such launchers end the others themselves.
/// </summary>
/// <param name="launcher">What has started this process.</param>
public sealed class NcclCommunicator(Launcher launcher) : ICommunicator
{
    // Numbers of a broadcast that lie on the card at once: 64 MiB.
    private const long MostAtOnce = 1 << 24;

    private Device? _device;
    private ISideStream? _stream;
    private NcclGroup? _group;
    private bool _left;

    /// <inheritdoc/>
    public int Rank => launcher.Rank;

    /// <inheritdoc/>
    public int Size => launcher.Size;

    /// <inheritdoc/>
    public string Description => $"NCCL, met at {launcher.Address}:{launcher.Port}";

    /// <summary>Meets the other ranks; every rank calls it with its card.</summary>
    /// <param name="device">The card of this rank; stays its owner's, and must live until this is disposed.</param>
    /// <exception cref="Kernels.ConfigurationException">There is no NCCL, or the launcher names no address.</exception>
    /// <exception cref="DistributedException">The others do not come.</exception>
    public void Join(Device device)
    {
        var library = NcclLibrary.Load();
        Join(device, device.OpenSideStream(), library, NcclMeeting.Exchange(launcher, launcher.Rank == 0 ? library.NewId() : null, NcclMeeting.UsualPatience));
    }

    internal void Join(Device device, ISideStream stream, NcclLibrary library, byte[] id)
    {
        (_device, _stream) = (device, stream);
        _group = new NcclGroup(library, id, Rank, Size, stream);
    }

    /// <inheritdoc/>
    public byte[][] Gather(ReadOnlySpan<byte> own)
    {
        byte[][] all = new byte[Size][];
        if (_group is null)
        {
            Array.Fill(all, []);
            all[Rank] = own.ToArray();
            return all;
        }
        int[] lengths = [.. GatherEqual(MemoryMarshal.AsBytes([own.Length])).Select(bytes => MemoryMarshal.Read<int>(bytes))];
        int most = lengths.Max();
        if (most == 0) return [.. all.Select(_ => Array.Empty<byte>())];
        byte[] padded = new byte[(most + sizeof(float) - 1) / sizeof(float) * sizeof(float)];
        own.CopyTo(padded);
        byte[][] gathered = GatherEqual(padded);
        return [.. gathered.Select((bytes, rank) => bytes[..lengths[rank]])];
    }

    /// <summary>As many bytes of every rank, a multiple of four.</summary>
    private byte[][] GatherEqual(ReadOnlySpan<byte> own)
    {
        int count = own.Length / sizeof(float);
        using var line = _device!.Allocate([Size, count]);
        line.Slice((long)Rank * count, [count]).Upload(MemoryMarshal.Cast<byte, float>(own));
        _group!.AllGather(line.Address, count).Wait();
        byte[] all = MemoryMarshal.AsBytes<float>(line.ToArray()).ToArray();
        return [.. all.Chunk(own.Length)];
    }

    /// <inheritdoc/>
    public unsafe void Broadcast(long start, long count)
    {
        if (_group is null) throw new InvalidOperationException("the cards have not met");
        using var staged = _device!.Allocate([checked((int)Math.Min(count, MostAtOnce))]);
        for (long first = 0; first < count; first += MostAtOnce)
        {
            int here = (int)Math.Min(MostAtOnce, count - first);
            var host = new Span<float>((float*)start + first, here);
            var part = staged.Slice(0, [here]);
            if (Rank == 0) part.Upload(host);
            _group.Broadcast(part.Address, here).Wait();
            if (Rank > 0) part.Download(host);
        }
    }

    /// <inheritdoc/>
    public void NoteStep(long step)
    {
    }

    /// <inheritdoc/>
    public void Stop()
    {
    }

    /// <inheritdoc/>
    public void Leave()
    {
        if (_left) return;
        Gather([]);
        _left = true;
        _group?.Dispose();
        _stream?.Dispose();
    }

    /// <summary>Ends the connection; where it was not left in good order, without the others.</summary>
    public void Dispose()
    {
        if (_left) return;
        _left = true;
        // The stream goes with the device, which may be gone.
        _group?.Abort();
    }
}
