using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Devices;

/// <summary>A kernel with its type arguments filled in, as a device compiles it.</summary>
/// <param name="Name">A readable name, such as <c>RmsNorm.ForwardKernel&lt;Single32&gt;</c>.</param>
/// <param name="Kernel">The struct.</param>
public sealed record KernelDescriptor(string Name, Type Kernel)
{
    /// <summary>The name without what a file's name cannot hold, such as <c>RmsNorm.ForwardKernel-Single32</c>.</summary>
    public string FileName => Name.Replace(">", "").Replace("<", "-").Replace(", ", "-");

    /// <summary>The only architecture that has the kernel's instructions; null where any has.</summary>
    public string? Architecture => Kernel.IsGenericType && Kernel.GetGenericTypeDefinition() == typeof(WideProduct<,,,>) ? "sm_90" : null;

    /// <summary>What a kernel rounds the operands of its products to; null for one that multiplies no matrices.</summary>
    public Precision? Precision
    {
        get
        {
            if (!Kernel.IsGenericType) return null;
            if (Kernel.GetGenericTypeDefinition() == typeof(ProductKernel<,,>) || Kernel.GetGenericTypeDefinition() == typeof(SingleProduct<,>)) return Tensors.Precision.Single;
            if (Kernel.GetGenericTypeDefinition() == typeof(WideProduct<,,,>)) return Tensors.Precision.BFloat16;
            var format = Kernel.GetGenericArguments().FirstOrDefault(argument => typeof(IFragmentFormat).IsAssignableFrom(argument));
            return format is null ? null : format == typeof(BrainFormat) ? Tensors.Precision.BFloat16 : format == typeof(TensorFloatFormat) ? Tensors.Precision.TensorFloat32 : Tensors.Precision.Single;
        }
    }
}

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
            foreach (var closed in Close(type)) yield return new KernelDescriptor(NameOf(closed), closed);
        }
    }

    private static IEnumerable<Type> Close(Type type)
    {
        if (!type.IsGenericTypeDefinition) return [type];
        // A product's result is float32 or shares the storage of its first operand; gradients of weights are float32.
        if (type == typeof(ProductKernel<,,>))
        {
            Type single = typeof(Single32), brain = typeof(BFloat16);
            return ((Type[][])[[single, single, single], [single, brain, single], [brain, single, brain], [brain, brain, brain], [brain, brain, single], [brain, single, single]])
                .Select(storages => type.MakeGenericType(storages));
        }
        if (type == typeof(TensorProduct<,,,,,,>)) return TensorProduct.Kernels;
        if (type == typeof(WideProduct<,,,>)) return WideProduct.Kernels;
        if (type == typeof(TiledAttentionForward<,,>) || type == typeof(TiledAttentionBackward<,,,>)) return TiledAttention.Kernels(type);
        if (type == typeof(SingleProduct<,>))
        {
            return ((Type[][])[[typeof(Along), typeof(Along)], [typeof(Along), typeof(Across)], [typeof(Across), typeof(Across)]]).Select(orders => type.MakeGenericType(orders));
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

    /// <summary>A readable name of a kernel type.</summary>
    internal static string NameOf(Type type)
    {
        string name = type.Name.Split('`')[0];
        if (type.DeclaringType is { } outer) name = $"{outer.Name.Split('`')[0]}.{name}";
        return type.IsGenericType ? $"{name}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>" : name;
    }
}
