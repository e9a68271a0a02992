using System.Globalization;
using System.Text;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Pictures;

/// <summary>
/// A font of dots to write on pictures with: printable ASCII and the letters of Latin-1, five dots wide and seven high, with room for accents above and tails below. Curly quotes and long dashes are written as their plain
/// kin; a character that it lacks is written as its number, U+XXXX. Lengths are in pixels.
/// </summary>
internal static class BitmapFont
{
    /// <summary>From the top of a line to that of the next, at scale 1.</summary>
    public const int LineHeight = 13;

    /// <summary>From a character to the next, at scale 1.</summary>
    public const int Advance = 6;

    // Dots of a character: three rows for the accents of capitals, seven for the letter, two for tails.
    private const int Columns = 5, AccentRows = 3, LetterRows = 9;

    private const char Ellipsis = '…';

    // Eighteen characters side by side: their names, then their rows of dots.
    private const string Art =
        """
        !     "     #     $     %     &     '     (     )     *     +     ,     -     .     /     0     1     2
        ..#.. .#.#. .#.#. ..#.. ##..# .##.. ..#.. ...#. .#... ..... ..... ..... ..... ..... ....# .###. ..#.. .###.
        ..#.. .#.#. .#.#. .#### ##..# #..#. ..#.. ..#.. ..#.. ..#.. ..#.. ..... ..... ..... ....# #...# .##.. #...#
        ..#.. .#.#. ##### #.#.. ...#. #.#.. .#... .#... ...#. #.#.# ..#.. ..... ..... ..... ...#. #..## ..#.. ....#
        ..#.. ..... .#.#. .###. ..#.. .#... ..... .#... ...#. .###. ##### ..... ##### ..... ..#.. #.#.# ..#.. ..##.
        ..#.. ..... ##### ..#.# .#... #.#.# ..... .#... ...#. #.#.# ..#.. ..... ..... ..... .#... ##..# ..#.. .#...
        ..... ..... .#.#. ####. #..## #..#. ..... ..#.. ..#.. ..#.. ..#.. ..##. ..... ..##. #.... #...# ..#.. #....
        ..#.. ..... .#.#. ..#.. #..## .##.# ..... ...#. .#... ..... ..... ..##. ..... ..##. #.... .###. .###. #####
        ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ...#. ..... ..... ..... ..... ..... .....
        ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..#.. ..... ..... ..... ..... ..... .....
        3     4     5     6     7     8     9     :     ;     <     =     >     ?     @     A     B     C     D
        ####. ...#. ##### ..##. ##### .###. .###. ..... ..... ....# ..... #.... .###. .###. ..#.. ####. .###. ####.
        ....# ..##. #.... .#... ....# #...# #...# ..##. ..##. ...#. ..... .#... #...# #...# .#.#. #...# #...# #...#
        ....# .#.#. ####. #.... ...#. #...# #...# ..##. ..##. ..#.. ##### ..#.. ....# #.### #...# #...# #.... #...#
        .###. #..#. ....# ####. ..#.. .###. .#### ..... ..... .#... ..... ...#. ...#. #.#.# #...# ####. #.... #...#
        ....# ##### ....# #...# ..#.. #...# ....# ..##. ..... ..#.. ##### ..#.. ..#.. #.### ##### #...# #.... #...#
        ....# ...#. #...# #...# .#... #...# ...#. ..##. ..##. ...#. ..... .#... ..... #.... #...# #...# #...# #...#
        ####. ...#. .###. .###. .#... .###. .##.. ..... ..##. ....# ..... #.... ..#.. .###. #...# ####. .###. ####.
        ..... ..... ..... ..... ..... ..... ..... ..... ...#. ..... ..... ..... ..... ..... ..... ..... ..... .....
        ..... ..... ..... ..... ..... ..... ..... ..... ..#.. ..... ..... ..... ..... ..... ..... ..... ..... .....
        E     F     G     H     I     J     K     L     M     N     O     P     Q     R     S     T     U     V
        ##### ##### .###. #...# .###. ..### #...# #.... #...# #...# .###. ####. .###. ####. .#### ##### #...# #...#
        #.... #.... #...# #...# ..#.. ...#. #..#. #.... ##.## ##..# #...# #...# #...# #...# #.... ..#.. #...# #...#
        #.... #.... #.... #...# ..#.. ...#. #.#.. #.... #.#.# ##..# #...# #...# #...# #...# #.... ..#.. #...# #...#
        ####. ####. #.### ##### ..#.. ...#. ##... #.... #.#.# #.#.# #...# ####. #...# ####. .###. ..#.. #...# #...#
        #.... #.... #...# #...# ..#.. ...#. #.#.. #.... #...# #..## #...# #.... #.#.# #.#.. ....# ..#.. #...# .#.#.
        #.... #.... #...# #...# ..#.. #..#. #..#. #.... #...# #..## #...# #.... #..#. #..#. ....# ..#.. #...# .#.#.
        ##### #.... .###. #...# .###. .##.. #...# ##### #...# #...# .###. #.... .##.# #...# ####. ..#.. .###. ..#..
        ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....
        ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....
        W     X     Y     Z     [     \     ]     ^     _     `     a     b     c     d     e     f     g     h
        #...# #...# #...# ##### .###. #.... .###. ..#.. ..... .#... ..... #.... ..... ....# ..... ..##. ..... #....
        #...# #...# #...# ....# .#... #.... ...#. .#.#. ..... ..#.. ..... #.... ..... ....# ..... .#... ..... #....
        #...# .#.#. .#.#. ...#. .#... .#... ...#. #...# ..... ..... .###. ####. .###. .#### .###. .#... .#### ####.
        #.#.# ..#.. ..#.. ..#.. .#... ..#.. ...#. ..... ..... ..... ....# #...# #.... #...# #...# ####. #...# #...#
        #.#.# .#.#. ..#.. .#... .#... ...#. ...#. ..... ..... ..... .#### #...# #.... #...# ##### .#... #...# #...#
        ##.## #...# ..#.. #.... .#... ....# ...#. ..... ..... ..... #...# #...# #.... #...# #.... .#... #...# #...#
        #...# #...# ..#.. ##### .###. ....# .###. ..... ..... ..... .#### ####. .###. .#### .###. .#... .#### #...#
        ..... ..... ..... ..... ..... ..... ..... ..... ##### ..... ..... ..... ..... ..... ..... ..... ....# .....
        ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .###. .....
        i     j     k     l     m     n     o     p     q     r     s     t     u     v     w     x     y     z
        ..#.. ...#. #.... .##.. ..... ..... ..... ..... ..... ..... ..... .#... ..... ..... ..... ..... ..... .....
        ..... ..... #.... ..#.. ..... ..... ..... ..... ..... ..... ..... .#... ..... ..... ..... ..... ..... .....
        .##.. ..##. #..#. ..#.. ##.#. ####. .###. ####. .#### #.##. .#### ####. #...# #...# #...# #...# #...# #####
        ..#.. ...#. #.#.. ..#.. #.#.# #...# #...# #...# #...# ##..# #.... .#... #...# #...# #.#.# .#.#. #...# ...#.
        ..#.. ...#. ##... ..#.. #.#.# #...# #...# #...# #...# #.... .###. .#... #...# #...# #.#.# ..#.. #...# ..#..
        ..#.. ...#. #.#.. ..#.. #.#.# #...# #...# #...# #...# #.... ....# .#... #...# .#.#. #.#.# .#.#. #...# .#...
        .###. ...#. #..#. .###. #.#.# #...# .###. ####. .#### #.... ####. ..##. .#### ..#.. .#.#. #...# .#### #####
        ..... ...#. ..... ..... ..... ..... ..... #.... ....# ..... ..... ..... ..... ..... ..... ..... ....# .....
        ..... .##.. ..... ..... ..... ..... ..... #.... ....# ..... ..... ..... ..... ..... ..... ..... .###. .....
        {     |     }     ~     …     ß     Æ     æ     Ø     ø     Þ     þ     Ð     ð     ı     ×     °     ·
        ...#. ..#.. .#... ..... ..... .##.. .#### ..... .###. ..... #.... #.... ####. .#.#. ..... ..... .##.. .....
        ..#.. ..#.. ..#.. ..... ..... #..#. #.#.. ..... #..## ..... ####. #.... .#..# ..#.. ..... ..... #..#. .....
        ..#.. ..#.. ..#.. .#... ..... #..#. #.#.. ##.#. #..## .###. #...# ####. .#..# .#.#. .##.. ..... .##.. .....
        .#... ..#.. ...#. #.#.# ..... #.##. ####. ..#.# #.#.# #..## #...# #...# ###.# .#### ..#.. .#.#. ..... ..##.
        ..#.. ..#.. ..#.. ...#. ..... #...# #.#.. .#### ##..# #.#.# ####. #...# .#..# #...# ..#.. ..#.. ..... ..##.
        ..#.. ..#.. ..#.. ..... ..... #...# #.#.. #.#.. ##..# ##..# #.... #...# .#..# #...# ..#.. .#.#. ..... .....
        ...#. ..#.. .#... ..... #.#.# #.##. #.### .#.## .###. .###. #.... ####. ####. .###. .###. ..... ..... .....
        ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... #.... ..... ..... ..... ..... ..... .....
        ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... #.... ..... ..... ..... ..... ..... .....
        """;

