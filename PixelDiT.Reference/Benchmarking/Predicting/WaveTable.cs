using System.Globalization;
using PixelDiT.Kernels.Operations.Products;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Benchmarking.Predicting;

/// <summary>How the products of a training step fall on a card's multiprocessors, and what they should take, by the plan that the kernels themselves are launched with.</summary>
/// <param name="Model">The preset's name.</param>
/// <param name="Batch">Images.</param>
/// <param name="Resolution">The side of an image, in pixels.</param>
/// <param name="Card">The card.</param>
internal sealed record WaveTable(string Model, int Batch, int Resolution, CardModel Card)
{
    /// <summary>The products, those of the most time first.</summary>
    public IReadOnlyList<StepProduct> Products { get; } = StepProducts.Of(Presets.Get(Model), Batch, Resolution, Resolution);

    /// <summary>Operations of all products, in units of 10¹².</summary>
    public double Teraflops => Products.Sum(product => product.Flops) / 1e12;

    /// <summary>Milliseconds of all products.</summary>
    public double Milliseconds => Products.Sum(Microseconds) / 1000;

    /// <summary>Operations a second.</summary>
    public double Tflops => Teraflops / Milliseconds * 1000;

    /// <summary>The share of the card that multiplies what C has, over the time of all products: what their operations take without waste, over what they take by tiles and turns.</summary>
    public double Share => Products.Sum(product => product.Flops) / Products.Sum(product => product.Flops / Plan(product).Share(product.Shape, Card));

    /// <summary>The same of what was there before: tiles of 128 by 256, and slices only to have a tile for each multiprocessor.</summary>
    public double ShareBefore => Products.Sum(product => product.Flops) / Products.Sum(product => product.Flops / Before(product.Shape).Share(product.Shape, Card));

    /// <summary>A line of the totals, as docs/predictions.md has it.</summary>
    public string Total => string.Create(CultureInfo.InvariantCulture, $"| {Model} {Resolution}², batch {Batch} | {Teraflops:0.0} | {100 * ShareBefore:0.0} % | {100 * Share:0.0} % | {Milliseconds:0.0} | {Tflops:0} | {100 * Tflops / Card.SustainedTflops:0} % |");

    /// <summary>A line for each product.</summary>
    public IEnumerable<string> Lines => Products.Select(product =>
    {
        var plan = Plan(product);
        double time = plan.Microseconds(product.Shape, Card);
        return string.Create(CultureInfo.InvariantCulture,
            $"| {product.Count} × {product.Name} | {product.Shape.M} × {product.Shape.N} × {product.Shape.K} | {plan.Rows} × {plan.Columns} | {plan.Slices} | {plan.Items(product.Shape)} | {100 * plan.Share(product.Shape, Card):0.0} % | {time:0.0} | {product.Shape.Flops / time / 1e6:0} |");
    });

    private TilePlan Plan(StepProduct product) => TilePlan.For(product.Shape, Card);

    private double Microseconds(StepProduct product) => product.Count * Plan(product).Microseconds(product.Shape, Card);

    private TilePlan Before(ProductShape shape)
    {
        int tiles = new TilePlan(128, 256, 1).Items(shape);
        return new(128, 256, shape.IsSliced ? Math.Clamp(shape.K / 256, 1, Math.Max(1, Card.Multiprocessors / tiles)) : 1);
    }
}
