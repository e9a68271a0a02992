using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Shards;

/// <summary>A sample of a shard: the members that share a key, the path up to its last dot.</summary>
/// <param name="Key">The key.</param>
internal sealed record TarSample(string Key)
{
    /// <summary>What follows the key, with its dot, and the member, in the order of the tar.</summary>
    public OrderedDictionary<string, TarMember> Members { get; } = new(StringComparer.Ordinal);
}

/// <summary>A tar whose members are grouped into samples, in the order in which their keys appear first; members of a key need not stand together. Members without a dot belong to none.</summary>
internal sealed class TarShard : IDisposable
{
    private readonly TarFile _tar;

    /// <summary>Opens a shard.</summary>
    /// <exception cref="FileFormatException">The tar is damaged.</exception>
    public TarShard(string path)
    {
        _tar = TarFile.Open(path);
        var samples = new OrderedDictionary<string, TarSample>(StringComparer.Ordinal);
        foreach (var member in _tar.Members)
        {
            int dot = member.Name.LastIndexOf('.');
            if (dot < 0) continue;
            string key = member.Name[..dot];
            if (!samples.TryGetValue(key, out var sample)) samples.Add(key, sample = new TarSample(key));
            // Names are unique in the tar, so keys and endings are.
            sample.Members.Add(member.Name[dot..], member);
        }
        Samples = [.. samples.Values];
    }

    /// <summary>The samples.</summary>
    public IReadOnlyList<TarSample> Samples { get; }

    /// <inheritdoc cref="TarFile.Read"/>
    public byte[] Read(TarMember member, int most) => _tar.Read(member, most);

    /// <summary>Closes the tar.</summary>
    public void Dispose() => _tar.Dispose();
}
