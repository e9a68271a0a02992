using NUnit.Framework;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Tests.Docs;

namespace PixelDiT.Tests.Autodiff;

/// <summary>The table of fused forms is what docs/4-autodiff.md shows, and names operations that exist.</summary>
internal sealed class FusedFormsTests
{
    private static readonly Type[] s_operations = [typeof(Differentiable), typeof(Fused)];

    [TestCaseSource(typeof(FusedForms), nameof(FusedForms.All))]
    public void A_form_and_what_it_replaces_are_operations_of_the_tape(FusedForm form)
    {
        foreach (string name in form.Replaces.Prepend(form.Name)) Assert.That(s_operations.Any(type => type.GetMethods().Any(method => method.Name == name)), Is.True, $"{name} is no operation of the tape");
    }

    [Test]
    public void The_docs_show_the_table()
    {
        if (Repository.Root is not { } root) throw new IgnoreException("the tests do not run in their repository");
        string page = File.ReadAllText(Path.Combine(root, "docs", "4-autodiff.md"));
        foreach (var form in FusedForms.All)
        {
            Assert.That(page, Does.Contain($"| `{form.Name}` | {string.Join(", ", form.Replaces.Select(name => $"`{name}`"))} | {form.Condition} |"));
        }
    }
}
