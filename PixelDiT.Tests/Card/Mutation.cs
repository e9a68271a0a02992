using System.Text.RegularExpressions;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Operations.Products;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Tests.Card.Driver;
using PixelDiT.Tests.Card.Ptx;

namespace PixelDiT.Tests.Card;

/// <summary>A fault that is put into a good kernel's text.</summary>
/// <param name="Name">What is done.</param>
/// <param name="Kernel">The kernel, by the beginning of its name.</param>
/// <param name="Pattern">What is replaced.</param>
/// <param name="Replacement">By what.</param>
/// <param name="Expected">What the interpreter says of it, or null where it is a wrong result that shows.</param>
/// <param name="Occurrence">Which of the places is replaced, from 0; all where it is negative.</param>
internal sealed record Mutation(string Name, string Kernel, string Pattern, string Replacement, string? Expected, int Occurrence = 0)
{
    /// <summary>What is printed of a mutation that nothing showed.</summary>
    public const string Unseen = "the same result";

    /// <summary>What is printed of a wrong result.</summary>
    public const string Wrong = "another result";

    private const string Line = "card mutation", Product = "MmaProduct<BFloat16Format, KMajor, KMajor, BFloat16, BFloat16, BFloat16, Identity", Wide = "WgmmaProduct<KMajor, KMajor", Staying = "PersistentProduct<Tile128x128, KMajor, KMajor", Heads = "AlignedAttentionForward", Row = "RmsNorm.ForwardKernel<Single32>";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Mutation> All { get; } =
    [
        new("none", Product, @"\bnothing\b", "", Unseen),
        new("none, of warp groups", Wide, @"\bnothing\b", "", Unseen),
        new("none, of attention", Heads, @"\bnothing\b", "", Unseen),
        new("none, of rows", Row, @"\bnothing\b", "", Unseen),
        new("the barrier of a tile of k is removed", Product, @"bar\.sync\s+0;", "", "without a barrier since"),
        new("the barrier before the result is removed", Product, @"bar\.sync\s+0;", "", "without a barrier since", 1),
        new("the barrier within the result is removed", Product, @"bar\.sync\s+0;", "", "without a barrier since", 2),
        new("a wait for copies is too lax", Product, @"cp\.async\.wait_group 1;", "cp.async.wait_group 2;", "has not been waited for"),
        new("the last wait for copies is removed", Product, @"cp\.async\.wait_group 0;", "", "while a copy to it has not been waited for"),
        new("the stride of rows in shared memory is halved where they are read", Product, @", 544;", ", 272;", null, 1),
        new("the stride of rows in shared memory is halved", Product, @", 544;", ", 272;", "without a barrier since", -1),
        new("rows beyond the last are read", Product, @"setp\.lt\.s32", "setp.ge.s32", "nobody has allocated|nothing was written to", -1),
        new("a matrix is transposed", Product, @"x4\.shared", "x4.trans.shared", null),
        new("a load is not aligned", Row, @"(ld\.global\.v4\.f32 [^;]*)\+16\]", "$1+8]", "which is no multiple of 16"),
        new("a load goes further", Row, @"(ld\.global\.v4\.f32 [^;]*)\+16\]", "$1+192]", "nobody has allocated"),
        new("the barrier of attention's first block is removed", Heads, @"bar\.sync\s+0;", "", "without a barrier since"),
        new("the barrier after attention's queries is removed", Heads, @"bar\.sync\s+0;", "", "without a barrier since", 1),
        new("a wait for attention's copies is too lax", Heads, @"cp\.async\.wait_group 0;", "cp.async.wait_group 1;", "has not been waited for"),
        new("the mask of a shuffle is half a warp", Heads, @"31, 4294967295;", "31, 65535;", "in which it is not"),
        new("a shuffle goes to another lane", Heads, @"(shfl\.sync\.bfly\.b32\s+\S+ \S+) 1,", "$1 2,", null),
        new("the mask of an item's lanes stays at the first", Row, @"shl\.b32 members, members, first;", "", "in which it is not"),
        new("the mask of an item's lanes is one too large", Row, @"shl\.b32 members, 1, (\S+);", "shl.b32 members, 2, $1;", "lanes are absent"),
        new("a wgmma.fence is removed", Wide, @"wgmma\.fence\.sync\.aligned;", "", "without a wgmma.fence"),
        new("the wait for wgmma is removed", Wide, @"wgmma\.wait_group\.sync\.aligned 0;", "", "no wgmma.wait_group since"),
        new("the commit of wgmma is removed", Wide, @"wgmma\.commit_group\.sync\.aligned;", "", "no wgmma.wait_group since"),
        new("the fence of copies for wgmma is removed", Wide, @"fence\.proxy\.async\.shared::cta;", "", "no fence.proxy.async published"),
        new("the barrier of a tile for wgmma is removed", Wide, @"bar\.sync\s+0;", "", "without a barrier since"),
        new("a wait for copies for wgmma is too lax", Wide, @"cp\.async\.wait_group 2;", "cp.async.wait_group 3;", "has not been waited for"),
        new("the stride of a descriptor is halved", Wide, "0x4000004000010000", "0x4000002000010000", null, 1),
        new("a descriptor has another swizzle", Wide, "0x4000004000010000", "0x8000004000010000", "has swizzle 2"),
        new("a descriptor says that an operand is transposed", Wide, ", 0, 0;", ", 0, 1;", null),
        new("the step from k to k is halved", Wide, @"add\.s64 a, a, 2;", "add.s64 a, a, 1;", null),
        new("sums start anew in each step", Wide, @"setp\.eq\.u32 add, 0, 0;", "setp.ne.u32 add, 0, 0;", null),
        new("none, of groups that stay", Staying, @"\bnothing\b", "", Unseen),
        new("a stage is not waited for", Staying, @"(?<=0f00000000;[\s\S]*)mbarrier\.try_wait\.parity\.shared::cta\.b64 ended, [^;]*;", "setp.eq.u32 ended, 0, 0;", "without a barrier since|while a copy to it has not been waited for"),
        new("a stage is filled before it is empty", Staying, @"mbarrier\.try_wait\.parity\.shared::cta\.b64 ended, [^;]*;(?=[\s\S]{0,900}expect_tx)", "setp.eq.u32 ended, 0, 0;", "have arrived"),
        new("nobody says that a stage is empty", Staying, @"@first mbarrier\.arrive\.shared::cta\.b64 _, [^;]*;", "", "waits for a phase that never ends", -1),
        new("a stage is called empty by one warp too few", Staying, @"(mbarrier\.init\.shared::cta\.b64 \[[^\]]*\]), %\w+;", "$1, 9;", "waits for a phase that never ends", 1),
        new("fewer bytes are expected than come", Staying, @"(expect_tx\.shared::cta\.b64 _, \[[^\]]*\]), %\w+;", "$1, 16384;", "which expects|have arrived|while a copy"),
        new("barriers are not published to the copy engine", Staying, @"fence\.proxy\.async\.shared::cta;", "", "no fence.proxy.async published it"),
        new("the barrier after barriers are made is removed", Staying, @"bar\.sync\s+0;", "", "where none was made|without a barrier of the group since"),
        new("the last product is not waited for", Staying, @"wgmma\.wait_group\.sync\.aligned 0;", "", "no wgmma.wait_group since|while a warp-group instruction reads it"),
        new("a product is not waited for before its stage is given back", Staying, @"wgmma\.wait_group\.sync\.aligned 1;", "", "while a warp-group instruction reads it|no wgmma.wait_group since"),
        new("sums go on from the tile before", Staying, @"setp\.ne\.s32 add, [^;]*;", "setp.eq.u32 add, 0, 0;", null),
        new("the tile of the result is read before it is whole", Staying, @"bar\.warp\.sync 0xffffffff;", "", "without a barrier since|lanes are absent", -1),
        new("a box goes a line too far", Staying, @"add\.s64 (%\w+), \1, 128;", "add.s64 $1, $1, 192;", "is no tensor map|at a multiple|at \\d+ of the parameters"),
        new("a register is read that nothing wrote", Row, @"mov\.u32 members, %laneid;", "", "nothing wrote it")
    ];

