using System.Reflection;
using System.Runtime.CompilerServices;

namespace PixelDiT.Tests.Architecture;

/// <summary>The public types and members of an assembly, a line each in a form like C#'s.</summary>
internal static class PublicApi
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    // What the compiler adds to records says nothing that the record does not.
    private static readonly string[] s_ofRecords = ["<Clone>$", "Equals", "GetHashCode", "ToString", "PrintMembers", "Deconstruct", "EqualityContract", "op_Equality", "op_Inequality"];

    /// <summary>The lines, in ordinal order of types and of the members of each.</summary>
    public static IEnumerable<string> Of(Assembly assembly)
    {
        foreach (var type in assembly.GetExportedTypes().Where(IsWritten).OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            yield return $"{Kind(type)} {NameOf(type)}{Bases(type)}";
            foreach (string line in type.GetMembers(Declared).Where(IsWritten).Select(Line).OfType<string>().Order(StringComparer.Ordinal)) yield return $"    {line}";
        }
    }

    private static bool IsWritten(MemberInfo member) => !member.Name.Contains('<', StringComparison.Ordinal) && member.DeclaringType?.Name.Contains('<', StringComparison.Ordinal) != true && !(member.IsDefined(typeof(CompilerGeneratedAttribute)) && member is Type);

    private static string Kind(Type type) => type switch
    {
        { IsInterface: true } => "interface",
        { IsEnum: true } => "enum",
        _ when typeof(Delegate).IsAssignableFrom(type) => "delegate",
        { IsValueType: true } => "struct",
        { IsAbstract: true, IsSealed: true } => "static class",
        { IsAbstract: true } => "abstract class",
        { IsSealed: true } => "sealed class",
        _ => "class"
    };

    private static string Bases(Type type)
    {
        if (type.IsEnum || type.IsInterface && type.GetInterfaces().Length == 0 || typeof(Delegate).IsAssignableFrom(type)) return "";
        var inherited = type.BaseType?.GetInterfaces() ?? [];
        string[] bases =
        [
            .. type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType) ? (string[])[NameOf(parent)] : [],
            .. type.GetInterfaces().Except(inherited).Where(face => face.IsVisible && !(face.IsGenericType && face.GetGenericTypeDefinition() == typeof(IEquatable<>))).Select(NameOf).Order(StringComparer.Ordinal)
        ];
        return bases.Length == 0 ? "" : $" : {string.Join(", ", bases)}";
    }

    private static string? Line(MemberInfo member)
    {
        if (s_ofRecords.Contains(member.Name)) return null;
        switch (member)
        {
            case FieldInfo field:
                if (!IsShown(field.IsPublic, field.IsFamily || field.IsFamilyOrAssembly) || field.IsSpecialName) return null;
                return field.DeclaringType!.IsEnum ? $"{field.Name} = {Convert.ToInt64(field.GetRawConstantValue())}" : $"{(field.IsStatic ? "static " : "")}{NameOf(field.FieldType)} {field.Name}";
            case PropertyInfo property:
                string[] accessors = [.. property.GetAccessors(nonPublic: true).Where(IsShown).Select(accessor => accessor.ReturnType != typeof(void) ? "get;" : IsInit(accessor) ? "init;" : "set;").Order(StringComparer.Ordinal)];
                if (accessors.Length == 0) return null;
                string indices = property.GetIndexParameters() is { Length: > 0 } parameters ? $"[{Parameters(parameters)}]" : "";
                return $"{Static(property.GetAccessors(nonPublic: true)[0])}{NameOf(property.PropertyType)} {property.Name}{indices} {{ {string.Join(' ', accessors)} }}";
            case ConstructorInfo constructor:
                return IsShown(constructor) && !constructor.IsStatic && !IsCopy(constructor) ? $"new({Parameters(constructor.GetParameters())})" : null;
            case MethodInfo method:
                if (!IsShown(method) || method.IsSpecialName && !method.Name.StartsWith("op_", StringComparison.Ordinal) || method.GetBaseDefinition() != method && method.ReturnType == method.GetBaseDefinition().ReturnType) return null;
                if (typeof(Delegate).IsAssignableFrom(method.DeclaringType) && method.Name != "Invoke") return null;
                string generic = method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(NameOf))}>" : "";
                return $"{Static(method)}{NameOf(method.ReturnType)} {method.Name}{generic}({Parameters(method.GetParameters())})";
            case EventInfo happening:
                return IsShown(happening.AddMethod!) ? $"event {NameOf(happening.EventHandlerType!)} {happening.Name}" : null;
            default:
                return null;
        }
    }

    private static string Static(MethodBase method) => method.IsStatic ? "static " : "";

    private static bool IsShown(MethodBase method) => IsShown(method.IsPublic, method.IsFamily || method.IsFamilyOrAssembly);

    private static bool IsShown(bool isPublic, bool isProtected) => isPublic || isProtected;

    private static bool IsInit(MethodInfo setter) => setter.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit));

    private static bool IsCopy(ConstructorInfo constructor) => constructor.GetParameters() is [var only] && only.ParameterType == constructor.DeclaringType && !constructor.IsPublic;

    private static string Parameters(ParameterInfo[] parameters) => string.Join(", ", parameters.Select(parameter => $"{(parameter.IsOut ? "out " : "")}{NameOf(parameter.ParameterType)} {parameter.Name}{(parameter.IsOptional ? " = …" : "")}"));

    private static string NameOf(Type type)
    {
        if (type.IsByRef) return NameOf(type.GetElementType()!);
        if (type.IsPointer) return $"{NameOf(type.GetElementType()!)}*";
        if (type.IsArray) return $"{NameOf(type.GetElementType()!)}[]";
        if (type.IsGenericParameter) return type.Name;
        if (Nullable.GetUnderlyingType(type) is { } value) return $"{NameOf(value)}?";
        string name = type.Namespace?.StartsWith("PixelDiT", StringComparison.Ordinal) == true ? $"{type.Namespace}." : "";
        if (type.IsNested) name += $"{type.DeclaringType!.Name.Split('`')[0]}.";
        name += type.Name.Split('`')[0];
        return type.IsGenericType ? $"{name}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>" : name;
    }
}
