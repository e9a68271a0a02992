using System.Diagnostics;
using NUnit.Framework;

namespace PixelDiT.Tests;

/// <summary>A view's index out of range is a Trace.Assert in ILGPU, which ends the process; here it fails the test instead.</summary>
[SetUpFixture]
internal sealed class TraceFailures
{
    private sealed class Throwing : TraceListener
    {
        public override void Fail(string? message, string? detailMessage) => throw new AssertionException($"{message} {detailMessage}");

        public override void Write(string? message) { }

        public override void WriteLine(string? message) { }
    }

    [OneTimeSetUp]
    public void Install()
    {
        Trace.Listeners.Clear();
        Trace.Listeners.Add(new Throwing());
    }
}
