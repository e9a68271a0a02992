using System.CommandLine;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>A verb of so many options that its help lists them in groups.</summary>
internal sealed class GroupedCommand : Command
{
    /// <summary>Makes the verb with the options of its groups.</summary>
    public GroupedCommand(string name, string description, IReadOnlyList<OptionGroup> groups, IReadOnlyList<(string Line, string Meaning)> examples) : base(name, description)
    {
        (Groups, Examples) = (groups, examples);
        foreach (var option in groups.SelectMany(group => group.Options)) Options.Add(option);
    }

    /// <summary>Its options, in the order in which they are shown.</summary>
    public IReadOnlyList<OptionGroup> Groups { get; }

    /// <summary>Command lines behind the program's name, and what they do.</summary>
    public IReadOnlyList<(string Line, string Meaning)> Examples { get; }
}
