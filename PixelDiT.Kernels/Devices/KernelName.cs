namespace PixelDiT.Kernels.Devices;

/// <summary>The names of kernels in tables, profiles and files.</summary>
public static class KernelName
{
    /// <summary>A readable name of a kernel's type with its type arguments, such as <c>RmsNorm.ForwardKernel&lt;Single32&gt;</c>.</summary>
    public static string Of(Type kernel)
    {
        string name = kernel.Name.Split('`')[0];
        if (kernel.DeclaringType is { } outer) name = $"{outer.Name.Split('`')[0]}.{name}";
        return kernel.IsGenericType ? $"{name}<{string.Join(", ", kernel.GetGenericArguments().Select(Of))}>" : name;
    }
}
