using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.HeldOut;

/// <summary>
/// Which images of a source are held out: so many, drawn by a shuffle that no seed changes, so that runs with other seeds are held against the same images. The others keep their order.
/// </summary>
internal sealed class HeldOutSplit
{
    private const ulong Key = 0xD1B54A32D192ED03;

    private readonly long[] _heldOut;
    private readonly long _count;

    /// <summary>Chooses the images.</summary>
    /// <param name="source">How messages call the source.</param>
    /// <param name="count">Its images.</param>
    /// <param name="heldOut">How many are held out.</param>
    /// <exception cref="DataException">There are not more images than that.</exception>
    public HeldOutSplit(string source, long count, int heldOut)
    {
        if (heldOut < 1 || heldOut >= count) throw new DataException($"{source}: {heldOut} images are to be held out of {count}; at least 1, and fewer than all, were expected");
        var order = new Permutation(count, Key);
        _heldOut = [.. Enumerable.Range(0, heldOut).Select(place => order[place]).Order()];
        _count = count;
    }

    /// <summary>Images of a part.</summary>
    public long CountOf(ImagePart part) => part == ImagePart.HeldOut ? _heldOut.Length : _count - _heldOut.Length;

    /// <summary>The index in the source of an image of a part.</summary>
    /// <param name="part">The part.</param>
    /// <param name="index">0 … <see cref="CountOf"/> − 1.</param>
    public long IndexOf(ImagePart part, long index)
    {
        if (part == ImagePart.HeldOut) return _heldOut[index];
        // Before the i-th trained image lie so many held out that the j-th of them is at most i + j.
        int low = 0, high = _heldOut.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_heldOut[middle] - middle <= index) low = middle + 1;
            else high = middle;
        }
        return index + low;
    }
}
