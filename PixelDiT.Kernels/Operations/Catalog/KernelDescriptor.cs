using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Operations.Products;

namespace PixelDiT.Kernels.Operations.Catalog;

/// <summary>A kernel with its type arguments filled in, as a device compiles it.</summary>
/// <param name="Name">A readable name, such as <c>RmsNorm.ForwardKernel&lt;Single32&gt;</c>.</param>
/// <param name="Kernel">The struct.</param>
public sealed record KernelDescriptor(string Name, Type Kernel)
{
    /// <summary>The name without what a file's name cannot hold, such as <c>RmsNorm.ForwardKernel-Single32</c>.</summary>
    public string FileName => Name.Replace(">", "").Replace("<", "-").Replace(", ", "-");

    /// <summary>The only architecture that has the kernel's instructions; null where any has.</summary>
    public string? Architecture => IsOfWarpGroups ? "sm_90" : null;

    /// <summary>What a kernel rounds the operands of its products to; null for one that multiplies no matrices.</summary>
    public Precision? Precision
    {
        get
        {
            if (!Kernel.IsGenericType) return null;
            if (Kernel.GetGenericTypeDefinition() == typeof(BlockedProduct<,,>) || Kernel.GetGenericTypeDefinition() == typeof(SimtProduct<,>)) return Machine.Precision.Single;
            if (Kernel.GetGenericTypeDefinition() == typeof(AlignedAttentionForward<>) || Kernel.GetGenericTypeDefinition() == typeof(AlignedAttentionBackward<,>)) return Machine.Precision.BFloat16;
            if (IsOfWarpGroups) return Machine.Precision.BFloat16;
            var format = Kernel.GetGenericArguments().FirstOrDefault(argument => typeof(IFragmentFormat).IsAssignableFrom(argument));
            return format is null ? null : format == typeof(BFloat16Format) ? Machine.Precision.BFloat16 : format == typeof(TensorFloat32Format) ? Machine.Precision.TensorFloat32 : Machine.Precision.Single;
        }
    }

    private bool IsOfWarpGroups => Kernel.IsGenericType && (Kernel.GetGenericTypeDefinition() == typeof(WgmmaProduct<,,,>) || Kernel.GetGenericTypeDefinition() == typeof(PersistentProduct<,,,,>));
}
