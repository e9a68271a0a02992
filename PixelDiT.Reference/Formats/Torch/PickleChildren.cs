namespace PixelDiT.Reference.Formats.Torch;

/// <summary>What a node holds: a value under a key, or in a place of a list or tuple.</summary>
/// <param name="Key">The key; null in a list.</param>
/// <param name="Index">The place; -1 in a dict.</param>
/// <param name="Value">The value.</param>
internal readonly record struct PickleChild(object? Key, int Index, object? Value);

/// <summary>Gives the children of nodes under the names that their tensors have, as a state dict would name them where the node is a module.</summary>
internal static class PickleChildren
{
    private const string Parameters = "_parameters", Buffers = "_buffers", Modules = "_modules", NotKept = "_non_persistent_buffers_set";

    /// <summary>Adds a node's children, in order.</summary>
    public static void AddTo(List<PickleChild> children, object? node)
    {
        switch (node)
        {
            case PickleDict dict:
                foreach (var (key, value) in dict.Items) children.Add(new(key, -1, value));
                break;
            case PickleList list:
                foreach (var (index, value) in list.Items) children.Add(new(null, index, value));
                break;
            case PickleTuple tuple:
                for (int i = 0; i < tuple.Items.Length; i++) children.Add(new(null, i, tuple.Items[i]));
                break;
            case PickleObject made when ModuleOf(made) is { } module:
                AddModule(children, module);
                break;
            case PickleObject made:
                AddTo(children, made.Entries);
                AddTo(children, made.Elements);
                if (made.State is PickleDict attributes) AddTo(children, attributes);
                else if (Slots(made.State) is var (first, slots))
                {
                    AddTo(children, first);
                    AddTo(children, slots);
                }
                break;
        }
    }

    /// <summary>What an object was made from without names: its arguments, and a state that is no set of attributes.</summary>
    public static void AddNameless(List<PickleChild> children, PickleObject made)
    {
        if (ModuleOf(made) is not null) return;
        children.Add(new(null, 0, made.Arguments));
        if (made.State is not PickleDict && Slots(made.State) is null) children.Add(new(null, 1, made.State));
    }

    /// <summary>The attributes of an object that is a torch.nn.Module; null where it is none.</summary>
    public static PickleDict? ModuleOf(PickleObject made) => made.State is PickleDict state && Attribute(state, Parameters) is not null && Attribute(state, Modules) is not null ? state : null;

    /// <summary>A state of an object with slots: a dict of attributes or none, and a dict of slots.</summary>
    private static (PickleDict? Attributes, PickleDict Slots)? Slots(object? state)
        => state is PickleTuple { Items: [null or PickleDict, PickleDict slots] items } ? (items[0] as PickleDict, slots) : null;

    /// <summary>What a module's state_dict() has: its parameters, the buffers that it keeps, and its modules.</summary>
    private static void AddModule(List<PickleChild> children, PickleDict module)
    {
        AddTo(children, Attribute(module, Parameters));
        int first = children.Count;
        AddTo(children, Attribute(module, Buffers));
        if (children.Count > first && Attribute(module, NotKept) is { } set)
        {
            var dropped = new List<PickleChild>();
            AddTo(dropped, set is PickleObject { Arguments.Items: [PickleList list] } ? list : set);
            var names = dropped.Select(child => child.Value).OfType<string>().ToHashSet(StringComparer.Ordinal);
            for (int i = children.Count - 1; i >= first; i--)
            {
                if (children[i].Key is string name && names.Contains(name)) children.RemoveAt(i);
            }
        }
        AddTo(children, Attribute(module, Modules));
    }

    private static object? Attribute(PickleDict module, string name)
    {
        for (int i = module.Items.Count - 1; i >= 0; i--)
        {
            if (module.Items[i].Key is string key && key == name) return module.Items[i].Value;
        }
        return null;
    }
}
