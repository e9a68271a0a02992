using System.Reflection;
using NUnit.Framework;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Convolutions;
using PixelDiT.Kernels.Operations.Vision;
using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Tests.Operations;

/// <summary>Nothing is left out of the table.</summary>
internal sealed class OperationCoverageTests
{
    private static IEnumerable<Type> Operations => typeof(MatMul).Assembly.GetTypes()
        .Where(type => type is { IsPublic: true, IsAbstract: true, IsSealed: true } && (type.Namespace == typeof(MatMul).Namespace || type.Namespace == typeof(LayerNorm).Namespace || type.Namespace == typeof(Convolution).Namespace));

    private static IEnumerable<string> DifferentiableMethods => ((Type[])[typeof(Differentiable), typeof(Fused), typeof(Alignment)])
        .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)).Select(method => method.Name).Distinct();

    [TestCaseSource(nameof(Operations))]
    public void Every_operation_has_a_row(Type operation)
        => Assert.That(OperationCases.All.Select(row => row.Operation), Does.Contain(operation), $"{operation.Name} has no row in the table of operation cases");

    [TestCaseSource(nameof(DifferentiableMethods))]
    public void Every_operation_of_the_tape_has_a_row_with_a_gradient(string method)
    {
        var rows = OperationCases.All.Where(row => row.Differentiable == method).ToList();
        Assert.That(rows, Is.Not.Empty, $"Differentiable.{method} has no row in the table of operation cases");
        // Time is given, so its embedding has no gradient.
        if (method != nameof(Differentiable.TimestepEmbedding)) Assert.That(rows.Any(row => row.GradientTolerance is not null), $"no row of {method} has a gradient");
    }

    [Test]
    public void Every_row_has_its_own_name() => Assert.That(OperationCases.All.Select(row => row.Name), Is.Unique);
}
