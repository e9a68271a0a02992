using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Oracle.Conformance;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Formats.Safetensors;

namespace PixelDiT.Tests.Oracle;

/// <summary>A file of a case in a folder of one's own may lack or misspell anything: then the case fails or is skipped, or the message names the file. It is never an internal error.</summary>
public sealed class SpoiledCaseTests
{
    private const string Metadata = "__metadata__", Extension = ".safetensors";

    /// <summary>Cases that take more than a second in whole, which no metadata of theirs shortens.</summary>
    private static readonly string[] s_long = ["fid/inception"];

    private static readonly string[] s_cases = [.. ShippedCases.Names.Where(name => name.EndsWith(Extension, StringComparison.Ordinal)).Select(name => name[..^Extension.Length]).Except(s_long).Order(StringComparer.Ordinal)];

    [TestCaseSource(nameof(s_cases))]
    public void Nothing_that_a_file_says_is_an_internal_error(string name)
    {
        using var folder = new TemporaryFolder();
        ShippedCases.CopyTo(folder.Path, file => Belongs(file, name));
        string path = name + Extension;
        byte[] whole = File.ReadAllBytes(Path.Combine(folder.Path, path));
        using var device = Device.Open("cpu", 1);
        var faults = new List<string>();
        foreach (var (what, bytes) in Spoiled(whole))
        {
            folder.Write(path, bytes);
            try
            {
                foreach (var _ in ConformanceSuite.Run(ConformanceFiles.In(folder.Path).Where(other => other == name || !s_cases.Contains(other) || other.EndsWith("weights", StringComparison.Ordinal)), device)) { }
            }
            catch (PixelDiTException)
            {
                // What is wrong is said.
            }
            catch (Exception error)
            {
                faults.Add($"{what}: {error.GetType().Name}: {error.Message} {error.StackTrace!.Split('\n').First(line => line.Contains("Conformance", StringComparison.Ordinal)).Trim()}");
            }
        }
        Assert.That(faults, Is.Empty, string.Join('\n', faults));
    }

    /// <summary>Files of a case: those of its folder, and the weights that others begin from.</summary>
    private static bool Belongs(string resource, string name)
    {
        string top = name.Split('/')[0];
        return resource == name + Extension || resource.EndsWith("weights.safetensors", StringComparison.Ordinal) || (top == "h5" && resource.StartsWith("h5/", StringComparison.Ordinal));
    }

    private static IEnumerable<(string What, byte[] Bytes)> Spoiled(byte[] whole)
    {
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(whole);
        byte[] data = whole[(8 + length)..];
        JsonObject Header() => JsonNode.Parse(Encoding.UTF8.GetString(whole, 8, length))!.AsObject();
        var header = Header();
        string[] values = ["", "?", "-1", "1e30", "{}", "{\"steps\": \"many\"}", "[[]]", "null"];
        foreach (string key in header[Metadata] is JsonObject metadata ? metadata.Select(entry => entry.Key).ToArray() : [])
        {
            yield return ($"without {key}", Changed(Header(), data, found => found[Metadata]!.AsObject().Remove(key)));
            foreach (string value in values) yield return ($"{key} is {value}", Changed(Header(), data, found => found[Metadata]![key] = value));
        }
        // Tensors are many; of each kind of name one is enough.
        foreach (string tensor in header.Select(entry => entry.Key).Where(key => key != Metadata).GroupBy(key => new string([.. key.Where(letter => !char.IsDigit(letter))])).Select(kind => kind.First()))
        {
            yield return ($"without {tensor}", Changed(Header(), data, found => found.Remove(tensor)));
            yield return ($"{tensor} in a row", Changed(Header(), data, found => found[tensor]!["shape"] = new JsonArray(found[tensor]!["shape"]!.AsArray().Aggregate(1L, (product, size) => product * (long)size!))));
            if ((string)header[tensor]!["dtype"]! is "I64" or "I32")
            {
                int begin = (int)header[tensor]!["data_offsets"]![0]!, size = (string)header[tensor]!["dtype"]! == "I64" ? 8 : 4;
                foreach (byte filler in (byte[])[0x7f, 0xff])
                {
                    byte[] other = [.. data];
                    if (begin + size <= other.Length) other.AsSpan(begin, size).Fill(filler);
                    // The highest bits of a number that fits into 32.
                    if (size == 8 && filler == 0x7f && begin + size <= other.Length) other.AsSpan(begin + 4, 4).Clear();
                    yield return ($"{tensor} begins with bytes {filler:x}", Changed(Header(), other, _ => { }));
                }
            }
            yield return ($"{tensor} is one long", Changed(Header(), data, found =>
            {
                var shape = found[tensor]!["shape"]!.AsArray();
                long count = shape.Aggregate(1L, (product, size) => product * (long)size!), begin = (long)found[tensor]!["data_offsets"]![0]!, end = (long)found[tensor]!["data_offsets"]![1]!;
                if (count == 0) return;
                found[tensor]!["shape"] = new JsonArray(1);
                found[tensor]!["data_offsets"] = new JsonArray(begin, begin + ((end - begin) / count));
            }));
        }
    }

    private static byte[] Changed(JsonObject header, byte[] data, Action<JsonObject> change)
    {
        change(header);
        return SafetensorsBytes.File(header.ToJsonString(), data);
    }
}
