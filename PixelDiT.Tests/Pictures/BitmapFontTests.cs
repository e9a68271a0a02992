using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Tests.Pictures;

internal sealed class BitmapFontTests
{
    private const string Latin = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿ…";

    private static string Ascii => string.Concat(Enumerable.Range('!', '~' - '!' + 1).Select(code => (char)code));

    [Test]
    public void Every_character_has_its_own_dots() => Assert.That((Ascii + Latin).Select(character => Convert.ToHexString(Line(character.ToString(), 6).Pixels)), Is.Unique);

    [Test]
    public void A_letter_is_drawn_dot_by_dot_and_enlarged_by_whole_dots()
    {
        string[] rows = [".....", ".....", ".....", "..#..", ".#.#.", "#...#", "#...#", "#####", "#...#", "#...#", ".....", ".....", "....."];
        Assert.That(Rows(Line("A", 5)), Is.EqualTo(rows));
        Assert.That(Line("A", 10, 2).Pixels, Is.EqualTo(Line("A", 5).Enlarge(2).Pixels));
    }

    [Test]
    public void Text_that_leaves_the_picture_is_cut_off()
    {
        var picture = new Picture(8, 6, 3, new byte[8 * 6 * 3]);
        BitmapFont.Draw(picture, -3, -5, "Watt", 2, 200);
        BitmapFont.Draw(picture, 100, 100, "Watt");
        Assert.That(picture.Pixels, Has.Some.EqualTo(200));
    }

    [TestCase("a\tb\r\n c ", "a b c")]
    [TestCase("‘a’ “b” – c—d", "'a' \"b\" - c-d")]
    [TestCase("猫", "U+732B")]
    [TestCase("a😀b", "aU+1F600b")]
    [TestCase("é\0\u001b[31m", "é [31m")]
    public void What_the_font_lacks_is_written_as_its_number(string text, string shown) => Assert.That(BitmapFont.InGlyphs(text), Is.EqualTo(shown));

    [Test]
    public void Half_a_surrogate_pair_is_written_as_no_character() => Assert.That(BitmapFont.InGlyphs("a" + (char)0xD800), Is.EqualTo("aU+FFFD"));

    [TestCase("a small red square", 9, "a small|red|square")]
    [TestCase("a small red square at the left", 9, "a small|red|square a…")]
    [TestCase("incomprehensibilities", 9, "incompreh|ensibilit|ies")]
    [TestCase("exactly 9", 9, "exactly 9")]
    [TestCase("exactly 9 or", 9, "exactly 9|or")]
    [TestCase(" ", 9, "")]
    public void Lines_break_at_blanks_and_end_with_an_ellipsis(string text, int characters, string lines) =>
        Assert.That(string.Join('|', BitmapFont.Wrap(text, BitmapFont.WidthOf(characters), 3)), Is.EqualTo(lines));

    [Test]
    public void Lines_of_no_length_are_refused() => Assert.That(() => BitmapFont.Wrap("a", 0, 1), Throws.TypeOf<ShapeException>());

    [Test]
    public void A_sheet_has_every_picture_and_its_caption_under_it()
    {
        Picture dark = new(2, 2, 1, new byte[4]), wide = new(4, 2, 1, [.. Enumerable.Repeat((byte)9, 8)]);
        var sheet = CaptionedSheet.Compose([dark, wide], ["a", "b"], 5, minimumSide: 2);
        // A gap of 6, a cell of 4 × 2 pixels and a line, and a gap again; the narrower picture in the middle of its cell.
        Assert.That((sheet.Width, sheet.Height), Is.EqualTo((6 + 2 * (4 + 6), 6 + 2 + 13 + 6)));
        Assert.That(Rows(sheet)[6], Is.EqualTo(new string('.', 7) + "##" + new string('.', 7) + "####" + new string('.', 6)));
        Assert.That(Rows(sheet)[11], Does.StartWith(new string('.', 6) + '.'), "letters begin three rows below a picture");
        Assert.That(Rows(sheet).Skip(8).Any(row => row.Contains('#')), Is.True);
        Assert.That(CaptionedSheet.Compose([dark, dark, dark], ["", "", ""], 2, minimumSide: 2).Height, Is.EqualTo(6 + 2 * (2 + 6)), "no room for captions where there are none");
    }

    [TestCase(32, 10 * 1024 * 1024 / (128 * 193))]
    [TestCase(1024, 64)]
    public void A_sheet_holds_what_fits_into_its_bytes(int side, int least)
    {
        int most = CaptionedSheet.Capacity(side, side, 3);
        Assert.That(most, Is.AtLeast(least));
        Assert.That((long)most * side * side * 3, Is.LessThanOrEqualTo(Grid.MaximumBytes));
    }

    [Test]
    public void A_sheet_that_cannot_be_is_refused()
    {
        var picture = new Picture(1, 1, 1, [0]);
        Assert.That(() => CaptionedSheet.Compose([], [], 1), Throws.TypeOf<ShapeException>());
        Assert.That(() => CaptionedSheet.Compose([picture], [], 1), Throws.TypeOf<ShapeException>().With.Message.EqualTo("a sheet of 1 pictures with 0 captions was asked for; it needs one each"));
        Assert.That(() => CaptionedSheet.Compose([picture], [""], 0), Throws.TypeOf<ShapeException>());
        Assert.That(() => CaptionedSheet.Compose([picture, new Picture(1, 1, 3, [0, 0, 0])], ["", ""], 1), Throws.TypeOf<ShapeException>().With.Message.Contains("found 1 and 3"));
    }

    [Test]
    public void Rows_of_a_grid_have_their_names_at_the_left()
    {
        var tile = new Picture(16, 16, 3, new byte[16 * 16 * 3]);
        Picture plain = Grid.Compose([tile, tile, tile], 2, minimumSide: 1), named = Grid.Compose([tile, tile, tile], 2, minimumSide: 1, rowNames: ["disc", "a very long name of a class", "no such row"]);
        int names = named.Width - plain.Width;
        Assert.That(names, Is.EqualTo(BitmapFont.WidthOf(16) + 2 * BitmapFont.Advance - 2));
        Assert.That(named.Height, Is.EqualTo(plain.Height));
        for (int y = 0; y < plain.Height; y++) Assert.That(named.Pixels.AsSpan((y * named.Width + names + 2) * 3, (plain.Width - 2) * 3).SequenceEqual(plain.Pixels.AsSpan((y * plain.Width + 2) * 3, (plain.Width - 2) * 3)), Is.True);
        Assert.That(Enumerable.Range(0, 18).Any(y => named.Pixels.AsSpan(y * named.Width * 3, names * 3).Contains((byte)0)), Is.True);
        Assert.That(Grid.Compose([tile], 1, minimumSide: 1, rowNames: [""]).Width, Is.EqualTo(20), "no room for names where there are none");
    }

    private static Picture Line(string text, int width, int scale = 1)
    {
        int height = scale * BitmapFont.LineHeight;
        var picture = new Picture(width, height, 1, [.. Enumerable.Repeat((byte)255, width * height)]);
        BitmapFont.Draw(picture, 0, 0, text, scale);
        return picture;
    }

    private static string[] Rows(Picture picture) => [.. picture.Pixels.Select(value => value < 128 ? '#' : '.').Chunk(picture.Width).Select(row => new string(row))];
}