    /// <summary>The place of a mutation's outcome in what a process printed.</summary>
    public static IReadOnlyDictionary<string, string> Read(string output) =>
        output.Split('\n').Where(line => line.StartsWith(Line + "\t", StringComparison.Ordinal)).Select(line => line.Split('\t')).ToDictionary(parts => parts[1], parts => parts[2]);

    /// <summary>Records a launch of each kernel, and runs it again with each fault.</summary>
    /// <returns>0.</returns>
    public static int RunAll()
    {
        CardProgram.WatchTensors();
        var card = DriverFunctions.Card;
        var recorded = new Dictionary<string, (string Text, Launch Launch, byte[] Before)>();
        card.Watch = (module, launch) =>
        {
            if (All.FirstOrDefault(mutation => module.Kernel.Name.StartsWith(mutation.Kernel, StringComparison.Ordinal)) is { } mutation) recorded[mutation.Kernel] = (module.Text, launch, card.Memory.Save());
        };
        LaunchThem();
        card.Watch = null;
        var results = new Dictionary<string, byte[]>();
        foreach (var mutation in All)
        {
            var (text, launch, before) = recorded[mutation.Kernel];
            if (!results.TryGetValue(mutation.Kernel, out byte[]? good)) results[mutation.Kernel] = good = Run(text, launch, before);
            Console.WriteLine($"{Line}\t{mutation.Name}\t{mutation.Outcome(text, launch, before, good)}");
        }
        Console.WriteLine($"{Line}\twarp groups with a wrong stride\t{AskWarpGroups(text => text.Replace("0x4000004000010000", "0x4000002000010000"), isIdle: false)}");
        Console.WriteLine($"{Line}\ttensor maps with a wrong stride\t{AskWarpGroups(text => text.Contains("cp.async.bulk", StringComparison.Ordinal) ? text.Replace("0x4000004000010000", "0x4000002000010000") : text, isIdle: false)}");
        Console.WriteLine($"{Line}\twarp groups of a card that runs nothing\t{AskWarpGroups(null, isIdle: true)}");
        Console.WriteLine($"{Line}\twarp groups\t{AskWarpGroups(null, isIdle: false)}");
        return 0;
    }

