namespace PixelDiT.Reference.Formats.Torch;

/// <summary>Marks the nodes from which a tensor can be reached, so that names are made for these alone and what holds no tensor costs nothing, however often it is referred to.</summary>
internal static class TensorReach
{
    // A path of names has no more steps, so a circle needs no more rounds.
    private const int MaximumRounds = TorchContents.MaximumDepth + 1;

    /// <summary>Sets <see cref="PickleContainer.HoldsTensor"/> of every node that can be reached from one.</summary>
    public static void Mark(PickleContainer root)
    {
        var children = new List<PickleChild>();
        var nodes = new List<PickleContainer> { root };
        root.IsMet = true;
        for (int i = 0; i < nodes.Count; i++)
        {
            Fill(children, nodes[i]);
            foreach (var child in children)
            {
                if (child.Value is not PickleContainer { IsMet: false } next) continue;
                next.IsMet = true;
                nodes.Add(next);
            }
        }
        // What a node holds was mostly met after it.
        for (int round = 0, changes = 1; changes > 0 && round < MaximumRounds; round++)
        {
            changes = 0;
            for (int i = nodes.Count - 1; i >= 0; i--)
            {
                if (nodes[i].HoldsTensor) continue;
                Fill(children, nodes[i]);
                if (!children.Exists(child => Holds(child.Value))) continue;
                nodes[i].HoldsTensor = true;
                changes++;
            }
        }
    }

    /// <summary>Whether a node is a tensor, or a tensor can be reached from it.</summary>
    public static bool Holds(object? node) => node is PickleContainer container ? container.HoldsTensor : node is TorchStorage || TorchRules.IsTensor(node);

    private static void Fill(List<PickleChild> children, PickleContainer node)
    {
        children.Clear();
        PickleChildren.AddTo(children, node);
        if (node is PickleObject made) PickleChildren.AddNameless(children, made);
    }
}
