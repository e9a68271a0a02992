using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Text.Encoders;

namespace PixelDiT.Tests.Text.Encoders;

/// <summary>The built-in encoder: its numbers, written out, and what a word is.</summary>
internal sealed class WordsEncoderTests
{
    // Computed from the description by another program.
    private static readonly float[] s_cat = [-0.327834159f, 0.821619451f, 0.762679458f, -0.928754807f, 0.254454225f, 1.92573464f];
    private static readonly float[] s_begin = [0.811653674f, 0.442342013f, -1.45698953f, -1.37164009f, 0.422808319f, -0.981106579f];
    private static readonly float[] s_padding = [-1.40281689f, 1.53017199f, 0.887714922f, -0.358919203f, 0.803431273f, -0.358212262f];

    private static float[] States(string text, int width = 6, int tokens = 4, Action<string>? say = null)
    {
        using var encoder = new WordsEncoder(width, tokens, say);
        return encoder.Encode([new(text)]).Single();
    }

    [Test]
    public void The_states_of_a_word_are_these_on_every_machine()
        => Assert.That(States("cat"), Is.EqualTo((float[])[.. s_begin, .. s_cat, .. s_padding, .. s_padding]));

    [Test]
    public void Each_state_has_the_word_that_it_stands_for()
    {
        using var encoder = new WordsEncoder(6, 4);
        Assert.That(encoder.WordsOf(new("A disc!")), Is.EqualTo((string[])["<begin>", "a", "disc", "<padding>"]));
        Assert.That(encoder.WordsOf(new("one two three four")), Is.EqualTo((string[])["<begin>", "one", "two", "three"]));
    }

    [TestCase("")]
    [TestCase(" \t\n")]
    [TestCase("… — (!)")]
    [TestCase("\ud800")]
    public void A_text_without_words_is_the_unconditional_side(string text) => Assert.That(States(text), Is.EqualTo((float[])[.. s_begin, .. s_padding, .. s_padding, .. s_padding]));

    [TestCase("A red  DISC", "a", "red", "disc")]
    [TestCase("disc,red;'a'", "disc", "red", "a")]
    [TestCase("Straße ΣΟΦΟΣ σοφος", "straße", "σοφοσ", "σοφοσ")]
    [TestCase("rock'n'roll 3½ x²", "rock", "n", "roll", "3½", "x²")]
    [TestCase("हिन्दी café cafe\u0301", "हिन्दी", "café", "cafe\u0301")]
    [TestCase("\ud835\udc00\ud835\udc01🙂猫 <begin>", "\ud835\udc00\ud835\udc01", "猫", "begin")]
    public void Words_are_runs_of_letters_marks_and_digits_whatever_their_case(string text, params string[] words) => Assert.That(WordsEncoder.Split(text), Is.EqualTo(words));

    [Test]
    public void The_order_of_words_is_kept_and_a_negative_prompt_is_a_text_like_any_other()
    {
        using var encoder = new WordsEncoder(6, 4);
        var states = encoder.Encode([new("a cat"), new("cat a"), new("a cat", Negative: true)]);
        Assert.That(states[1].AsSpan(6, 6).SequenceEqual(states[0].AsSpan(12, 6)));
        Assert.That(states[0], Is.Not.EqualTo(states[1]));
        Assert.That(states[2], Is.EqualTo(states[0]));
    }

    [Test]
    public void Vectors_have_mean_square_one_and_are_nearly_orthogonal()
    {
        float[][] vectors = [.. Enumerable.Range(0, 40).Select(i => States($"word{i}", 2304, 2)[2304..])];
        double Product(int a, int b) => vectors[a].Zip(vectors[b], (x, y) => (double)x * y).Average();
        for (int a = 0; a < vectors.Length; a++)
        {
            Assert.That(Product(a, a), Is.EqualTo(1).Within(1e-6));
            // Five standard deviations of the mean of 2304 products of unit variance.
            for (int b = 0; b < a; b++) Assert.That(Product(a, b), Is.Zero.Within(5 / Math.Sqrt(2304)));
        }
    }

    [Test]
    public void A_long_text_is_cut_and_that_is_said_once()
    {
        var said = new List<string>();
        using var encoder = new WordsEncoder(6, 4, said.Add);
        var states = encoder.Encode([new("one two three"), new("one two three four five"), new("one two three six")]);
        Assert.That(states[1], Is.EqualTo(states[0]));
        Assert.That(states[2], Is.EqualTo(states[0]));
        Assert.That(said, Is.EqualTo((string[])["the text \"one two three four five\" has 5 words; 3 fit, and the rest is cut off, here and wherever a text is too long"]));
    }

    [Test]
    public void Its_identity_is_that_of_its_sizes()
    {
        static string Identity(int width, int tokens) => new WordsEncoder(width, tokens).Identity;
        Assert.That(Identity(6, 4), Is.EqualTo("e079041458586bae115586d842a031aab177ceb255a6bfc6023800d1434e0535"));
        Assert.That(((string[])[Identity(6, 4), Identity(7, 4), Identity(6, 5)]).Distinct().Count(), Is.EqualTo(3));
        Assert.That(() => new WordsEncoder(0, 4), Throws.TypeOf<ConfigurationException>());
        Assert.That(() => new WordsEncoder(6, 0), Throws.TypeOf<ConfigurationException>());
    }
}
