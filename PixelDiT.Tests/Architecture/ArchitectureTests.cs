using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands;
using PixelDiT.Reference.Oracle.Conformance;
using PixelDiT.Tests.Docs;

namespace PixelDiT.Tests.Architecture;

/// <summary>
/// The house as docs/contributing.md draws it: floors that see only those below, rooms that do not use each other, namespaces that are folders. What breaks a rule is named with its type and member. The assemblies are
/// read, and the using directives of the sources, which show constants too.
/// </summary>
internal sealed class ArchitectureTests
{
    private const string Kernels = "PixelDiT.Kernels", Reference = "PixelDiT.Reference";

    /// <summary>The floors of the kernels, the lowest first.</summary>
    private static readonly string[] s_floors = [$"{Kernels}.Machine", $"{Kernels}.Devices", $"{Kernels}.Tensors", $"{Kernels}.Operations"];

    private static readonly Lazy<List<Use>> s_uses = new(() =>
    [
        .. AssemblyUses.Of(typeof(Device).Assembly.Location),
        .. AssemblyUses.Of(typeof(ConformanceTolerances).Assembly.Location),
        .. AssemblyUses.Of(typeof(CommandLine).Assembly.Location),
        .. Repository.Root is { } root ? SourceUses.Of(root, Kernels).Concat(SourceUses.Of(root, Reference)) : []
    ]);

    private static IEnumerable<Use> Within => s_uses.Value.Where(use => Use.IsIn(use.To, Kernels) || Use.IsIn(use.To, Reference));

    [Test]
    public void Uses_are_found_at_all()
    {
        Assert.That(Within.Count(), Is.GreaterThan(1000));
        Assert.That(Within.Any(use => use.From == $"{Kernels}.Operations" && use.To == $"{Kernels}.Tensors" && use.Member.Contains("RmsNorm.Forward", StringComparison.Ordinal)), Is.True);
    }

    [Test]
    public void A_floor_uses_only_those_below() => Assert.That(
        Within.Where(use => Floor(use.From) is var from && Floor(use.To) is var to && from >= 0 && to > from).Select(use => use.ToString()).Order(StringComparer.Ordinal), Is.Empty);

    [Test]
    public void Models_and_layers_never_see_ILGPU() => Assert.That(
        s_uses.Value.Where(use => (Use.IsIn(use.From, $"{Reference}.Models") || Use.IsIn(use.From, $"{Reference}.Layers")) && Use.IsIn(use.To, "ILGPU")).Select(use => use.ToString()), Is.Empty);

    [Test]
    public void Only_the_program_uses_commands() => Assert.That(
        Within.Where(use => Use.IsIn(use.To, $"{Reference}.Commands") && !Use.IsIn(use.From, $"{Reference}.Commands") && use.From != Reference).Select(use => use.ToString()), Is.Empty);

    [Test]
    public void No_two_folders_use_each_other()
    {
        var uses = Within.Where(use => !Use.IsIn(use.From, use.To) && !Use.IsIn(use.To, use.From)).ToLookup(use => (use.From, use.To));
        var both = uses.Where(way => string.CompareOrdinal(way.Key.From, way.Key.To) < 0 && uses.Contains((way.Key.To, way.Key.From)));
        Assert.That(both.Select(way => $"{way.Key.From} and {way.Key.To}: {way.First()}; {uses[(way.Key.To, way.Key.From)].First()}"), Is.Empty);
    }

    /// <summary>Rooms in a ring are no better than two that use each other; a room is a folder below a project, with what lies in it.</summary>
    [Test]
    public void Rooms_form_no_ring()
    {
        var ways = Within.Select(use => (From: Room(use.From), To: Room(use.To), use)).Where(way => way.From != way.To).ToLookup(way => way.From);
        var done = new HashSet<string>();
        var rings = new List<string>();
        foreach (string start in ways.Select(way => way.Key).Order(StringComparer.Ordinal)) Walk(start, []);
        Assert.That(rings, Is.Empty);

        void Walk(string room, List<string> path)
        {
            int at = path.IndexOf(room);
            if (at >= 0)
            {
                rings.Add(string.Join("; ", path[at..].Append(room).Zip(path[at..].Skip(1).Append(room), (from, to) => ways[from].FirstOrDefault(way => way.To == to).use?.ToString()).Where(use => use is not null)));
                return;
            }
            if (!done.Add(room)) return;
            foreach (string next in ways[room].Select(way => way.To).Distinct().Order(StringComparer.Ordinal)) Walk(next, [.. path, room]);
        }
    }

    [Test]
    public void Namespaces_are_folders()
    {
        if (Repository.Root is not { } root) throw new IgnoreException("the tests do not run in their repository");
        var wrong = ((string[])[Kernels, Reference, "PixelDiT.Tests"]).SelectMany(project => SourceUses.Files(root, project))
            .Where(file => SourceUses.NamespaceOf(file.Text) is { } name && name != file.Folder).Select(file => $"{file.Path} declares {SourceUses.NamespaceOf(file.Text)}");
        Assert.That(wrong, Is.Empty);
    }

    /// <summary>A file has one subject; a folder of more than some twenty files is a hall.</summary>
    [Test]
    public void Folders_are_rooms_and_files_have_one_subject()
    {
        if (Repository.Root is not { } root) throw new IgnoreException("the tests do not run in their repository");
        var files = SourceUses.Files(root, Kernels).Concat(SourceUses.Files(root, Reference)).ToList();
        Assert.That(files.GroupBy(file => file.Folder).Where(folder => folder.Count() > 25).Select(folder => $"{folder.Key} has {folder.Count()} files"), Is.Empty);
        Assert.That(files.Where(file => file.Text.AsSpan().Count('\n') > 400).Select(file => $"{file.Path} has more than 400 lines"), Is.Empty);
    }

    private static int Floor(string name) => Array.FindIndex(s_floors, floor => Use.IsIn(name, floor));

    private static string Room(string name) => string.Join('.', name.Split('.').Take(3));
}