    // Accented letters, each with its letter and its accent.
    private const string Accented =
        "ÀA` ÁA´ ÂA^ ÃA~ ÄA¨ ÅA° ÇC¸ ÈE` ÉE´ ÊE^ ËE¨ ÌI` ÍI´ ÎI^ ÏI¨ ÑN~ ÒO` ÓO´ ÔO^ ÕO~ ÖO¨ ÙU` ÚU´ ÛU^ ÜU¨ ÝY´ " +
        "àa` áa´ âa^ ãa~ äa¨ åa° çc¸ èe` ée´ êe^ ëe¨ ìı` íı´ îı^ ïı¨ ñn~ òo` óo´ ôo^ õo~ öo¨ ùu` úu´ ûu^ üu¨ ýy´ ÿy¨";

    private static readonly Dictionary<char, string[]> s_accents = new()
    {
        ['`'] = [".#...", "..#.."],
        ['´'] = ["...#.", "..#.."],
        ['^'] = ["..#..", ".#.#."],
        ['~'] = [".##.#", "#.##."],
        ['¨'] = [".#.#.", "....."],
        ['°'] = [".##..", ".##.."],
        ['¸'] = ["..#..", ".##.."]
    };

    // Dot (row, column) is bit 5·row + column.
    private static readonly Dictionary<char, ulong> s_glyphs = Glyphs();

