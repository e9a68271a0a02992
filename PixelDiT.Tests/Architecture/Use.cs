namespace PixelDiT.Tests.Architecture;

/// <summary>One thing of this project that another names.</summary>
/// <param name="From">The folder of what uses, as a namespace.</param>
/// <param name="Member">The member that uses, or the file whose directive does.</param>
/// <param name="To">The folder of what is used, or any other namespace.</param>
/// <param name="Used">The type that is used, or the namespace.</param>
internal sealed record Use(string From, string Member, string To, string Used)
{
    public override string ToString() => $"{Member} uses {Used}";

    /// <summary>Whether a namespace is a folder, or lies below it.</summary>
    public static bool IsIn(string name, string folder) => name == folder || name.StartsWith(folder + ".", StringComparison.Ordinal);
}
