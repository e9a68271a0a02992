using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Diffusion;

namespace PixelDiT.Tests.Diffusion;

/// <summary>The published settings are those of the table of SPEC §5.</summary>
internal sealed class SamplingRecipesTests
{
    [TestCase("imagenet256-80ep", 256, 3.25, 0.1f, 1f, 1f, 5000ul, 2.36)]
    [TestCase("imagenet256-160ep", 256, 3.25, 0.1f, 1f, 1f, 5000ul, 1.97)]
    [TestCase("imagenet256-320ep", 256, 2.75, 0.1f, 0.9f, 1f, 1600ul, 1.61)]
    [TestCase("imagenet512", 512, 3.5, 0.1f, 1f, 2f, 10000ul, 1.81)]
    public void A_recipe_has_the_published_values(string name, int resolution, double guidance, float min, float max, float shift, ulong seed, double fid)
    {
        var recipe = SamplingRecipes.Get(name);
        Assert.That(recipe.Sampling, Is.EqualTo(new SamplingConfig { Sampler = Sampler.FlowDpm, Steps = 100, Guidance = guidance, Interval = (min, max), TimeShift = shift }));
        Assert.That((recipe.Resolution, recipe.Seed, recipe.PublishedFid), Is.EqualTo((resolution, seed, fid)));
        Assert.That(recipe.Sampling.Validate(), Is.SameAs(recipe.Sampling));
    }

    [TestCase("t2i-512", 512, 3f)]
    [TestCase("t2i-1024", 1024, 4f)]
    public void A_recipe_of_a_text_model_has_the_published_values(string name, int resolution, float shift)
    {
        var recipe = SamplingRecipes.Get(name);
        Assert.That(recipe.Sampling, Is.EqualTo(new SamplingConfig { Sampler = Sampler.DpmSolver, Steps = 50, Guidance = 2.75, TimeShift = shift }));
        Assert.That((recipe.Resolution, recipe.Seed, recipe.PublishedFid, recipe.IsText), Is.EqualTo((resolution, 2025ul, (double?)null, true)));
        Assert.That(recipe.Sampling.ValidateFor(text: true), Is.SameAs(recipe.Sampling));
    }

    [Test]
    public void There_are_six() => Assert.That(SamplingRecipes.Names, Is.EqualTo((string[])["imagenet256-80ep", "imagenet256-160ep", "imagenet256-320ep", "imagenet512", "t2i-512", "t2i-1024"]));

    [Test]
    public void An_unknown_recipe_is_refused_with_the_names_there_are() =>
        Assert.That(() => SamplingRecipes.Get("imagenet1024"), Throws.TypeOf<ConfigurationException>().With.Message.EqualTo(
            "recipe 'imagenet1024' is unknown; known are imagenet256-80ep, imagenet256-160ep, imagenet256-320ep, imagenet512, t2i-512, t2i-1024"));
}
