using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Distributed.Nccl;

/// <summary>
/// How ranks without MPI learn what NCCL finds the others by: rank 0 listens at the launcher's address and port, and every other rank asks there once. A question is the word PixelDiT, then rank and number of ranks as 32-bit little-endian
/// numbers; the answer is NCCL's 128 bytes. Nothing else goes this way.
/// </summary>
internal static class NcclMeeting
{
    /// <summary>How long ranks wait for each other.</summary>
    public static readonly TimeSpan UsualPatience = TimeSpan.FromSeconds(120);

    /// <summary>Set by torchrun where its own agent listens at MASTER_PORT; ranks then meet at the port after it.</summary>
    public const string AgentVariable = "TORCHELASTIC_USE_AGENT_STORE";

    private static readonly TimeSpan s_betweenTries = TimeSpan.FromMilliseconds(200), s_answer = TimeSpan.FromSeconds(5);

    private static ReadOnlySpan<byte> Word => "PixelDiT"u8;

    private static int QuestionBytes => Word.Length + (2 * sizeof(int));

    /// <summary>Gives rank 0's bytes to all ranks.</summary>
    /// <param name="launcher">Rank, number of ranks, address and port.</param>
    /// <param name="id">On rank 0 the bytes.</param>
    /// <param name="patience">How long to wait for the others.</param>
    /// <exception cref="ConfigurationException">The launcher names no address or port.</exception>
    /// <exception cref="DistributedException">A rank does not come; the message says which, or where rank 0 was looked for.</exception>
    public static byte[] Exchange(Launcher launcher, byte[]? id, TimeSpan patience)
    {
        if (launcher.Address is not { } address || launcher.Port is not { } named)
        {
            throw new ConfigurationException($"RANK and WORLD_SIZE say that this is rank {launcher.Rank} of {launcher.Size}, and {(launcher.Address is null ? "MASTER_ADDR" : "MASTER_PORT")} is not set; ranks without MPI meet there");
        }
        int port = Environment.GetEnvironmentVariable(AgentVariable) == "True" ? named + 1 : named;
        return id is null ? Ask(launcher, address, port, patience) : Answer(launcher, id, port, patience);
    }

    private static byte[] Answer(Launcher launcher, byte[] id, int port, TimeSpan patience)
    {
        long began = Stopwatch.GetTimestamp();
        var missing = new SortedSet<int>(Enumerable.Range(1, launcher.Size - 1));
        TcpListener? listener = null;
        try
        {
            listener = new TcpListener(IPAddress.IPv6Any, port);
            listener.Server.DualMode = true;
            listener.Start();
            while (missing.Count > 0)
            {
                if (Stopwatch.GetElapsedTime(began) > patience) throw new DistributedException($"rank 0 has waited {patience.TotalSeconds:N0} s at port {port} for rank {string.Join(", ", missing.Take(8))}{(missing.Count > 8 ? " and more" : "")}, which did not come");
                if (!listener.Pending())
                {
                    Thread.Sleep(s_betweenTries / 10);
                    continue;
                }
                using var socket = listener.AcceptSocket();
                if (Read(socket, launcher) is { } rank)
                {
                    socket.Send(id);
                    missing.Remove(rank);
                }
            }
            return id;
        }
        catch (SocketException error)
        {
            throw new DistributedException($"rank 0 cannot listen at port {port}, where the other ranks look for it: {error.SocketErrorCode}", error);
        }
        finally
        {
            listener?.Dispose();
        }
    }

    /// <summary>The rank that asks; null for a stranger, who gets no answer.</summary>
    private static int? Read(Socket socket, Launcher launcher)
    {
        byte[] question = new byte[QuestionBytes];
        if (!Receive(socket, question) || !question.AsSpan().StartsWith(Word)) return null;
        int rank = BinaryPrimitives.ReadInt32LittleEndian(question.AsSpan(Word.Length)), size = BinaryPrimitives.ReadInt32LittleEndian(question.AsSpan(Word.Length + sizeof(int)));
        if (size != launcher.Size || rank < 1 || rank >= size) throw new DistributedException($"a process that says it is rank {rank} of {size} has come to rank 0 of {launcher.Size}; ranks of one start were expected");
        return rank;
    }

    private static byte[] Ask(Launcher launcher, string address, int port, TimeSpan patience)
    {
        byte[] question = new byte[QuestionBytes], id = new byte[NcclLibrary.IdBytes];
        Word.CopyTo(question);
        BinaryPrimitives.WriteInt32LittleEndian(question.AsSpan(Word.Length), launcher.Rank);
        BinaryPrimitives.WriteInt32LittleEndian(question.AsSpan(Word.Length + sizeof(int)), launcher.Size);
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            string why;
            try
            {
                using var client = new TcpClient(AddressFamily.InterNetworkV6) { Client = { DualMode = true } };
                client.Connect(address, port);
                client.Client.Send(question);
                if (Receive(client.Client, id)) return id;
                why = "no answer";
            }
            catch (SocketException error)
            {
                why = $"{error.SocketErrorCode}";
            }
            // Rank 0 may not have come there yet.
            if (Stopwatch.GetElapsedTime(began) > patience) throw new DistributedException($"rank {launcher.Rank} has looked for rank 0 at {address}:{port} for {patience.TotalSeconds:N0} s: {why}");
            Thread.Sleep(s_betweenTries);
        }
    }

    /// <summary>Whether all bytes came.</summary>
    private static bool Receive(Socket socket, byte[] bytes)
    {
        socket.ReceiveTimeout = (int)s_answer.TotalMilliseconds;
        try
        {
            for (int got = 0; got < bytes.Length;)
            {
                int more = socket.Receive(bytes.AsSpan(got));
                if (more == 0) return false;
                got += more;
            }
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
