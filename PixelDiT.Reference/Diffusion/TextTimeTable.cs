using PixelDiT.Kernels;

namespace PixelDiT.Reference.Diffusion;

/// <summary>
/// The thousand noise levels that the text trainer draws from. For k = 0 … 999 and the time shift s, in float64:
/// <code>
/// b_k = 1 − (1 + k·(−0.999/999))      σ_k = s·b_k / (1 + (s − 1)·b_k)      α_k = 1 − σ_k      time_k = ⌊1000·σ_k⌋
/// </code>
/// Level 0 is a clean image. σ and α are each rounded to float32, so α is not 1 − σ. The floor is taken of the rounded level, where some times fall below their exact whole number (s = 3, k = 700: 874 instead of
/// 875): the released weights were trained with these.
/// </summary>
public sealed class TextTimeTable
{
    /// <summary>Levels in the table.</summary>
    public const int Levels = 1000;

    private const double First = 1, Last = 0.001;

    private readonly float[] _sigma = new float[Levels], _alpha = new float[Levels];
    private readonly int[] _time = new int[Levels];

    /// <summary>The table of a shift.</summary>
    /// <param name="shift">s: 3 at 512², 4 at 1024².</param>
    /// <exception cref="ConfigurationException">The shift is out of its range.</exception>
    public TextTimeTable(double shift)
    {
        if (!(shift is >= 0.01 and <= 100)) throw new ConfigurationException($"time-shift is {shift}; it must be from 0.01 to 100, where 1 is none");
        const double step = (Last - First) / (Levels - 1);
        for (int k = 0; k < Levels; k++)
        {
            double level = 1 - (k < Levels - 1 ? First + (k * step) : Last);
            double sigma = shift * level / (1 + ((shift - 1) * level));
            (_sigma[k], _alpha[k], _time[k]) = ((float)sigma, (float)(1 - sigma), (int)Math.Floor(1000 * sigma));
        }
    }

    /// <summary>σ [1000], the noise's share: x_t = α·x + σ·ε.</summary>
    public IReadOnlyList<float> Sigma => _sigma;

    /// <summary>α [1000], the image's share.</summary>
    public IReadOnlyList<float> Alpha => _alpha;

    /// <summary>The time [1000] that the model is given, 0 … 999.</summary>
    public IReadOnlyList<int> Time => _time;

    /// <summary>A training sample's level, k = ⌊1000·sigmoid(normal)⌋, in float32.</summary>
    /// <param name="normal">A standard normal draw.</param>
    /// <returns>0 … 999.</returns>
    public static int LevelOf(float normal)
    {
        float u = 1 / (1 + MathF.Exp(-normal));
        // Beyond a draw of 17 the sigmoid is 1 in float32.
        return Math.Min((int)(Levels * u), Levels - 1);
    }
}