    /// <summary>The length of a line of so many characters; nothing stands behind the last one.</summary>
    /// <param name="characters">How many.</param>
    /// <param name="scale">Pixels of a dot.</param>
    public static int WidthOf(int characters, int scale = 1) => characters == 0 ? 0 : (characters * Advance - 1) * scale;

    /// <summary>A text in the characters of the font, on one line.</summary>
    /// <param name="text">Any text; white space and control characters become single blanks.</param>
    public static string InGlyphs(string text)
    {
        var shown = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.IsWhiteSpace(rune) || Rune.IsControl(rune))
            {
                if (shown.Length > 0 && shown[^1] != ' ') shown.Append(' ');
                continue;
            }
            char plain = rune.Value switch
            {
                0x2018 or 0x2019 or 0x201A or 0x2032 => '\'',
                0x201C or 0x201D or 0x201E or 0x2033 => '"',
                0x2010 or 0x2011 or 0x2012 or 0x2013 or 0x2014 or 0x2212 => '-',
                _ => rune.IsBmp ? (char)rune.Value : '\0'
            };
            if (s_glyphs.ContainsKey(plain)) shown.Append(plain);
            else shown.Append(CultureInfo.InvariantCulture, $"U+{rune.Value:X4}");
        }
        return shown.ToString().TrimEnd();
    }

    /// <summary>Breaks a text into lines, at blanks where there are any. What does not fit into the last line ends with an ellipsis.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="width">The length of a line.</param>
    /// <param name="most">The most lines, at least 1.</param>
    /// <param name="scale">Pixels of a dot.</param>
    /// <returns>Lines in the characters of the font; none for a text of nothing.</returns>
    /// <exception cref="ShapeException">A number is below 1.</exception>
    public static IReadOnlyList<string> Wrap(string text, int width, int most, int scale = 1)
    {
        if (width < 1 || most < 1 || scale < 1) throw new ShapeException($"a text was to be broken into {most} lines of {width} pixels with dots of {scale}; all must be at least 1");
        int room = Math.Max(1, (width / scale + 1) / Advance);
        var lines = new List<string>();
        string rest = InGlyphs(text);
        while (rest.Length > 0)
        {
            if (rest.Length <= room)
            {
                lines.Add(rest);
                break;
            }
            if (lines.Count == most - 1)
            {
                lines.Add(rest[..(room - 1)].TrimEnd() + Ellipsis);
                break;
            }
            int blank = rest.LastIndexOf(' ', room);
            int end = blank > 0 ? blank : room;
            lines.Add(rest[..end].TrimEnd());
            rest = rest[end..].TrimStart();
        }
        return lines;
    }

    /// <summary>Writes one line on a picture; what lies outside of it is cut off.</summary>
    /// <param name="picture">Written on.</param>
    /// <param name="left">Where the line begins.</param>
    /// <param name="top">Its upper edge.</param>
    /// <param name="line">Any text.</param>
    /// <param name="scale">Pixels of a dot, at least 1.</param>
    /// <param name="ink">The gray of the letters.</param>
    public static void Draw(Picture picture, int left, int top, string line, int scale = 1, byte ink = 0)
    {
        foreach (var (place, character) in InGlyphs(line).Index())
        {
            ulong dots = s_glyphs[character];
            for (int bit = 0; bit < Columns * (AccentRows + LetterRows); bit++)
            {
                if ((dots >> bit & 1) == 0) continue;
                int x = left + (place * Advance + bit % Columns) * scale, y = top + bit / Columns * scale;
                for (int row = Math.Max(0, y); row < Math.Min(picture.Height, y + scale); row++)
                {
                    int from = Math.Clamp(x, 0, picture.Width), to = Math.Clamp(x + scale, 0, picture.Width);
                    picture.Pixels.AsSpan((row * picture.Width + from) * picture.Channels, (to - from) * picture.Channels).Fill(ink);
                }
            }
        }
    }

    private static Dictionary<char, ulong> Glyphs()
    {
        var glyphs = new Dictionary<char, ulong> { [' '] = 0 };
        foreach (string[] block in Art.Split('\n').Chunk(1 + LetterRows))
        {
            for (int left = 0; left < block[0].Length; left += Columns + 1)
            {
                ulong dots = 0;
                for (int row = 0; row < LetterRows; row++) dots |= Dots(block[1 + row].AsSpan(left, Columns), AccentRows + row);
                glyphs.Add(block[0][left], dots);
            }
        }
        foreach (string accented in Accented.Split(' '))
        {
            char letter = accented[1], accent = accented[2];
            // Above a capital, above a small letter, or below either, with a row between but for the cedilla.
            int top = accent == '¸' ? AccentRows + 7 : char.IsUpper(letter) ? 0 : AccentRows - 1;
            glyphs.Add(accented[0], glyphs[letter] | Dots(s_accents[accent][0], top) | Dots(s_accents[accent][1], top + 1));
        }
        return glyphs;
    }

    private static ulong Dots(ReadOnlySpan<char> row, int number)
    {
        ulong dots = 0;
        for (int column = 0; column < Columns; column++)
        {
            if (row[column] == '#') dots |= 1UL << (Columns * number + column);
        }
        return dots;
    }
}
