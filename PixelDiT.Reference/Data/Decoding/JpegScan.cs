using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>What one component brings to a unit of a scan.</summary>
/// <param name="Direct">The table of the first value of a block; null where the scan needs none.</param>
/// <param name="Alternating">The table of the others.</param>
/// <param name="Blocks">How many blocks a unit has.</param>
/// <param name="Known">For each block of a progressive component, a bit for each value that is not 0 so far; null where no scan needs them.</param>
internal sealed record JpegScanPart(JpegHuffman? Direct, JpegHuffman? Alternating, int Blocks, ulong[]? Known);

/// <summary>
/// A scan of a JPEG file, walked through block by block without its values. A decoder takes the missing end of one for zeros, and fills the rest of the picture with gray.
/// </summary>
/// <param name="Units">How many minimum coded units it has.</param>
/// <param name="Interval">Units between restart markers; 0 for no markers.</param>
/// <param name="Parts">Its components.</param>
/// <param name="First">The first value of a block that it brings.</param>
/// <param name="Last">The last.</param>
/// <param name="IsProgressive">Whether it brings only a part of the blocks.</param>
/// <param name="IsRefinement">Whether it brings one more bit of values that are known.</param>
internal sealed record JpegScan(long Units, int Interval, JpegScanPart[] Parts, int First, int Last, bool IsProgressive, bool IsRefinement)
{
    /// <summary>The restart markers that must follow.</summary>
    public int Restarts => Interval == 0 ? 0 : (int)((Units - 1) / Interval);

    /// <summary>Checks that the bits between two restart markers bring all of their blocks.</summary>
    /// <param name="bytes">The bytes between the markers.</param>
    /// <param name="interval">How many markers stand before them.</param>
    /// <exception cref="DataException">They end too early, or are no codes.</exception>
    public void Check(ReadOnlySpan<byte> bytes, int interval)
    {
        var bits = new JpegBits(bytes);
        int run = 0;
        long end = Interval == 0 ? Units : Math.Min(Units, (interval + 1L) * Interval);
        for (long unit = (long)interval * Interval; unit < end; unit++)
        {
            foreach (var part in Parts)
            {
                for (int i = 0; i < part.Blocks; i++)
                {
                    if (!IsProgressive) Whole(ref bits, part);
                    else if (First == 0 && IsRefinement) bits.Skip(1);
                    else if (First == 0) bits.Skip(bits.Symbol(part.Direct!) & 15);
                    else if (IsRefinement) Refine(ref bits, part.Alternating!, ref part.Known![unit], ref run);
                    else Bring(ref bits, part.Alternating!, ref part.Known![unit], ref run);
                }
            }
        }
    }

    private static void Whole(ref JpegBits bits, JpegScanPart part)
    {
        bits.Skip(bits.Symbol(part.Direct!) & 15);
        for (int at = 1; at < 64; at++)
        {
            int symbol = bits.Symbol(part.Alternating!), zeros = symbol >> 4, size = symbol & 15;
            if (size == 0 && zeros < 15) return;
            at += zeros;
            bits.Skip(size);
        }
    }

    private void Bring(ref JpegBits bits, JpegHuffman table, ref ulong known, ref int run)
    {
        if (run > 0)
        {
            run--;
            return;
        }
        for (int at = First; at <= Last; at++)
        {
            int symbol = bits.Symbol(table), zeros = symbol >> 4, size = symbol & 15;
            if (size == 0 && zeros < 15)
            {
                run = (1 << zeros) - 1 + bits.Number(zeros);
                return;
            }
            at += zeros;
            if (size > 0 && at < 64) known |= 1UL << at;
            bits.Skip(size);
        }
    }

    private void Refine(ref JpegBits bits, JpegHuffman table, ref ulong known, ref int run)
    {
        int at = First;
        while (run == 0 && at <= Last)
        {
            int symbol = bits.Symbol(table), zeros = symbol >> 4, size = symbol & 15;
            if (size == 0 && zeros < 15)
            {
                run = (1 << zeros) + bits.Number(zeros);
                break;
            }
            bits.Skip(size == 0 ? 0 : 1);
            for (; at <= Last; at++)
            {
                if ((known >> at & 1) == 1) bits.Skip(1);
                else if (zeros-- == 0) break;
            }
            if (size > 0 && at <= Last) known |= 1UL << at;
            at++;
        }
        if (run == 0) return;
        run--;
        for (; at <= Last; at++) bits.Skip((int)(known >> at & 1));
    }
}
