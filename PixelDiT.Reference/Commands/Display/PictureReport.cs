using System.Text.Json;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Sampling;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>What a picture says of how it was drawn.</summary>
internal static class PictureReport
{
    private const int LongestLine = 4000, MostLines = 60, MostTexts = 20;

    /// <summary>Prints the record that this program has left in a picture, or else the texts of other programs.</summary>
    /// <param name="path">The picture.</param>
    /// <param name="png">What its file says.</param>
    /// <exception cref="Kernels.FileFormatException">The record is damaged.</exception>
    public static void Print(string path, PngInfo png)
    {
        Terminal.WriteLine($"{path}: PNG, {png.Width} wide, {png.Height} high{(png.IsAnimated ? ", animated" : "")}, {Counted.Of(png.Texts.Count, "text")} beside the pixels");
        if (PictureRecord.Find(path, png) is not { } record)
        {
            foreach (var text in png.Texts.Take(MostTexts)) Lines(Printable.Line(text.Keyword), text.Text);
            if (png.Texts.Count > MostTexts) Terminal.WriteLine($"{png.Texts.Count - MostTexts} more texts");
            Terminal.WriteLine("no record of this program");
            return;
        }
        foreach (var field in record.EnumerateObject()) Field(field);
        string kind = record.TryGetProperty(PictureRecord.PictureKey, out var said) ? Short(said) : "";
        if (PictureKindNames.All.ContainsKey(kind)) Terminal.WriteLine($"sample --again {path} --model FILE draws it again");
    }

    private static void Field(JsonProperty field)
    {
        if (field is not { Name: SampleRecord.PromptsKey, Value.ValueKind: JsonValueKind.Array })
        {
            Terminal.WriteLine($"  {Printable.Line(field.Name),-18} {Short(field.Value)}");
            return;
        }
        Terminal.WriteLine($"  {field.Name,-18} {Counted.Of(field.Value.GetArrayLength(), "prompt")}");
        foreach (var prompt in field.Value.EnumerateArray().Take(MostLines)) Terminal.WriteLine($"    {Short(prompt)}");
        if (field.Value.GetArrayLength() > MostLines) Terminal.WriteLine($"    {field.Value.GetArrayLength() - MostLines} more");
    }

    /// <summary>A text of another program, a line each.</summary>
    private static void Lines(string keyword, string text)
    {
        string[] lines = text.Split('\n', MostLines + 1);
        foreach (string line in lines.Take(MostLines)) Terminal.WriteLine($"  {keyword}: {Clip(Printable.Line(line.TrimEnd('\r')))}");
        if (lines.Length > MostLines) Terminal.WriteLine($"  {keyword}: more lines");
    }

    private static string Short(JsonElement value) => Clip(Printable.Line(value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText()));

    private static string Clip(string line) => line.Length <= LongestLine ? line : $"{line.AsSpan(0, LongestLine)}…";
}
