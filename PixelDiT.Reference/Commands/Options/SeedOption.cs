using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using PixelDiT.Reference.Commands.Display;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>An option that takes a seed, or the word random, for which it draws one. What was drawn is said, so that the run can be repeated.</summary>
internal sealed class SeedOption : Option<ulong>
{
    private const string Random = "random";

    /// <summary>Makes the option; its default is 0.</summary>
    public SeedOption(string description) : base("--seed")
    {
        Description = $"{description} A whole number, or {Random}, which draws one and prints it.";
        HelpName = $"N|{Random}";
        DefaultValueFactory = _ => 0;
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (Read(text) is { } seed) return seed;
            result.AddError($"--seed is '{text}'; a whole number from 0 to 2^64 - 1, or {Random}, was expected");
            return 0;
        };
    }

    /// <summary>The seed that was drawn; null where one was given.</summary>
    public ulong? Drawn { get; private set; }

    /// <summary>A seed from text; null where it is none. The word gives the same number however often it is read.</summary>
    public ulong? Read(string text)
    {
        if (text.Equals(Random, StringComparison.OrdinalIgnoreCase)) return Drawn ??= BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(sizeof(uint)));
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed) ? seed : null;
    }

    /// <summary>Says what was drawn, where something was.</summary>
    public void Announce()
    {
        if (Drawn is { } seed) Terminal.WriteLine($"seed: {seed}");
    }
}
