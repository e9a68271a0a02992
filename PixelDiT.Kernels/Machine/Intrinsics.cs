using System.Reflection;
using ILGPU;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

namespace PixelDiT.Kernels.Machine;

/// <summary>
/// Names the method that takes an intrinsic's place in PTX. ILGPU's frontend does not look inside a method marked
/// <see cref="IntrinsicImplementationAttribute"/>: its body may be anything .NET can run, and is what both CPU back ends execute.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class DeviceBodyAttribute(string method) : Attribute
{
    /// <summary>A static method of the same class with the same parameters.</summary>
    public string Method { get; } = method;
}

/// <summary>Tells a context which PTX body belongs to each intrinsic.</summary>
internal static class Intrinsics
{
    private const BindingFlags Everything = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>Registers every intrinsic of this assembly.</summary>
    public static void Register(Context context)
    {
        var manager = context.GetIntrinsicManager();
        foreach (var type in typeof(Intrinsics).Assembly.GetTypes())
        {
            foreach (var method in type.GetMethods(Everything | BindingFlags.DeclaredOnly))
            {
                if (method.GetCustomAttribute<DeviceBodyAttribute>() is not { } device) continue;
                manager.RegisterMethod(method, new PTXIntrinsic(type, device.Method, IntrinsicImplementationMode.Redirect));
            }
        }
    }
}
