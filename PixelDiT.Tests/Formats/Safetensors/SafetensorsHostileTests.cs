using System.Diagnostics;
using System.Text;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Safetensors;
using static PixelDiT.Tests.Formats.Safetensors.SafetensorsBytes;

namespace PixelDiT.Tests.Formats.Safetensors;

/// <summary>Headers of the largest size allowed, built to cost time or memory: each is refused within 64 MiB beyond the header. Time is not measured: a minute is reached by what never ends alone.</summary>
[NonParallelizable]
public class SafetensorsHostileTests
{
    private static readonly byte[] s_largest = new byte[SafetensorsHeader.MaximumBytes];

    /// <summary>Fills the header with a beginning and then one text over and over; the JSON never ends.</summary>
    private static HostileFile Repeat(string start, Func<int, string> item)
    {
        int length = Encoding.ASCII.GetBytes(start, s_largest);
        for (int i = 0; ; i++)
        {
            string next = item(i);
            if (length + next.Length > s_largest.Length) break;
            length += Encoding.ASCII.GetBytes(next, s_largest.AsSpan(length));
        }
        s_largest.AsSpan(length).Fill((byte)' ');
        return new HostileFile(File(s_largest));
    }

    private readonly record struct HostileFile(byte[] Bytes)
    {
        public void IsRefused(string fragment)
        {
            var file = new MemoryStream(Bytes);
            long before = GC.GetAllocatedBytesForCurrentThread();
            var clock = Stopwatch.StartNew();
            var error = Assert.Throws<FileFormatException>(() => SafetensorsReader.Open(file, "f"));
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before - SafetensorsHeader.MaximumBytes;
            TestContext.Out.WriteLine($"{clock.Elapsed.TotalSeconds:f3} s, {allocated >> 20} MiB beyond the header: {error!.Message}");
            Assert.That(error.Message, Does.Contain(fragment).And.Length.LessThan(500));
            Assert.That(allocated, Is.LessThan(64 << 20));
            Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromMinutes(1)), "a hang");
        }
    }

    [Test] public void A_million_tensors() => Repeat("{", i => Entry($"{i}", "U8", "0", 0, 0) + ",").IsRefused("32 MiB of memory");
    [Test] public void Many_tensors_of_high_rank() => Repeat("{", i => Entry($"{i}", "U8", string.Join(',', Enumerable.Repeat(0, 64)), 0, 0) + ",").IsRefused("32 MiB of memory");
    [Test] public void Millions_of_metadata_entries() => Repeat("{\"__metadata__\":{", i => $"\"{i}\":\"\",").IsRefused("32 MiB of memory");
    [Test] public void One_long_metadata_string() => Repeat("{\"__metadata__\":{\"a\":\"" + new string('x', 90_000_000) + "\"}", _ => " ").IsRefused("32 MiB of memory");
    [Test] public void One_long_tensor_name() => Repeat("{\"" + new string('x', 90_000_000) + "\":", _ => " ").IsRefused("32 MiB of memory");
    [Test] public void One_long_dtype() => Repeat("{\"a\":{\"dtype\":\"" + new string('x', 90_000_000) + "\"", _ => " ").IsRefused("32 MiB of memory");
    [Test] public void One_long_number() => Repeat("{\"a\":{\"shape\":[", _ => "9999999999").IsRefused("a whole number");
    [Test] public void An_endless_string() => Repeat("{\"", _ => "\\u0041").IsRefused("not valid JSON");
    [Test] public void An_endless_literal() => Repeat("{\"a\":", _ => "tttttttttt").IsRefused("not valid JSON");
    [Test] public void Nothing_but_space() => Repeat("{", _ => "          ").IsRefused("not valid JSON");
    [Test] public void Nothing_but_brackets() => Repeat("{\"a\":{\"shape\":[", _ => "[[[[[[[[[[").IsRefused("\"shape\"[0] is an array");
}
