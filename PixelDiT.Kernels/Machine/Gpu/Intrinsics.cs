using System.Reflection;
using ILGPU;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

namespace PixelDiT.Kernels.Machine.Gpu;

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

/// <summary>
/// The PTX of an intrinsic as text. <c>$name</c> stands for the registers of the parameter of that name and <c>$result</c> for those of the result: one register,
/// or <c>{r0, r1, ..}</c> for a struct; <c>$name.0</c> is a struct's first register. A line
/// <c>copy $result, $name;</c> moves all 32-bit registers of a struct, for instructions that change their operand. Values stay in registers: nothing is spilled to pass a struct.
/// </summary>
/// <param name="text">Lines of PTX, each with its semicolon.</param>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PtxBodyAttribute(string text) : Attribute
{
    /// <summary>The PTX.</summary>
    public string Text { get; } = text;
}

/// <summary>The same of a text that is written anew for the type arguments of the intrinsic.</summary>
/// <param name="method">A static method of the same class that takes the type arguments and gives the lines.</param>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PtxGeneratorAttribute(string method) : Attribute
{
    /// <summary>The method.</summary>
    public string Method { get; } = method;
}

/// <summary>Tells a context which PTX body belongs to each intrinsic.</summary>
internal static class Intrinsics
{
    private const BindingFlags Everything = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>What an intrinsic that only a card runs throws elsewhere.</summary>
    public static DeviceException OnCardsAlone => new("this instruction has no body for a CPU: the kernels that have it run on cards of sm_90");

    /// <summary>Registers every intrinsic of this assembly.</summary>
    public static void Register(Context context)
    {
        var manager = context.GetIntrinsicManager();
        foreach (var type in typeof(Intrinsics).Assembly.GetTypes())
        {
            foreach (var method in type.GetMethods(Everything | BindingFlags.DeclaredOnly))
            {
                if (method.GetCustomAttribute<DeviceBodyAttribute>() is { } device)
                {
                    manager.RegisterMethod(method, new PTXIntrinsic(type, device.Method, IntrinsicImplementationMode.Redirect));
                }
                else if (method.IsDefined(typeof(PtxBodyAttribute)) || method.IsDefined(typeof(PtxGeneratorAttribute)))
                {
                    manager.RegisterMethod(method, new PTXIntrinsic(typeof(PtxText), nameof(PtxText.Generate), IntrinsicImplementationMode.GenerateCode));
                }
            }
        }
    }
}
