using System.Globalization;

namespace PixelDiT.Tests.Card.Ptx;

/// <summary>The opcodes that the interpreter knows: those of this project's kernels, each with the modifiers and types that occur.</summary>
internal static class Opcodes
{
    /// <summary>The instruction, or null where the opcode is unknown.</summary>
    public static Instruction? Decode(Operands at) => at.Parts[0] switch
    {
        "bra" when at.Parts.Length == 1 => new Branch(at.Next()),
        "ret" when at.Parts.Length == 1 => new Return(),
        "bar" => Barrier(at),
        "ld" or "st" => Memory(at),
        "cp" => Copy(at),
        "mbarrier" => Phases.Decode(at),
        "fence" when at.Line.Opcode == "fence.proxy.async.shared::cta" => new FenceInstruction(),
        "shfl" => Shuffle(at),
        "ldmatrix" when at.Line.Opcode is "ldmatrix.sync.aligned.m8n8.x4.shared.b16" or "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16" => Matrices(at),
        "mma" when at.Line.Opcode is "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32" or "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32" => Multiply(at),
        "wgmma" => WarpGroup(at),
        "selp" => Select(at),
        "setp" when at.Parts.Length == 3 => Compare(at),
        "cvt" => Conversions.Decode(at),
        _ => Arithmetic(at)
    };

    private static Instruction? Barrier(Operands at)
    {
        if (at.Line.Opcode == "bar.warp.sync")
        {
            return at.Next() is "0xffffffff" or "-1" ? new WarpBarrier() : null;
        }
        if (at.Line.Opcode != "bar.sync") return null;
        at.Require(0);
        return new BarrierInstruction();
    }

    private static Instruction? Memory(Operands at)
    {
        string[] parts = at.Parts;
        bool loads = parts[0] == "ld";
        if (parts.Length is not (3 or 4)) return null;
        int bytes = PtxType.Bytes(parts[^1]), count = parts.Length == 3 ? 1 : parts[2] switch { "v2" => 2, "v4" => 4, _ => 0 };
        if (count == 0) return null;
        switch (parts[1])
        {
            case "param" when loads && count == 1:
                var d = at.Target(bytes, wider: true);
                int place = at.Parameter(bytes);
                return new LoadParameter(d, place, bytes) { Writes = at.Writes };
            case "global" or "shared":
                Register[] values;
                Address address;
                if (loads)
                {
                    values = at.Targets(count, bytes, wider: true);
                    address = at.Address();
                }
                else
                {
                    address = at.Address();
                    values = at.Values(count, bytes);
                }
                if (parts[1] == "global") return new GlobalAccess(values, address, bytes, !loads) { Reads = at.Reads, Writes = at.Writes };
                return bytes == 4 ? new SharedAccess(values, address, !loads) { Reads = at.Reads, Writes = at.Writes } : null;
            default:
                return null;
        }
    }

    private static Instruction? Copy(Operands at)
    {
        switch (at.Line.Opcode)
        {
            case "cp.async.commit_group":
                return new CommitCopies();
            case "cp.async.wait_group":
                return new WaitForCopies(at.Number());
            case "cp.async.cg.shared.global":
                Address to = at.Address(), from = at.Address();
                at.Require(16);
                Register? size = at.HasMore ? at.Value(4) : null;
                return new BeginCopy(to, from, size) { Reads = at.Reads };
            case BulkCopy.Opcode:
                return BulkCopy.Decode(at);
            default:
                return null;
        }
    }

    private static Shuffle? Shuffle(Operands at)
    {
        if (at.Line.Opcode is not ("shfl.sync.idx.b32" or "shfl.sync.bfly.b32")) return null;
        Register d = at.Target(4), value = at.Value(4), lane = at.Value(4);
        at.Require(31);
        var members = at.Value(4);
        return new(d, value, lane, members, at.Parts[2] == "bfly") { Reads = at.Reads, Writes = at.Writes };
    }

    private static LoadMatrices Matrices(Operands at)
    {
        var d = at.Targets(4, 4);
        var address = at.Address();
        return new(d, address, at.Parts[5] == "trans") { Reads = at.Reads, Writes = at.Writes };
    }

    private static MultiplyMatrices Multiply(Operands at)
    {
        Register[] d = at.Targets(4, 4), a = at.Values(4, 4), b = at.Values(2, 4), c = at.Values(4, 4);
        return new(d, a, b, c, at.Parts[3] == "m16n8k16") { Reads = at.Reads, Writes = at.Writes };
    }

