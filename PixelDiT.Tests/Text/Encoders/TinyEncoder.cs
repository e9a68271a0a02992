using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Text.Encoders;
using PixelDiT.Reference.Text.Tokenizers;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Text.Tokenizers;

namespace PixelDiT.Tests.Text.Encoders;

/// <summary>A tiny Gemma-2 of random weights with the golden tokenizer beside it, in a folder that goes away.</summary>
internal sealed class TinyEncoder : IDisposable
{
    public const string Instruction = "Describe the picture: ";

    private readonly TemporaryFolder _folder = new();

    public TinyEncoder()
    {
        RandomGemma.Write(Folder, RandomGemma.Tiny);
        File.Copy(GoldenTokenizers.At(GoldenTokenizers.TinyJson), System.IO.Path.Combine(Folder, "tokenizer.json"));
        File.WriteAllText(InstructionFile, Instruction + "\n");
    }

    /// <summary>Where the test may write.</summary>
    public string Path => _folder.Path;

    public string Folder => System.IO.Path.Combine(Path, "gemma");

    public string InstructionFile => At("instruction.txt");

    public string At(string name) => System.IO.Path.Combine(Path, name);

    public GemmaSource Source(string instruction = Instruction, int states = 10, GemmaOptions? options = null, string? tokenizer = null) => GemmaSource.Open(Folder, tokenizer, new(instruction), states, options ?? new());

    public GemmaTextEncoder Open(Device device, string instruction = Instruction, int states = 10, GemmaOptions? options = null, Action<string>? say = null)
        => new(Source(instruction, states, options), device, new Instruction(instruction), states, options ?? new(), say);

    public void Dispose() => _folder.Dispose();
}
