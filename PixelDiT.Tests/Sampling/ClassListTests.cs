using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Sampling;

namespace PixelDiT.Tests.Sampling;

public sealed class ClassListTests
{
    private static readonly string[] s_animals = ["cats, dogs", "é", "Cat", "all", "고양이"];
    private static readonly string[] s_numbers = ["1", "10", "2", "3"];

    [TestCase("0", new[] { 0 })]
    [TestCase("cats, dogs", new[] { 0 })]
    [TestCase("É", new[] { 1 })]
    [TestCase("cat", new[] { 2 })]
    [TestCase("all", new[] { 3 })]
    [TestCase("none", new[] { 5 })]
    [TestCase("1-3", new[] { 1, 2, 3 })]
    [TestCase("4,0-1,Cat", new[] { 4, 0, 1, 2 })]
    [TestCase("#2", new[] { 2 })]
    [TestCase("고양이", new[] { 4 })]
    public void Entries_choose_classes(string entry, int[] labels) => Assert.That(new ClassList(5, s_animals).Choose([entry]), Is.EqualTo(labels));

    [TestCase("1", new[] { 0 })]
    [TestCase("10", new[] { 1 })]
    [TestCase("2,3", new[] { 2, 3 })]
    [TestCase("1-3", new[] { 0, 2, 3 })]
    [TestCase("#1", new[] { 1 })]
    [TestCase("all", new[] { 0, 1, 2, 3 })]
    public void Where_names_are_numbers_a_number_is_a_name(string entry, int[] labels) => Assert.That(new ClassList(4, s_numbers).Choose([entry]), Is.EqualTo(labels));

    [TestCase("5"), TestCase("dog"), TestCase("3-1"), TestCase("0-9"), TestCase(""), TestCase("#5"), TestCase("-1"), TestCase("0,,1")]
    public void What_names_no_class_is_refused(string entry)
        => Assert.That(() => new ClassList(5, s_animals).Choose([entry]), Throws.TypeOf<ConfigurationException>().With.Message.Contains("is unknown; this model has classes 0 to 4: \"cats, dogs\", é, Cat, all, 고양이"));

    [TestCase("0"), TestCase("4")]
    public void A_place_is_no_name_where_names_are_numbers(string entry)
        => Assert.That(() => new ClassList(4, s_numbers).Choose([entry]), Throws.TypeOf<ConfigurationException>().With.Message.Contains("numbers are names here"));

    [Test]
    public void Without_an_entry_every_class_is_chosen_even_where_one_is_called_all() => Assert.That(new ClassList(5, s_animals).Choose(null), Is.EqualTo((int[])[0, 1, 2, 3, 4]));

    [Test]
    public void Entries_may_be_repeated_and_names_may_be_absent() => Assert.That(new ClassList(3, []).Choose(["2", "0-1", "2", "none"]), Is.EqualTo((int[])[2, 0, 1, 2, 3]));
}
