using System.Text;
using ILGPU.IR.Intrinsics;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>How a product of warp groups is cut into tiles: what is known when a kernel is compiled.</summary>
internal interface ITileShape
{
    /// <summary>Rows of C of a tile: 128 or 192, of which each of two or three warp groups has 64, or 64, of which each of two has half of the columns.</summary>
    static abstract int Rows { get; }

    /// <summary>Columns of C of a tile.</summary>
    static abstract int Columns { get; }
}

/// <summary>
/// The sums of a warp group in registers that have names of their own, beside those that ILGPU deals out. Instructions of warp groups may then stay under way from one step of a loop to the next: no move of a value from
/// step to step touches what they write. A thread's part of C [64, n] is that of <see cref="Accumulator"/> for every eight columns. All methods are of one thread's own sums.
/// </summary>
internal static class WgmmaRegisters
{
    /// <summary>Names the registers, and makes them zero.</summary>
    [IntrinsicImplementation, PtxGenerator(nameof(BeginText))]
    public static void Begin<TTile>() where TTile : struct, ITileShape => throw Intrinsics.OnCardsAlone;

    /// <summary>Begins sums [+]= A [64, 64]·B [64, n], four instructions of k = 16, and closes them as a group (PTX ISA, "wgmma").</summary>
    /// <param name="a">The address of the warp group's 64 rows of A.</param>
    /// <param name="b">The address of its columns of B.</param>
    /// <param name="adds">0 where the sums begin anew.</param>
    [IntrinsicImplementation, PtxGenerator(nameof(MultiplyText))]
    public static void Multiply<TTile, TMajorA, TMajorB>(long a, long b, int adds) where TTile : struct, ITileShape where TMajorA : struct, IMajor where TMajorB : struct, IMajor => throw Intrinsics.OnCardsAlone;

    /// <summary>Waits for all groups but the newest.</summary>
    [IntrinsicImplementation, PtxBody("wgmma.wait_group.sync.aligned 1;")]
    public static void WaitForAllButNewest() => throw Intrinsics.OnCardsAlone;

    /// <summary>Waits for all groups.</summary>
    [IntrinsicImplementation, PtxBody("wgmma.wait_group.sync.aligned 0;")]
    public static void WaitForAll() => throw Intrinsics.OnCardsAlone;

    /// <summary>Adds a number to each column.</summary>
    /// <param name="address">Of the number for the thread's first column.</param>
    /// <param name="columns">Columns from the warp group's first to the end of C, a multiple of 8.</param>
    [IntrinsicImplementation, PtxGenerator(nameof(AddBiasText))]
    public static void AddBias<TTile>(long address, int columns) where TTile : struct, ITileShape => throw Intrinsics.OnCardsAlone;

    /// <summary>Writes the sums to shared memory, rounded to bfloat16, each line's chunks of 16 bytes moved by exclusive or with the line's number mod 8.</summary>
    /// <param name="place">The address of the thread's first column in its line, had it not been moved.</param>
    /// <param name="line">The line's number mod 8.</param>
    [IntrinsicImplementation, PtxGenerator(nameof(StageText))]
    public static void Stage<TTile>(long place, int line) where TTile : struct, ITileShape => throw Intrinsics.OnCardsAlone;

    /// <summary>Adds float32 numbers from memory.</summary>
    /// <param name="address">Of the one for the thread's first column in its row.</param>
    /// <param name="eightRows">Bytes from there to the row eight further.</param>
    /// <param name="columns">Columns from the warp group's first to the end of C, a multiple of 8.</param>
    /// <param name="rows">Rows from the thread's own to the end of C; none where it is not positive.</param>
    [IntrinsicImplementation, PtxGenerator(nameof(AddMemoryText))]
    public static void AddMemory<TTile>(long address, long eightRows, int columns, int rows) where TTile : struct, ITileShape => throw Intrinsics.OnCardsAlone;

    /// <summary>Writes the sums to memory as float32; four lanes fill a sector of 32 bytes.</summary>
    /// <inheritdoc cref="AddMemory{TTile}"/>
    [IntrinsicImplementation, PtxGenerator(nameof(StoreText))]
    public static void Store<TTile>(long address, long eightRows, int columns, int rows) where TTile : struct, ITileShape => throw Intrinsics.OnCardsAlone;

    /// <summary>Columns of a warp group.</summary>
    public static int GroupColumns<TTile>() where TTile : struct, ITileShape => TTile.Rows == 64 ? TTile.Columns / 2 : TTile.Columns;

    private static int GroupColumns(Type tile) => Constant(tile, nameof(ITileShape.Columns)) / (Constant(tile, nameof(ITileShape.Rows)) == 64 ? 2 : 1);

    private static int Constant(Type tile, string name) => (int)tile.GetProperty(name)!.GetValue(null)!;

    private static string BeginText(Type[] arguments)
    {
        int registers = GroupColumns(arguments[0]) / 2;
        var text = new StringBuilder().Append($".reg .f32 %sum<{registers}>;\n");
        for (int i = 0; i < registers; i++) text.Append($"mov.f32 %sum{i}, 0f00000000;\n");
        return text.ToString();
    }

