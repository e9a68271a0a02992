namespace PixelDiT.Tests.Operations;

/// <summary>The table of operation cases. The generic tests of this folder run over every row; a public operation without a row fails them.</summary>
internal static class OperationCases
{
    public static IReadOnlyList<OperationCase> All { get; } =
        [
            .. NormCases.All, .. ActivationCases.All, .. ProductCases.All, .. AttentionCases.All, .. ImageCases.All, .. TrainingCases.All, .. TextCases.All, .. CameCases.All, .. JointCases.All, .. VisionCases.All, .. ConvolutionCases.All
        ];

    public static IEnumerable<OperationCase> WithGradients => All.Where(row => row.GradientTolerance is not null);

    public static IEnumerable<OperationCase> WithStorages => All.Where(row => row.StorageTolerance is not null);
}
