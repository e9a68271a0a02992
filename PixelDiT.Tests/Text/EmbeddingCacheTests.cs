using NUnit.Framework;
using PixelDiT.Reference.Text;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Text;

/// <summary>States that are kept: used when encoder and text are the same, never when they are damaged, and never needed.</summary>
internal sealed class EmbeddingCacheTests
{
    private static readonly Prompt[] s_texts = [new("a cat"), new("", Negative: true), new("a cat", Negative: true), new("a cat")];

    private TemporaryFolder _folder = null!;

    private string Cache => Path.Combine(_folder.Path, "cache");

    [SetUp]
    public void MakeFolder() => _folder = new();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    private List<Prompt> Asked(Prompt[] texts, string? identity = null, Action<string>? say = null)
    {
        var behind = identity is null ? new CountingEncoder() : new CountingEncoder { Identity = identity };
        using (var cache = new EmbeddingCache(behind, Cache, say)) Assert.That(cache.Encode(texts), Is.EqualTo(texts.Select(CountingEncoder.States)));
        Assert.That(behind.IsDisposed);
        return behind.Asked;
    }

    [Test]
    public void A_text_is_encoded_once()
    {
        Assert.That(Asked(s_texts), Is.EqualTo(s_texts[..3]));
        Assert.That(Asked(s_texts), Is.Empty);
        Assert.That(Asked([.. s_texts, new("a dog")]), Is.EqualTo((Prompt[])[new("a dog")]));
        Assert.That(Asked(s_texts, new('b', 64)), Is.EqualTo(s_texts[..3]), "another encoder");
        Assert.That(Directory.GetFiles(Cache), Has.Length.EqualTo(7));
    }

    [Test]
    public void A_damaged_file_is_made_anew([Values(0, 9, 40, -1, -12)] int at, [Values] bool cut)
    {
        Asked(s_texts[..1]);
        string file = Directory.GetFiles(Cache).Single();
        byte[] whole = File.ReadAllBytes(file), bytes = [.. whole];
        int place = at < 0 ? bytes.Length + at : at;
        bytes[place] ^= 1;
        File.WriteAllBytes(file, cut ? bytes[..place] : bytes);
        Assert.That(Asked(s_texts[..1]), Has.Count.EqualTo(1));
        Assert.That(File.ReadAllBytes(file), Is.EqualTo(whole));
        Assert.That(Asked(s_texts[..1]), Is.Empty);
    }

    [Test]
    public void A_file_under_another_name_is_not_trusted()
    {
        Asked([s_texts[0]]);
        string first = Directory.GetFiles(Cache).Single();
        Asked([s_texts[1]]);
        string second = Directory.GetFiles(Cache).Single(file => file != first);
        File.Copy(second, first, overwrite: true);
        Assert.That(Asked([s_texts[0]]), Has.Count.EqualTo(1));
    }

    [Test]
    public void A_folder_that_cannot_be_written_is_said_once_and_no_more()
    {
        File.WriteAllText(Cache, "a file where the folder should be");
        var said = new List<string>();
        Assert.That(Asked(s_texts, say: said.Add), Has.Count.EqualTo(3));
        Assert.That(said.Single(), Does.StartWith("states of texts are not kept: ").And.Contain("cannot be made"));
    }

    [Test]
    public void A_folder_in_the_place_of_a_file_is_as_good_as_none()
    {
        Asked([s_texts[0]]);
        string file = Directory.GetFiles(Cache).Single();
        File.Delete(file);
        Directory.CreateDirectory(file);
        Assert.That(Asked([s_texts[0]]), Has.Count.EqualTo(1));
    }

    [Test]
    public void What_is_cancelled_keeps_nothing()
    {
        using var cancel = new CancellationTokenSource();
        using var cache = new EmbeddingCache(new CountingEncoder { Before = _ => { cancel.Cancel(); cancel.Token.ThrowIfCancellationRequested(); } }, Cache);
        Assert.That(() => cache.Encode(s_texts, null, cancel.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Directory.Exists(Cache), Is.False);
    }

    [Test]
    public void The_users_folder_is_where_XDG_says() => Assert.That(EmbeddingCache.UserFolder(), Is.Null.Or.EndsWith(Path.Combine("pixeldit", "texts")));
}
