using System.Globalization;
using PixelDiT.Reference.Formats.Safetensors;

namespace PixelDiT.Reference.Editing;

/// <summary>The tensors of an edit's steps, for a comparison with another program: <c>step.000.time</c>, <c>step.000.x</c>, the state that the step arrived at, and <c>step.000.v</c>, the velocity that was applied, numbered from the first step that is made on the whole grid.</summary>
internal static class EditTrace
{
    /// <summary>The tensors of a step.</summary>
    public static IEnumerable<TensorData> Of(EditStep step)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"step.{step.Index:000}");
        long[] shape = [.. step.State.Shape.Select(size => (long)size)];
        yield return new TensorData($"{name}.time", [1], [step.Time]);
        yield return new TensorData($"{name}.v", shape, step.Velocity.ToArray());
        yield return new TensorData($"{name}.x", shape, step.State.ToArray());
    }
}
