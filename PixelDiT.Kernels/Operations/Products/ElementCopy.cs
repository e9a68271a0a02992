using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>The way to shared memory of what begins at no multiple of 16 bytes: element by element, at once.</summary>
internal static unsafe class ElementCopy
{
    /// <summary>Moves a chunk of 16 bytes, rounded to the format.</summary>
    /// <param name="to">Its place in shared memory.</param>
    /// <param name="from">The address of its first element.</param>
    /// <param name="count">Elements that there are; the rest becomes zero, and nothing is read where it is not positive.</param>
    public static void Move<TFormat, T>(long to, long from, int count) where TFormat : struct, IOperandFormat where T : unmanaged, IStorage<T>
    {
        for (int word = 0; word < 4; word++)
        {
            float low, high = 0f;
            if (TFormat.ChunkElements > 4)
            {
                low = Element<T>(from, 2 * word, count);
                high = Element<T>(from, (2 * word) + 1, count);
            }
            else low = Element<T>(from, word, count);
            Memory.StoreShared(to + (word * 4), TFormat.Pack(low, high));
        }
    }

    private static float Element<T>(long from, int element, int count) where T : unmanaged, IStorage<T> => element < count ? T.ToSingle(((T*)from)[element]) : 0f;
}
