using PixelDiT.Reference.Text;

namespace PixelDiT.Tests.Text;

/// <summary>An encoder whose states say what was asked, and which counts how often it was.</summary>
internal sealed class CountingEncoder : ITextEncoder
{
    public List<Prompt> Asked { get; } = [];

    public bool IsDisposed { get; private set; }

    public string Name => "counting";

    public string Identity { get; init; } = new('a', 64);

    public int Width => 3;

    public int Tokens => 2;

    /// <summary>What is done before texts are encoded.</summary>
    public Action<IReadOnlyList<Prompt>>? Before { get; init; }

    public static float[] States(Prompt prompt) => [prompt.Words.Length, prompt.Negative ? 1 : 0, prompt.Words.Sum(c => c), 0.1f, -0f, 1e-30f];

    public IReadOnlyList<float[]> Encode(IReadOnlyList<Prompt> prompts, Action<double, string>? progress = null, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        Before?.Invoke(prompts);
        Asked.AddRange(prompts);
        progress?.Invoke(0, "counting");
        progress?.Invoke(1, "counting");
        return [.. prompts.Select(States)];
    }

    public void Dispose() => IsDisposed = true;
}
