using System.Globalization;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>What every verb that takes a model from a file says of it.</summary>
internal static class WeightsReport
{
    /// <summary>Loads a model of either kind and says what was taken, left and found.</summary>
    /// <returns>The model, and what is wrong with its weights, null for nothing.</returns>
    public static (PixelTransformer Model, string? Problem) Load(StoredModel stored, Device device)
    {
        SayTaken(stored);
        var model = stored.Load(device);
        SayNotFinite(stored);
        return (model, NotFinite(stored.NotFinite));
    }

    /// <summary>Says which weights were taken and which were left, and what else was left aside.</summary>
    public static void SayTaken(StoredModel model)
    {
        Terminal.WriteLine($"weights: {model.Weights}");
        foreach (string remark in model.Info.Remarks) Terminal.Complain(remark);
    }

    /// <summary>Says how many of the weights that were read are not finite, if any.</summary>
    public static void SayNotFinite(StoredModel model)
    {
        if (NotFinite(model.NotFinite) is { } problem) Terminal.Complain($"{model.Source}: {problem}");
    }

    /// <summary>Says how many weights became infinite when they were narrowed, if any.</summary>
    public static void SayOverflowed(StoredModel model, DataType type)
    {
        if (model.Overflowed is not { Total: > 0 and var total } tally) return;
        var (tensor, _, largest) = tally.Tensors.MaxBy(entry => entry.Largest);
        Terminal.Complain(string.Create(
            CultureInfo.InvariantCulture, $"{model.Source}: {Count(total)} beyond {type.FormatName}, whose largest number is {type.Largest:R}, and became infinite: {tally}; the largest magnitude is {largest:R}, in {tensor}"));
    }

    /// <summary>What is wrong with weights that are not finite; null where all are.</summary>
    private static string? NotFinite(ValueTally tally) => tally.Total == 0 ? null : $"{Count(tally.Total)} not finite: {tally}";

    private static string Count(long count) => count == 1 ? "1 weight is" : string.Create(CultureInfo.InvariantCulture, $"{count:N0} weights are");
}
