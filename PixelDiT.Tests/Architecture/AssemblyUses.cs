using Mono.Cecil;
using Mono.Cecil.Cil;

namespace PixelDiT.Tests.Architecture;

/// <summary>Reads from an assembly what its types use: in signatures, fields, attributes, constraints and method bodies. Constants leave no trace there.</summary>
internal static class AssemblyUses
{
    /// <summary>Every use of a type by a member of another type; what the compiler made belongs to the type that it was made for.</summary>
    public static List<Use> Of(string path)
    {
        using var module = ModuleDefinition.ReadModule(path);
        var uses = new HashSet<Use>();
        foreach (var type in module.GetTypes().Where(type => Outermost(type).Namespace.Length > 0)) Read(type, uses);
        return [.. uses];
    }

    private static void Read(TypeDefinition type, HashSet<Use> uses)
    {
        string name = NameOf(type);
        Add(uses, type, name, [type.BaseType, .. type.Interfaces.Select(use => use.InterfaceType), .. Attributes(type), .. Constraints(type)]);
        foreach (var field in type.Fields) Add(uses, type, MemberOf(name, field.Name), [field.FieldType, .. Attributes(field)]);
        foreach (var property in type.Properties) Add(uses, type, MemberOf(name, property.Name), [.. Attributes(property)]);
        foreach (var method in type.Methods)
        {
            Add(uses, type, MemberOf(name, method.Name), [.. Signature(method), .. Attributes(method), .. Constraints(method)]);
            if (method.HasBody) Add(uses, type, MemberOf(name, method.Name), Body(method.Body));
        }
    }

    private static IEnumerable<TypeReference> Body(MethodBody body)
    {
        foreach (var local in body.Variables) yield return local.VariableType;
        foreach (var handler in body.ExceptionHandlers.Where(handler => handler.CatchType is not null)) yield return handler.CatchType;
        foreach (var instruction in body.Instructions)
        {
            switch (instruction.Operand)
            {
                case TypeReference type:
                    yield return type;
                    break;
                case FieldReference field:
                    yield return field.DeclaringType;
                    yield return field.FieldType;
                    break;
                case MethodReference method:
                    yield return method.DeclaringType;
                    foreach (var part in Signature(method)) yield return part;
                    if (method is GenericInstanceMethod generic)
                    {
                        foreach (var argument in generic.GenericArguments) yield return argument;
                    }
                    break;
            }
        }
    }

    private static IEnumerable<TypeReference> Signature(MethodReference method) => [method.ReturnType, .. method.Parameters.Select(parameter => parameter.ParameterType)];

    private static IEnumerable<TypeReference> Attributes(ICustomAttributeProvider member) => member.CustomAttributes.Select(attribute => attribute.AttributeType);

    private static IEnumerable<TypeReference> Constraints(IGenericParameterProvider member) => member.GenericParameters.SelectMany(parameter => parameter.Constraints).Select(constraint => constraint.ConstraintType);

    private static void Add(HashSet<Use> uses, TypeDefinition user, string member, IEnumerable<TypeReference?> types)
    {
        string from = Outermost(user).Namespace;
        foreach (var used in types.SelectMany(Parts))
        {
            string to = Outermost(used).Namespace;
            if (to != from) uses.Add(new Use(from, member, to, NameOf(used)));
        }
    }

    /// <summary>The types that a reference is made of: an array's element, a generic type and its arguments.</summary>
    private static IEnumerable<TypeReference> Parts(TypeReference? type) => type switch
    {
        null or GenericParameter => [],
        GenericInstanceType generic => [generic.ElementType, .. generic.GenericArguments.SelectMany(Parts)],
        FunctionPointerType pointer => [.. Parts(pointer.ReturnType), .. pointer.Parameters.SelectMany(parameter => Parts(parameter.ParameterType))],
        IModifierType modified => [.. Parts(modified.ModifierType), .. Parts(modified.ElementType)],
        TypeSpecification specification => Parts(specification.ElementType),
        _ => [type]
    };

    private static TypeReference Outermost(TypeReference type) => type.DeclaringType is { } outer ? Outermost(outer) : type;

    private static string NameOf(TypeReference type) => type.FullName.Replace('/', '.').Split('<')[0].TrimEnd('.');

    // A lambda's method is named after the method that it stands in: <Launch>b__0.
    private static string MemberOf(string type, string member) => $"{type}.{(member.StartsWith('<') && member.IndexOf('>') > 1 ? member[1..member.IndexOf('>')] : member)}";
}
