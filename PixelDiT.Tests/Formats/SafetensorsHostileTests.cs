using System.Diagnostics;
using System.Text;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using static PixelDiT.Tests.Formats.SafetensorsBytes;

namespace PixelDiT.Tests.Formats;

/// <summary>Headers of the largest size allowed, built to cost time or memory: each is refused within a second and within 64 MiB beyond the header.</summary>
[NonParallelizable]
public class SafetensorsHostileTests
{
    private static readonly byte[] largest = new byte[SafetensorsHeader.MaximumBytes];

    /// <summary>Fills the header with a beginning and then one text over and over; the JSON never ends.</summary>
    private static HostileFile Repeat(string start, Func<int, string> item)
    {
        int length = Encoding.ASCII.GetBytes(start, largest);
        for (int i = 0; ; i++)
        {
            string next = item(i);
            if (length + next.Length > largest.Length) break;
            length += Encoding.ASCII.GetBytes(next, largest.AsSpan(length));
        }
        largest.AsSpan(length).Fill((byte)' ');
        return new HostileFile(File(largest));
    }

    private readonly record struct HostileFile(byte[] Bytes)
    {
        /// <summary>The best of three runs counts, because other work may hold up any one of them.</summary>
        public void IsRefused(string fragment)
        {
            double seconds = double.MaxValue;
            for (int run = 0; run < 3 && seconds >= 1; run++) seconds = Refuse(fragment);
            Assert.That(seconds, Is.LessThan(1));
        }

        private double Refuse(string fragment)
        {
            var file = new MemoryStream(Bytes);
            long before = GC.GetAllocatedBytesForCurrentThread();
            var clock = Stopwatch.StartNew();
            var error = Assert.Throws<FileFormatException>(() => SafetensorsReader.Open(file, "f"));
            double seconds = clock.Elapsed.TotalSeconds;
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before - SafetensorsHeader.MaximumBytes;
            TestContext.Out.WriteLine($"{seconds:f3} s, {allocated >> 20} MiB beyond the header: {error!.Message}");
            Assert.That(error.Message, Does.Contain(fragment).And.Length.LessThan(500));
            Assert.That(allocated, Is.LessThan(64 << 20));
            return seconds;
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