    /// <summary>What a device says of itself after it has looked at its warp groups.</summary>
    private static string AskWarpGroups(Func<string, string>? edit, bool isIdle)
    {
        var card = DriverFunctions.Card;
        (card.Edit, card.IsIdle) = (edit, isIdle);
        using var device = Device.Open("cuda");
        WgmmaCheck.Trusts(device, rows: 64, columns: 192, depth: 136);
        (card.Edit, card.IsIdle) = (null, false);
        return device.Description;
    }

    private string Outcome(string text, Launch launch, byte[] before, byte[] good)
    {
        int place = 0;
        string mutated = Regex.Replace(text[text.IndexOf(".visible .entry", StringComparison.Ordinal)..], Pattern, match => Occurrence < 0 || place++ == Occurrence ? match.Result(Replacement) : match.Value);
        mutated = text[..text.IndexOf(".visible .entry", StringComparison.Ordinal)] + mutated;
        if (Expected != Unseen && mutated == text) return "the text has no such place";
        try
        {
            return Run(mutated, launch, before).AsSpan().SequenceEqual(good) ? Unseen : Wrong;
        }
        catch (PtxFault fault)
        {
            return fault.Message;
        }
    }

    private static byte[] Run(string text, Launch launch, byte[] before)
    {
        DriverFunctions.Card.Memory.Restore(before);
        new PtxKernel(text).Run(DriverFunctions.Card.Memory, launch);
        return DriverFunctions.Card.Memory.Save();
    }

    /// <summary>Products of several tiles, in rows and in k, that end within one; attention of several blocks; rows that share a group, of which the last has free places.</summary>
    private static void LaunchThem()
    {
        using var device = Device.Open("cuda");
        using (Tensor x = Draw(device, [133, 264]), weight = Draw(device, [132, 264]), y = device.Allocate([133, 132], ElementType.BFloat16))
            MatMul.Forward(x, weight, null, null, y, Precision.BFloat16);
        device.WarpGroups = WarpGroupUse.Trusted;
        device.TensorMaps = WarpGroupUse.Refused;
        using (Tensor x = Draw(device, [133, 328]), weight = Draw(device, [200, 328]), y = device.Allocate([133, 200], ElementType.BFloat16))
            MatMul.Forward(x, weight, null, null, y, Precision.BFloat16);
        using (Tensor x = Draw(device, [133, 584]), weight = Draw(device, [200, 584]), y = device.Allocate([133, 200], ElementType.BFloat16))
        {
            SplitK.Run<PersistentLaunch<Tile128x128, KMajor, KMajor, IdentityEpilogue>, BFloat16>(new(x, weight, null, default), y, new() { M = 133, N = 200, K = 584, ALine = 584, BLine = 584 }, slices: 1);
        }
        Shape rows = [1, 131, 1, 64];
        using (Tensor q = Draw(device, rows), k = Draw(device, rows), v = Draw(device, rows), o = device.Allocate(rows, ElementType.BFloat16), lse = device.Allocate([1, 1, 131]))
            Attention.Forward(HeadView.Of(q), HeadView.Of(k), HeadView.Of(v), new(1, 131, 1, 64), HeadView.Of(o), lse, Precision.BFloat16);
        using (Tensor x = Draw(device, [13, 48], ElementType.Single), weight = Draw(device, [48], ElementType.Single), y = device.Allocate([13, 48]), inverse = device.Allocate([13]))
            RmsNorm.Forward(x, weight, y, inverse);
        device.Synchronize();
    }

    private static Tensor Draw(Device device, Shape shape, ElementType type = ElementType.BFloat16)
    {
        var random = new Random((int)shape.Count);
        var tensor = device.Allocate(shape, type);
        tensor.Upload([.. Enumerable.Range(0, (int)shape.Count).Select(_ => (2 * random.NextSingle()) - 1)]);
        return tensor;
    }
}
