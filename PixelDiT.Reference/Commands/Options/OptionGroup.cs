using System.CommandLine;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>Options of a verb that belong together.</summary>
/// <param name="Title">What they are about.</param>
/// <param name="Options">The options, in the order in which they are shown.</param>
internal sealed record OptionGroup(string Title, IReadOnlyList<Option> Options);
