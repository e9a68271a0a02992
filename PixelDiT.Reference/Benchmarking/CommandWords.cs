using System.Text;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Benchmarking;

/// <summary>A command line cut into a program and its arguments, without a shell.</summary>
internal static class CommandWords
{
    /// <summary>Words are separated by blanks; what stands in single or double quotes is kept as it is and may be part of a word. Nothing else is special.</summary>
    /// <exception cref="ConfigurationException">There is no word, or a quote has no end.</exception>
    public static IReadOnlyList<string> Split(string command)
    {
        var words = new List<string>();
        StringBuilder? word = null;
        char? quote = null;
        foreach (char c in command)
        {
            if (quote is null && char.IsWhiteSpace(c))
            {
                if (word is not null) words.Add(word.ToString());
                word = null;
                continue;
            }
            word ??= new StringBuilder();
            if (c == quote) quote = null;
            else if (quote is null && c is '"' or '\'') quote = c;
            else word.Append(c);
        }
        if (quote is not null) throw new ConfigurationException($"the command {command} opens a quote {quote} and does not close it");
        if (word is not null) words.Add(word.ToString());
        return words.Count > 0 ? words : throw new ConfigurationException("the command is empty; a program and its arguments were expected");
    }
}
