namespace PixelDiT.Reference.Explaining;

/// <summary>A point of the way from noise to a picture: the state, and what the model says of it.</summary>
/// <param name="Step">Steps made before it, from 0 to n.</param>
/// <param name="Time">The shifted time, 0 for noise and 1 for data; of a text model the noise level σ, about 1 for noise and 0 for data.</param>
/// <param name="State">x [C, H, W].</param>
public sealed record PathFrame(int Step, float Time, float[] State)
{
    /// <summary>The guided velocity [C, H, W] that begins the step; null at the end, where no step follows.</summary>
    public float[]? Velocity { get; init; }

    /// <summary>The picture [C, H, W] that the velocity points to, if it stayed as it is: x + (1 − t)·v, of a text model x − σ·v; null without a velocity.</summary>
    public float[]? Estimate { get; init; }
}
