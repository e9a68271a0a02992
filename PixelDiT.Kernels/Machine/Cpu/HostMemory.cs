using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;

namespace PixelDiT.Kernels.Machine.Cpu;

/// <summary>What CPU bodies of intrinsics need of host memory.</summary>
internal static unsafe class HostMemory
{
    [ThreadStatic]
    private static Scratch? s_scratch;

    /// <summary>The address of a view's first element, without the bounds check that ends the process.</summary>
    public static T* Pointer<T>(ArrayView<T> view) where T : unmanaged => (T*)view.LoadEffectiveAddressAsPtr();

    /// <summary>Copies into a CPU device's memory.</summary>
    public static void Copy<T>(ReadOnlySpan<T> source, ArrayView<T> target) where T : unmanaged => source.CopyTo(new Span<T>(Pointer(target), source.Length));

    /// <summary>Copies out of a CPU device's memory.</summary>
    public static void Copy<T>(ArrayView<T> source, Span<T> target) where T : unmanaged => new Span<T>(Pointer(source), target.Length).CopyTo(target);

    /// <summary>Working memory of the calling thread, aligned to 64 bytes, valid until the thread asks again. Contents are undefined.</summary>
    /// <param name="count">How many floats are needed.</param>
    public static float* Floats(long count) => (s_scratch ??= new Scratch()).Get(count);

    /// <summary>Native memory of one thread; its finaliser frees it when the thread is gone.</summary>
    private sealed class Scratch
    {
        private void* _memory;
        private long _count;

        public float* Get(long count)
        {
            if (count > _count)
            {
                NativeMemory.AlignedFree(_memory);
                _memory = NativeMemory.AlignedAlloc((nuint)count * sizeof(float), 64);
                _count = count;
            }
            return (float*)_memory;
        }

        ~Scratch() => NativeMemory.AlignedFree(_memory);
    }
}
