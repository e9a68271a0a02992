using System.Text.Json;
using System.Text.Json.Nodes;
using NUnit.Framework;
using PixelDiT.Reference.Text.Tokenizers;

namespace PixelDiT.Tests.Text.Tokenizers;

/// <summary>Tokenizers with texts whose ids are known: a tiny one in both kinds of file, and Gemma-2's own where a variable says where it is.</summary>
internal static class GoldenTokenizers
{
    /// <summary>A variable that names Gemma-2's tokenizer.json or its folder.</summary>
    public const string Variable = "PIXELDIT_GEMMA_TOKENIZER";

    /// <summary>The tiny vocabulary: 420 pieces, 91 merges.</summary>
    public const string TinyJson = "tiny_tokenizer.json", TinyModel = "tiny_tokenizer.model";

    private static readonly Lazy<BpeTokenizer> s_gemma = new(() => BpeTokenizer.Open(Environment.GetEnvironmentVariable(Variable)!));

    /// <summary>Gemma-2's tokenizer; the test is skipped where it is not to be had.</summary>
    public static BpeTokenizer Gemma
    {
        get
        {
            if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable(Variable))) Assert.Ignore($"needs Gemma-2's tokenizer.json: {Variable} is not set");
            return s_gemma.Value;
        }
    }

    /// <summary>The path of a golden file.</summary>
    public static string At(string name) => Path.Combine(AppContext.BaseDirectory, "Golden", "text", name);

    /// <summary>The bytes of a golden file.</summary>
    public static byte[] Bytes(string name) => File.ReadAllBytes(At(name));

    /// <summary>A tiny tokenizer.</summary>
    public static BpeTokenizer Open(string name) => BpeTokenizer.Open(At(name));

    /// <summary>The tiny tokenizer.json as a tree that a test may change.</summary>
    public static JsonNode Tree() => JsonNode.Parse(Bytes(TinyJson))!;

    /// <summary>A changed tree as a file.</summary>
    public static BpeTokenizer Read(JsonNode tree) => BpeTokenizer.Read(JsonSerializer.SerializeToUtf8Bytes(tree), "changed");

    /// <summary>The cases of a golden file.</summary>
    public static IEnumerable<JsonElement> Cases(string name)
    {
        using var document = JsonDocument.Parse(Bytes(name));
        return [.. document.RootElement.GetProperty("cases").Clone().EnumerateArray()];
    }

    /// <summary>The ids under a key.</summary>
    public static int[] Ids(this JsonElement element, string key) => [.. element.GetProperty(key).EnumerateArray().Select(id => id.GetInt32())];
}
