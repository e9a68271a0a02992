namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>The sizes of a <see cref="CausalAttention"/>.</summary>
/// <param name="Batch">B, texts.</param>
/// <param name="Tokens">L, queries and keys of a text.</param>
/// <param name="Heads">h, heads of queries.</param>
/// <param name="KeyHeads">kv, heads of keys and values, of which each serves h/kv heads of queries.</param>
/// <param name="Width">hd, channels of a head.</param>
public readonly record struct CausalAttentionSizes(int Batch, int Tokens, int Heads, int KeyHeads, int Width)
{
    /// <summary>Checks that the key heads can be shared evenly.</summary>
    internal void Require()
    {
        if (KeyHeads < 1 || Heads % KeyHeads != 0) throw new ShapeException($"{Heads} heads of queries cannot share {KeyHeads} heads of keys evenly");
    }
}

/// <summary>Which keys a query sees, and how scores are made.</summary>
/// <param name="Scale">What q·k is multiplied by.</param>
/// <param name="Cap">c of the soft cap c·tanh(s/c); 0 for none.</param>
/// <param name="Window">The last keys that a query sees, itself counted; 0 for all before it.</param>
public readonly record struct CausalAttentionRule(float Scale, float Cap = 0, int Window = 0)
{
    /// <summary>Checks the signs.</summary>
    internal void Require()
    {
        if (!float.IsFinite(Scale) || !float.IsFinite(Cap) || Cap < 0 || Window < 0) throw new ShapeException($"attention with scale {Scale}, cap {Cap} and window {Window}; a finite scale, and a cap and window of 0 or more were expected");
    }
}
