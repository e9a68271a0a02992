using NUnit.Framework;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Oracle.Comparing;

namespace PixelDiT.Tests.Oracle.Comparing;

/// <summary>A comparison of tensors in memory, and what it says in the message of a test.</summary>
public sealed class ComparisonTextTests
{
    [Test]
    public void Tensors_in_memory_are_compared_as_those_of_files()
    {
        float[] x = [1, 2, 3, 4], s = [5, 6, 7, 8];
        Assert.That(Compare(s).ToString(), Is.EqualTo("2 tensors agree"));
        string said = Compare([5, 6, 7, 9]).ToString();
        Assert.That(said, Does.Contain("act.s_embedder").And.Contain("is the first tensor that differs").And.Contain("in.x").And.Contain("before it agrees"));
        Assert.That(said, Does.Contain("the tolerance 1.0e-5").And.Contain("it is 9, and 8 was expected").And.Contain("it should be"));
        Assert.That(Compare([5, 6, 7]).ToString(), Does.Contain("its shape is [1, 3]; [1, 4] was expected"));

        TraceComparisonResult Compare(float[] port) => new TraceComparison(Trace("model", s), Trace("port", port)).Run();

        TraceFile Trace(string name, float[] tokens) => TraceFile.Of(name, [new TensorData("in.x", [1, 1, 2, 2], x), new TensorData("act.s_embedder", [1, tokens.Length], tokens)]);
    }
}
