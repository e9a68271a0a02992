using System.Net;
using System.Net.Sockets;
using System.Text;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Distributed.Nccl;
using PixelDiT.Tests.Training.Ranks;

namespace PixelDiT.Tests.Distributed;

/// <summary>How ranks that a launcher has given an address and a port learn what NCCL finds the others by.</summary>
internal sealed class NcclMeetingTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20), s_short = TimeSpan.FromMilliseconds(600);

    private static readonly byte[] s_id = [.. Enumerable.Range(0, NcclLibrary.IdBytes).Select(i => (byte)(255 - i))];

    private static Launcher At(int port, int rank, int size, string? address = "localhost") => new(LauncherKind.Torch, rank, size, rank, address, port);

    [Test]
    public void All_ranks_have_the_bytes_of_rank_0_whoever_comes_first([Values] bool isLate)
    {
        int port = FreePort();
        byte[][] ids = ThreadRanks.Run(4, ranks =>
        {
            if (ranks.Rank == 0 == isLate) Thread.Sleep(300);
            return NcclMeeting.Exchange(At(port, ranks.Rank, 4), ranks.Rank == 0 ? s_id : null, s_patience);
        });
        Assert.That(ids, Is.All.EqualTo(s_id));
    }

    [Test]
    public void A_stranger_gets_no_answer_and_does_no_harm()
    {
        int port = FreePort();
        ThreadRanks.Run(2, ranks =>
        {
            if (ranks.Rank == 1)
            {
                using var stranger = new TcpClient();
                for (int i = 0; !stranger.Connected && i < 100; i++)
                {
                    try
                    {
                        stranger.Connect(IPAddress.Loopback, port);
                    }
                    catch (SocketException)
                    {
                        Thread.Sleep(20);
                    }
                }
                stranger.Client.Send(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\n\r\n"));
                Assert.That(IsClosed(stranger.Client), Is.True);
            }
            return NcclMeeting.Exchange(At(port, ranks.Rank, 2), ranks.Rank == 0 ? s_id : null, s_patience);
        });
    }

    [Test]
    public void A_rank_of_another_start_is_named()
    {
        int port = FreePort();
        var said = ThreadRanks.Run(2, ranks => Assert.Throws<DistributedException>(() => NcclMeeting.Exchange(At(port, ranks.Rank, ranks.Rank == 0 ? 2 : 3), ranks.Rank == 0 ? s_id : null, s_short))!.Message);
        Assert.That(said[0], Is.EqualTo("a process that says it is rank 1 of 3 has come to rank 0 of 2; ranks of one start were expected"));
        Assert.That(said[1], Does.StartWith($"rank 1 has looked for rank 0 at localhost:{port} for 1 s: "));
    }

    [Test]
    public void Who_does_not_come_is_named()
    {
        int port = FreePort();
        Assert.That(() => NcclMeeting.Exchange(At(port, 0, 3), s_id, s_short), Throws.TypeOf<DistributedException>().With.Message.EqualTo($"rank 0 has waited 1 s at port {port} for rank 1, 2, which did not come"));
        Assert.That(() => NcclMeeting.Exchange(At(port, 1, 2), null, s_short), Throws.TypeOf<DistributedException>().With.Message.EqualTo($"rank 1 has looked for rank 0 at localhost:{port} for 1 s: ConnectionRefused"));
        Assert.That(() => NcclMeeting.Exchange(At(port, 1, 2, null), null, s_short), Throws.TypeOf<ConfigurationException>().With.Message.Contains("MASTER_ADDR is not set"));
        var taken = new TcpListener(IPAddress.IPv6Any, port);
        taken.Server.DualMode = true;
        taken.Start();
        Assert.That(() => NcclMeeting.Exchange(At(port, 0, 2), s_id, s_short), Throws.TypeOf<DistributedException>().With.Message.EqualTo($"rank 0 cannot listen at port {port}, where the other ranks look for it: AddressAlreadyInUse"));
        taken.Dispose();
    }

    /// <summary>Whether the other side has ended a connection, with or without having read all.</summary>
    private static bool IsClosed(Socket socket)
    {
        try
        {
            return socket.Receive(new byte[8]) == 0;
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionReset)
        {
            return true;
        }
    }

    private static int FreePort()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Dispose();
        return port;
    }
}