    private static Instruction? WarpGroup(Operands at)
    {
        string[] parts = at.Parts;
        if (parts.Length < 4 || parts[^1] != "aligned" && parts[3] != "aligned" || parts[2] != "sync") return null;
        switch (parts[1])
        {
            case "fence" or "commit_group" when parts.Length == 4:
                return new WarpGroupOrder(parts[1], 0);
            case "wait_group" when parts.Length == 4:
                return new WarpGroupOrder(parts[1], at.Number());
            case "mma_async" when parts.Length == 8 && parts[5..] is ["f32", "bf16", "bf16"] && parts[4].StartsWith("m64n", StringComparison.Ordinal) && parts[4].EndsWith("k16", StringComparison.Ordinal):
                int columns = int.Parse(parts[4].AsSpan(4, parts[4].Length - 7), CultureInfo.InvariantCulture);
                var sums = at.Sums();
                if (columns % 8 != 0 || columns is < 8 or > 256 || sums.Length != columns / 2) throw new PtxFault($"{sums.Length} registers hold a thread's part of 64 by {columns}");
                Register a = at.Value(8), b = at.Value(8), adds = at.Truth();
                at.Require(1);
                at.Require(1);
                int transposesA = at.Number(), transposesB = at.Number();
                return new WarpGroupMultiply(sums, a, b, adds, transposesA != 0, transposesB != 0) { Reads = at.Reads, Writes = at.Writes };
            default:
                return null;
        }
    }

    private static Instruction? Select(Operands at)
    {
        if (at.Parts.Length != 2) return null;
        int bytes = PtxType.Bytes(at.Parts[1]);
        if (bytes < 4) return null;
        Register d = at.Target(bytes), a = at.Value(bytes), b = at.Value(bytes), condition = at.Truth();
        return bytes == 8 ? new Select<ulong>(d, a, b, condition) { Reads = at.Reads, Writes = at.Writes } : new Select<uint>(d, a, b, condition) { Reads = at.Reads, Writes = at.Writes };
    }

    private static Instruction? Compare(Operands at)
    {
        string comparison = at.Parts[1], type = at.Parts[2];
        int bytes = PtxType.Bytes(type);
        Register d = at.Target(4), a = at.Value(bytes), b = at.Value(bytes);
        return type switch
        {
            "f32" => Single(),
            "s32" => comparison is "lt" or "le" or "gt" or "ge" or "eq" or "ne" ? Integer<int>(comparison) : null,
            "u32" => comparison switch { "lo" or "lt" => Integer<uint>("lt"), "ls" or "le" => Integer<uint>("le"), "hi" or "gt" => Integer<uint>("gt"), "hs" or "ge" => Integer<uint>("ge"), "eq" or "ne" => Integer<uint>(comparison), _ => null },
            "b32" => comparison is "eq" or "ne" ? Integer<uint>(comparison) : null,
            "s64" => comparison switch
            {
                "lt" => Wide<WideLess>(),
                "le" => Wide<WideLessOrEqual>(),
                "gt" => Wide<WideNot<WideLessOrEqual>>(),
                "ge" => Wide<WideNot<WideLess>>(),
                "eq" => Wide<WideEqual>(),
                "ne" => Wide<WideNot<WideEqual>>(),
                _ => null
            },
            _ => null
        };

        Instruction Of<T, TFunction>() where T : unmanaged where TFunction : struct, IBinary<T> => new Binary<T, TFunction>(d, a, b) { Reads = at.Reads, Writes = at.Writes };

        Instruction Wide<TFunction>() where TFunction : struct, IFunction<long, long, uint> => new Combine<long, long, uint, TFunction>(d, a, b) { Reads = at.Reads, Writes = at.Writes };

        Instruction? Integer<T>(string name) where T : unmanaged => name switch
        {
            "lt" => Of<T, Less<T>>(),
            "le" => Of<T, LessOrEqual<T>>(),
            "gt" => Of<T, Swapped<T, Less<T>>>(),
            "ge" => Of<T, Swapped<T, LessOrEqual<T>>>(),
            "eq" => Of<T, Equal<T>>(),
            "ne" => Of<T, Not<T, Equal<T>>>(),
            _ => null
        };

        // Ordered comparisons are false where there is a NaN, unordered ones (u) true.
        Instruction? Single() => comparison switch
        {
            "ne" => Of<float, LessOrGreater<float>>(),
            "equ" => Of<float, Not<float, LessOrGreater<float>>>(),
            "neu" => Of<float, Not<float, Equal<float>>>(),
            "ltu" => Of<float, Not<float, Swapped<float, LessOrEqual<float>>>>(),
            "leu" => Of<float, Not<float, Swapped<float, Less<float>>>>(),
            "gtu" => Of<float, Not<float, LessOrEqual<float>>>(),
            "geu" => Of<float, Not<float, Less<float>>>(),
            _ => Integer<float>(comparison)
        };
    }

