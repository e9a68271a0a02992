using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Operations.Products;

namespace PixelDiT.Kernels.Operations.Catalog;

/// <summary>Every kernel of this assembly that a GPU runs, found by reflection so that none can be forgotten, closed over the storages and formulas it can be launched with.</summary>
public static class KernelCatalog
{
    /// <summary>All kernels.</summary>
    public static IReadOnlyList<KernelDescriptor> All { get; } = [.. Find().OrderBy(kernel => kernel.Name, StringComparer.Ordinal)];

    /// <summary>Those that an architecture has the instructions for.</summary>
    /// <param name="architecture">One of <see cref="PtxCompiler.Architectures"/>.</param>
    public static IEnumerable<KernelDescriptor> For(string architecture) => All.Where(kernel => kernel.Architecture is not { } only || only == architecture);

    private static IEnumerable<KernelDescriptor> Find()
    {
        foreach (var type in typeof(KernelCatalog).Assembly.GetTypes().Where(type => type.IsValueType && !type.IsInterface && typeof(IKernel).IsAssignableFrom(type) && !type.IsDefined(typeof(HostOnlyAttribute), inherit: false)))
        {
            foreach (var closed in Close(type)) yield return new KernelDescriptor(KernelName.Of(closed), closed);
        }
    }

    private static IEnumerable<Type> Close(Type type)
    {
        if (!type.IsGenericTypeDefinition) return [type];
        // A product's result is float32 or shares the storage of its first operand; gradients of weights are float32.
        if (type == typeof(BlockedProduct<,,>))
        {
            Type single = typeof(Single32), bfloat16 = typeof(BFloat16);
            return ((Type[][])[[single, single, single], [single, bfloat16, single], [bfloat16, single, bfloat16], [bfloat16, bfloat16, bfloat16], [bfloat16, bfloat16, single], [bfloat16, single, single]])
                .Select(storages => type.MakeGenericType(storages));
        }
        if (type == typeof(MmaProduct<,,,,,,>)) return MmaProduct.Kernels;
        if (type == typeof(WgmmaProduct<,,,>)) return WgmmaProduct.Kernels;
        if (type == typeof(PersistentProduct<,,,,>)) return PersistentProduct.Kernels;
        if (type == typeof(TiledAttentionForward<,,>) || type == typeof(TiledAttentionBackward<,,,>) || type == typeof(AlignedAttentionForward<>) || type == typeof(AlignedAttentionBackward<,>)) return TiledAttention.Kernels(type);
        if (type == typeof(SimtProduct<,>))
        {
            return ((Type[][])[[typeof(KMajor), typeof(KMajor)], [typeof(KMajor), typeof(MNMajor)], [typeof(MNMajor), typeof(MNMajor)]]).Select(orders => type.MakeGenericType(orders));
        }
        return type.GetGenericArguments().Select(Candidates)
            .Aggregate((IEnumerable<Type[]>)[[]], (sofar, candidates) => sofar.SelectMany(arguments => candidates.Select(candidate => (Type[])[.. arguments, candidate])))
            // A modulation is stored as its activation or in float32.
            .Where(arguments => arguments is not [var activation, var modulation] || activation != typeof(Single32) || modulation != typeof(BFloat16))
            .Select(arguments => type.MakeGenericType(arguments));
    }

    private static IEnumerable<Type> Candidates(Type parameter)
    {
        var constraint = parameter.GetGenericParameterConstraints().Single(c => c.IsInterface);
        if (constraint.IsGenericType && constraint.GetGenericTypeDefinition() == typeof(IStorage<>)) return [typeof(Single32), typeof(BFloat16)];
        // Formulas that a kernel of their own carries as a nested, private detail are reached through that kernel.
        return typeof(KernelCatalog).Assembly.GetTypes()
            .Where(type => type.IsValueType && constraint.IsAssignableFrom(type) && type.IsNestedAssembly)
            .SelectMany(Close);
    }
}
