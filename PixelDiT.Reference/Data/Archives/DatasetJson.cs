using System.Text;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Data.Archives;

/// <summary>
/// <c>dataset.json</c> as EDM2's and REPA-E's tools write it: <c>{"labels": [["00000/img00000000.png", 5], …]}</c>, or <c>{"labels": null}</c> where a picture had no class. Other keys are not looked at.
/// </summary>
internal static class DatasetJson
{
    /// <summary>The file's name.</summary>
    public const string Name = "dataset.json";

    /// <summary>The most classes: as many as a label has numbers below this.</summary>
    public const int MostClasses = 1 << 20;

    /// <summary>The file as a JSON reader wants it: a mark of UTF-8 at its start is left out.</summary>
    private static ReadOnlySpan<byte> Text(byte[] json) => json.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? json.AsSpan(3) : json;

    /// <summary>Whether a file says labels; one that is no JSON object does not.</summary>
    public static bool HasLabels(byte[] json)
    {
        try
        {
            var reader = new Utf8JsonReader(Text(json));
            return FindLabels(ref reader) && reader.TokenType == JsonTokenType.StartArray;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Gives every name its label.</summary>
    /// <param name="json">The file.</param>
    /// <param name="source">How messages call it.</param>
    /// <param name="names">The names there are.</param>
    /// <param name="count">How many.</param>
    /// <returns>A label for each, −1 where the file names no label; null where it says that there are none.</returns>
    /// <exception cref="FileFormatException">The file is no such JSON, a name is not there or occurs twice, or a label is out of range; the message says which.</exception>
    public static int[]? Read(byte[] json, string source, SortedNames names, int count)
    {
        try
        {
            var reader = new Utf8JsonReader(Text(json));
            if (!FindLabels(ref reader)) throw new FileFormatException($"{source}: has no \"labels\"; {{\"labels\": [[name, label], …]}} was expected");
            if (reader.TokenType == JsonTokenType.Null) return null;
            if (reader.TokenType != JsonTokenType.StartArray) throw new FileFormatException($"{source}: \"labels\" is {Shown(ref reader)}; a list of [name, label], or null, was expected");
            var labels = new int[count];
            Array.Fill(labels, -1);
            for (int entry = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; entry++) ReadEntry(ref reader, source, entry, names, labels);
            // What comes after must be JSON too.
            while (reader.Read()) reader.Skip();
            return labels;
        }
        catch (JsonException error)
        {
            throw new FileFormatException($"{source}: is no JSON: {JsonReason.Of(error)}", error);
        }
    }

    private static bool FindLabels(ref Utf8JsonReader reader)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isLabels = reader.ValueTextEquals("labels"u8);
            reader.Read();
            if (isLabels) return true;
            reader.Skip();
        }
        return false;
    }

    private static void ReadEntry(ref Utf8JsonReader reader, string source, int entry, SortedNames names, int[] labels)
    {
        const string Expected = "[name, label] was expected";
        if (reader.TokenType != JsonTokenType.StartArray) throw new FileFormatException($"{source}: entry {entry} of \"labels\" is {Shown(ref reader)}; {Expected}");
        reader.Read();
        if (reader.TokenType != JsonTokenType.String) throw new FileFormatException($"{source}: entry {entry} of \"labels\" begins with {Shown(ref reader)}; {Expected}");
        var name = reader.ValueIsEscaped ? Encoding.UTF8.GetBytes(reader.GetString()!) : reader.ValueSpan;
        int index = names.Find(name);
        string shown = index >= 0 ? "" : Quote.Bytes(name);
        if (index < 0) throw new FileFormatException($"{source}: entry {entry} of \"labels\" names {shown}, and there is no such picture");
        if (labels[index] >= 0) throw new FileFormatException($"{source}: \"labels\" names {Quote.Bytes(name)} twice");
        reader.Read();
        if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out int label)) throw new FileFormatException($"{source}: the label of {Quote.Bytes(name)} is {Shown(ref reader)}; a whole number from 0 to {MostClasses - 1} was expected");
        if (label is < 0 or >= MostClasses) throw new FileFormatException($"{source}: the label of {Quote.Bytes(name)} is {label}; a whole number from 0 to {MostClasses - 1} was expected");
        labels[index] = label;
        reader.Read();
        if (reader.TokenType != JsonTokenType.EndArray) throw new FileFormatException($"{source}: entry {entry} of \"labels\" has more than a name and a label; {Expected}");
    }

    private static string Shown(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.StartArray => "a list",
        JsonTokenType.StartObject => "an object",
        JsonTokenType.EndArray => "nothing",
        JsonTokenType.String => Quote.Text(reader.GetString()!),
        _ => Encoding.UTF8.GetString(reader.ValueSpan)
    };
}