    private static Instruction? Arithmetic(Operands at)
    {
        string opcode = at.Line.Opcode, type = at.Parts[^1];
        switch (opcode)
        {
            case "mov.pred":
                return One<uint, Copy<uint>>(at.Target(4), at.Truth());
            case "mov.b32" or "mov.f32" or "mov.u32" or "mov.s32":
                return One<uint, Copy<uint>>(at.Target(4), at.Value(4));
            case "mov.b64" or "mov.u64" or "mov.s64" or "mov.f64" or "cvta.param.u64":
                return One<ulong, Copy<ulong>>(at.Target(8), at.Value(8));
            case "neg.s32":
                return One<uint, NegateInteger<uint>>(at.Target(4), at.Value(4));
            case "neg.f32":
                return One<uint, NegateSingle>(at.Target(4), at.Value(4));
            case "abs.f32":
                return One<uint, AbsoluteSingle>(at.Target(4), at.Value(4));
            case "rcp.rn.f32":
                return One<float, Reciprocal>(at.Target(4), at.Value(4));
            case "sqrt.rn.f32":
                return One<float, SquareRoot>(at.Target(4), at.Value(4));
            case "ex2.approx.ftz.f32":
                return Conversions.Of<float, float, ApproximatePowerOfTwo>(at, at.Target(4), at.Value(4));
            case "lg2.approx.f32":
                return Conversions.Of<float, float, ApproximateLogarithm>(at, at.Target(4), at.Value(4));
            case "max.f32":
                return Function<float, float, float, LargerNumber>(at.Target(4), at.Value(4), at.Value(4));
            case "not.pred":
                return One<uint, Complement<uint>>(at.Target(4), at.Truth());
            case "and.pred":
                return Two<uint, And<uint>>(at.Target(4), at.Truth(), at.Truth());
            case "or.pred":
                return Two<uint, Or<uint>>(at.Target(4), at.Truth(), at.Truth());
            case "mul.wide.u32":
                return Function<uint, uint, ulong, MultiplyWide>(at.Target(8), at.Value(4), at.Value(4));
            case "shl.b32":
                return Function<uint, uint, uint, ShiftLeft<uint>>(at.Target(4), at.Value(4), at.Value(4));
            case "shl.b64":
                return Function<ulong, uint, ulong, ShiftLeft<ulong>>(at.Target(8), at.Value(8), at.Value(4));
            case "shr.s32":
                return Function<int, uint, int, ShiftRight<int>>(at.Target(4), at.Value(4), at.Value(4));
            case "shr.u32" or "shr.b32":
                return Function<uint, uint, uint, ShiftRight<uint>>(at.Target(4), at.Value(4), at.Value(4));
            case "shr.s64":
                return Function<long, uint, long, ShiftRight<long>>(at.Target(8), at.Value(8), at.Value(4));
            case "shr.u64" or "shr.b64":
                return Function<ulong, uint, ulong, ShiftRight<ulong>>(at.Target(8), at.Value(8), at.Value(4));
        }
        if (at.Parts[0] is not ("add" or "sub" or "mul" or "and" or "or" or "xor" or "div" or "rem")) return null;
        if (at.Parts is not ([_, _] or ["mul", "lo", _] or ["div", "rn", "f32"])) return null;
        if (type is not ("b32" or "s32" or "u32" or "f32" or "b64" or "s64" or "u64")) return null;
        int bytes = PtxType.Bytes(type);
        Register d = at.Target(bytes), a = at.Value(bytes), b = at.Value(bytes);
        return (at.Parts[0], opcode, type) switch
        {
            ("add", _, "s32" or "u32") => Two<uint, Add<uint>>(d, a, b),
            ("add", _, "s64" or "u64") => Two<ulong, Add<ulong>>(d, a, b),
            ("add", _, "f32") => Two<float, Add<float>>(d, a, b),
            ("sub", _, "s32" or "u32") => Two<uint, Subtract<uint>>(d, a, b),
            ("sub", _, "s64" or "u64") => Two<ulong, Subtract<ulong>>(d, a, b),
            ("sub", _, "f32") => Two<float, Subtract<float>>(d, a, b),
            ("mul", "mul.f32", _) => Two<float, Multiply<float>>(d, a, b),
            ("mul", "mul.lo.s32" or "mul.lo.u32", _) => Two<uint, Multiply<uint>>(d, a, b),
            ("mul", "mul.lo.s64" or "mul.lo.u64", _) => Two<ulong, Multiply<ulong>>(d, a, b),
            ("and", _, "b32") => Two<uint, And<uint>>(d, a, b),
            ("and", _, "b64") => Two<ulong, And<ulong>>(d, a, b),
            ("or", _, "b32") => Two<uint, Or<uint>>(d, a, b),
            ("or", _, "b64") => Two<ulong, Or<ulong>>(d, a, b),
            ("xor", _, "b32") => Two<uint, Xor<uint>>(d, a, b),
            ("xor", _, "b64") => Two<ulong, Xor<ulong>>(d, a, b),
            ("div", "div.rn.f32", _) => Two<float, DivideSingle>(d, a, b),
            ("div", "div.s32", _) => Function<int, int, int, DivideInteger<int>>(d, a, b),
            ("div", "div.s64", _) => Function<long, long, long, DivideInteger<long>>(d, a, b),
            ("rem", "rem.s32", _) => Function<int, int, int, Remainder<int>>(d, a, b),
            _ => null
        };

        Instruction One<T, TFunction>(Register d, Register a) where T : unmanaged where TFunction : struct, IUnary<T> => new Unary<T, TFunction>(d, a) { Reads = at.Reads, Writes = at.Writes };

        Instruction Two<T, TFunction>(Register d, Register a, Register b) where T : unmanaged where TFunction : struct, IBinary<T> => new Binary<T, TFunction>(d, a, b) { Reads = at.Reads, Writes = at.Writes };

        Instruction Function<TA, TB, TTo, TFunction>(Register d, Register a, Register b) where TA : unmanaged where TB : unmanaged where TTo : unmanaged where TFunction : struct, IFunction<TA, TB, TTo>
            => new Combine<TA, TB, TTo, TFunction>(d, a, b) { Reads = at.Reads, Writes = at.Writes };
    }
}