    private static string MultiplyText(Type[] arguments)
    {
        int columns = GroupColumns(arguments[0]);
        bool kMajorA = arguments[1] == typeof(KMajor), kMajorB = arguments[2] == typeof(KMajor);
        string sums = string.Join(", ", Enumerable.Range(0, columns / 2).Select(i => $"%sum{i}"));
        var text = new StringBuilder($$"""
            {
            .reg .b64 a, b;
            .reg .pred add;
            setp.ne.s32 add, $adds, 0;
            and.b64 a, $a, 262143;
            and.b64 b, $b, 262143;
            shr.b64 a, a, 4;
            shr.b64 b, b, 4;
            or.b64 a, a, {{Wgmma.Layout(kMajorA)}};
            or.b64 b, b, {{Wgmma.Layout(kMajorB)}};
            wgmma.fence.sync.aligned;

            """);
        for (int step = 0; step < WgmmaTile.Depth / 16; step++)
        {
            if (step > 0) text.Append($"setp.eq.u32 add, 0, 0;\nadd.s64 a, a, {Wgmma.Step(kMajorA)};\nadd.s64 b, b, {Wgmma.Step(kMajorB)};\n");
            text.Append($"wgmma.mma_async.sync.aligned.m64n{columns}k16.f32.bf16.bf16 {{{sums}}}, a, b, add, 1, 1, {(kMajorA ? 0 : 1)}, {(kMajorB ? 0 : 1)};\n");
        }
        return text.Append("wgmma.commit_group.sync.aligned;\n}").ToString();
    }

    private static string AddBiasText(Type[] arguments)
    {
        var text = new StringBuilder("{\n.reg .f32 left, right;\n.reg .pred inside;\n");
        for (int part = 0; part < GroupColumns(arguments[0]) / 8; part++)
        {
            text.Append($"mov.f32 left, 0f00000000;\nmov.f32 right, 0f00000000;\nsetp.gt.s32 inside, $columns, {8 * part};\n@inside ld.global.v2.f32 {{left, right}}, [$address+{32 * part}];\n");
            for (int i = 0; i < 4; i++) text.Append($"add.f32 %sum{(4 * part) + i}, %sum{(4 * part) + i}, {(i % 2 == 0 ? "left" : "right")};\n");
        }
        return text.Append('}').ToString();
    }

    private static string StageText(Type[] arguments)
    {
        int eightLines = 8 * 2 * Constant(arguments[0], nameof(ITileShape.Columns));
        var text = new StringBuilder("{\n.reg .b64 %chunk<8>;\n.reg .b32 moved, pair;\n");
        for (int i = 0; i < 8; i++) text.Append($"xor.b32 moved, $line, {i};\nshl.b32 moved, moved, 4;\ncvt.u64.u32 %chunk{i}, moved;\nadd.s64 %chunk{i}, %chunk{i}, $place;\n");
        for (int part = 0; part < GroupColumns(arguments[0]) / 8; part++)
        {
            for (int half = 0; half < 2; half++)
            {
                int first = (4 * part) + (2 * half);
                text.Append($"cvt.rn.bf16x2.f32 pair, %sum{first + 1}, %sum{first};\nst.shared.b32 [%chunk{part % 8}+{(part / 8 * 128) + (half * eightLines)}], pair;\n");
            }
        }
        return text.Append('}').ToString();
    }

    private static string AddMemoryText(Type[] arguments) => EachPart(arguments[0], ".reg .f32 left, right;\n", (place, first, inside) =>
        $"mov.f32 left, 0f00000000;\nmov.f32 right, 0f00000000;\n@{inside} ld.global.v2.f32 {{left, right}}, [{place}];\nadd.f32 %sum{first}, %sum{first}, left;\nadd.f32 %sum{first + 1}, %sum{first + 1}, right;\n");

    private static string StoreText(Type[] arguments) => EachPart(arguments[0], "", (place, first, inside) => $"@{inside} st.global.v2.f32 [{place}], {{%sum{first}, %sum{first + 1}}};\n");

    /// <summary>Two columns after the other, of the thread's row and of that eight further, as far as C has them.</summary>
    private static string EachPart(Type tile, string registers, Func<string, int, string, string> write)
    {
        var text = new StringBuilder($"{{\n.reg .b64 below;\n.reg .pred upper, lower, inside, both;\n{registers}setp.gt.s32 upper, $rows, 0;\nsetp.gt.s32 lower, $rows, 8;\nadd.s64 below, $address, $eightRows;\n");
        for (int part = 0; part < GroupColumns(tile) / 8; part++)
        {
            text.Append($"setp.gt.s32 inside, $columns, {8 * part};\n");
            text.Append("and.pred both, upper, inside;\n").Append(write($"$address+{32 * part}", 4 * part, "both"));
            text.Append("and.pred both, lower, inside;\n").Append(write($"below+{32 * part}", (4 * part) + 2, "both"));
        }
        return text.Append('}').ToString();
    }
}
