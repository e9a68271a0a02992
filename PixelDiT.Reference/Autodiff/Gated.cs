namespace PixelDiT.Reference.Autodiff;

/// <summary>What a product is added to: stream + gate·product.</summary>
/// <param name="Stream">The residual stream.</param>
/// <param name="Modulation">Where the gate comes from.</param>
/// <param name="Gate">Which chunk.</param>
/// <param name="Step">The product's name as a finer step; a tape that traces it computes it apart.</param>
public readonly record struct Gated(Variable Stream, Chunks Modulation, int Gate, string Step);
