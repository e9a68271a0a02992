using System.CommandLine;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>An option whose value is one of a few words. Upper and lower case are one; the value is spelled as in the list.</summary>
internal sealed class ChoiceOption : Option<string>
{
    /// <summary>Makes the option.</summary>
    /// <param name="name">Its name, dashes included.</param>
    /// <param name="description">What it chooses.</param>
    /// <param name="values">The words.</param>
    /// <param name="value">The default; null for none, when the option may be left out.</param>
    public ChoiceOption(string name, string description, IEnumerable<string> values, string? value = null) : base(name)
    {
        Values = [.. values];
        Description = description;
        HelpName = string.Join('|', Values);
        CompletionSources.Add([.. Values]);
        if (value is not null) DefaultValueFactory = _ => value;
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (Find(text) is { } found) return found;
            result.AddError(Problem(name, text));
            return null;
        };
    }

    /// <summary>The words.</summary>
    public IReadOnlyList<string> Values { get; }

    /// <summary>A word as the list spells it.</summary>
    /// <exception cref="ConfigurationException">It is not in the list.</exception>
    public string Canonical(string text, string source) => Find(text) ?? throw new ConfigurationException($"{source}: {Problem(Name.TrimStart('-'), text)}");

    private string? Find(string text) => Values.FirstOrDefault(value => value.Equals(text, StringComparison.OrdinalIgnoreCase));

    private string Problem(string name, string text) => $"{name} is '{text}'; one of {string.Join(", ", Values)} was expected{Nearest.Advice(text, Values)}";
}
