using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace PixelDiT.Kernels.Machine.Lanes;

/// <summary>The sum of a vector's elements, by halves: the same order for every width that the machine has.</summary>
internal static class VectorSum
{
    /// <summary>(a₀ + a₂) + (a₁ + a₃).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Of(Vector128<float> a) => (a[0] + a[2]) + (a[1] + a[3]);

    /// <summary>The sum of both halves' sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Of(Vector256<float> a) => Of(a.GetLower() + a.GetUpper());

    /// <inheritdoc cref="Of(Vector256{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Of(Vector512<float> a) => Of(a.GetLower() + a.GetUpper());
}
