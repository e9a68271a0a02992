using System.CommandLine;
using System.Globalization;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>An option of whole numbers from 0 with commas between them.</summary>
internal sealed class NumberListOption : Option<IReadOnlyList<int>?>
{
    /// <summary>Makes the option; null where it is not given.</summary>
    public NumberListOption(string name, string description) : base(name)
    {
        Description = description;
        HelpName = "N,…";
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            var numbers = new List<int>();
            foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
            {
                if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
                {
                    result.AddError($"{name} is '{text}'; whole numbers with commas were expected, such as 0,3,5");
                    return null;
                }
                numbers.Add(number);
            }
            return numbers;
        };
    }
}