/// <summary>cvt.</summary>
internal static class Conversions
{
    /// <summary>The conversion, or null where it is unknown.</summary>
    public static Instruction? Decode(Operands at)
    {
        switch (at.Line.Opcode)
        {
            case "cvt.s64.s32":
                return Of<int, long, ToInteger<int, long>>(at, at.Target(8), at.Value(4));
            case "cvt.u64.u32":
                return Of<uint, ulong, ToInteger<uint, ulong>>(at, at.Target(8), at.Value(4));
            case "cvt.s32.s64" or "cvt.u32.u64":
                return Of<ulong, uint, ToInteger<ulong, uint>>(at, at.Target(4), at.Value(8));
            case "cvt.u16.u32":
                return Of<uint, uint, LowHalf>(at, at.Target(2), at.Value(4));
            case "cvt.s32.s16":
                return Of<uint, int, ExtendHalf>(at, at.Target(4), at.Value(2));
            case "cvt.rzi.s32.f32":
                return Of<float, int, Truncate>(at, at.Target(4), at.Value(4));
            case "cvt.rn.f32.s32":
                return Of<int, float, IntegerToSingle>(at, at.Target(4), at.Value(4));
            case "cvt.rn.f64.u32":
                return Of<uint, double, UnsignedToDouble>(at, at.Target(8), at.Value(4));
            case "cvt.rn.f32.f64":
                return Of<double, float, DoubleToSingle>(at, at.Target(4), at.Value(8));
            case "cvt.rna.tf32.f32":
                return Of<uint, uint, RoundTensorFloat32>(at, at.Target(4), at.Value(4));
            case "cvt.rn.bf16x2.f32":
                Register d = at.Target(4), upper = at.Value(4), lower = at.Value(4);
                return new Combine<uint, uint, uint, PackBFloat16>(d, upper, lower) { Reads = at.Reads, Writes = at.Writes };
            default:
                return null;
        }
    }

    /// <summary>A conversion with what it reads and writes.</summary>
    public static Instruction Of<TFrom, TTo, TFunction>(Operands at, Register d, Register a) where TFrom : unmanaged where TTo : unmanaged where TFunction : struct, IConversion<TFrom, TTo>
        => new Convert<TFrom, TTo, TFunction>(d, a) { Reads = at.Reads, Writes = at.Writes };
}
