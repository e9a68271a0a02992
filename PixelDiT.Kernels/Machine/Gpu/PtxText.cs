using System.Reflection;
using System.Text.RegularExpressions;
using ILGPU.Backends;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Values;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>Writes the text of a <see cref="PtxBodyAttribute"/> into a kernel, with the registers that ILGPU gave the operands.</summary>
internal static partial class PtxText
{
    /// <summary>ILGPU's hook for intrinsics that generate code.</summary>
    /// <param name="backend">Not used.</param>
    /// <param name="code">The kernel being written.</param>
    /// <param name="value">The call of the intrinsic.</param>
    public static void Generate(PTXBackend backend, PTXCodeGenerator code, Value value)
    {
        var call = (MethodCall)value;
        var method = (MethodInfo)call.Target.Source;
        var operands = new Dictionary<string, string[]>();
        foreach (var parameter in method.GetParameters()) operands[parameter.Name!] = Registers(code, code.Load(call[parameter.Position]));
        if (method.ReturnType != typeof(void)) operands["result"] = Registers(code, code.Allocate(call));
        foreach (string line in TextOf(method).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (Copy().Match(line) is { Success: true } copy)
            {
                foreach (var (to, from) in operands[copy.Groups[1].Value].Zip(operands[copy.Groups[2].Value])) code.Builder.Append($"\tmov.b32 {to}, {from};\n");
            }
            else code.Builder.Append('\t').Append(Operand().Replace(line, match => Write(operands[match.Groups[1].Value], match.Groups[2].Value))).Append('\n');
        }
    }

    private static string TextOf(MethodInfo method)
    {
        if (method.GetCustomAttribute<PtxBodyAttribute>() is { } body) return body.Text;
        var generator = method.DeclaringType!.GetMethod(method.GetCustomAttribute<PtxGeneratorAttribute>()!.Method, BindingFlags.Static | BindingFlags.NonPublic)!;
        return (string)generator.Invoke(null, [method.GetGenericArguments()])!;
    }

    [GeneratedRegex(@"^copy \$(\w+), \$(\w+);$")]
    private static partial Regex Copy();

    [GeneratedRegex(@"\$([A-Za-z]+)(?:\.(\d))?")]
    private static partial Regex Operand();

    private static string Write(string[] registers, string part)
        => part.Length > 0 ? registers[int.Parse(part)] : registers.Length == 1 ? registers[0] : $"{{{string.Join(", ", registers)}}}";

    private static string[] Registers(PTXCodeGenerator code, RegisterAllocator<PTXRegisterKind>.Register register)
        => register is RegisterAllocator<PTXRegisterKind>.CompoundRegister compound
            ? [.. compound.Children.SelectMany(child => Registers(code, child))]
            : [$"%{PTXRegisterAllocator.GetStringRepresentation(code.EnsureHardwareRegister((RegisterAllocator<PTXRegisterKind>.PrimitiveRegister)register))}"];
}
