using ILGPU.IR.Intrinsics;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>What a card's copy engine knows of a matrix (PTX ISA, "tensor-map"): 128 bytes that only the driver can write and only the engine can read. Those of a kernel are the first fields of its struct.</summary>
internal readonly struct TensorMap
{
    /// <summary>What stands for the name of a kernel's parameter in PTX, until the loader puts it there.</summary>
    public const string Parameter = "kernel_parameter";

    private readonly ulong _word0, _word1, _word2, _word3, _word4, _word5, _word6, _word7, _word8, _word9, _word10, _word11, _word12, _word13, _word14, _word15;

    /// <param name="words">What the driver wrote, 16 words.</param>
    public TensorMap(ReadOnlySpan<ulong> words)
    {
        (_word0, _word1, _word2, _word3, _word4, _word5, _word6, _word7) = (words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7]);
        (_word8, _word9, _word10, _word11, _word12, _word13, _word14, _word15) = (words[8], words[9], words[10], words[11], words[12], words[13], words[14], words[15]);
    }

    /// <summary>Bytes of a map.</summary>
    public const int Bytes = 128;

    /// <summary>The address of the kernel's first map.</summary>
    [IntrinsicImplementation, PtxBody($"mov.b64 $result, {Parameter};\ncvta.param.u64 $result, $result;")]
    public static long First() => throw Intrinsics.OnCardsAlone;

    /// <summary>The address of the kernel's second map.</summary>
    [IntrinsicImplementation, PtxBody($"mov.b64 $result, {Parameter};\ncvta.param.u64 $result, $result;\nadd.s64 $result, $result, 128;")]
    public static long Second() => throw Intrinsics.OnCardsAlone;

    /// <summary>
    /// Begins to copy a box of a matrix to shared memory; the barrier counts its bytes when they have come (PTX ISA, "cp.async.bulk.tensor"). One thread asks for the whole box.
    /// </summary>
    /// <param name="to">Its address in shared memory, a multiple of 1024.</param>
    /// <param name="map">The address of the map.</param>
    /// <param name="element">The box's first element of a line.</param>
    /// <param name="line">Its first line.</param>
    /// <param name="barrier">The address of the barrier.</param>
    [IntrinsicImplementation, PtxBody("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [$to], [$map, {$element, $line}], [$barrier];")]
    public static void Copy(long to, long map, int element, int line, long barrier) => throw Intrinsics.OnCardsAlone;
}
