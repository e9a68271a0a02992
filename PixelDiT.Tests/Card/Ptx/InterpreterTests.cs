using System.Buffers.Binary;
using System.Globalization;
using NUnit.Framework;

namespace PixelDiT.Tests.Card.Ptx;

/// <summary>The interpreter by itself, on texts written by hand: what instructions compute, and what is refused.</summary>
internal sealed class InterpreterTests
{
    private const string Nan = "0f7FC00000", One = "0f3F800000", Infinity = "0f7F800000";

    /// <summary>Runs a body of which every thread leaves 32 bits in %result, and gives them.</summary>
    private static uint[] Run(string body, int threads = 32, int groups = 1)
    {
        string text = $$"""
            .version 8.0
            .target sm_90a
            .address_size 64

            .visible .entry Kernel(
            	.param .b64 to
            )
            .maxntid 256, 1, 1
            {
            	.reg .b32 %result, %a, %b, %c, %d, %index, %group, %size;
            	.reg .b64 %place, %offset, %wide, %other;
            	.reg .b16 %half;
            	.reg .f32 %f<8>;
            	.reg .f64 %double;
            	.reg .pred %p, %q;
            {{body}}
            	mov.b32 %index, %tid.x;
            	mov.b32 %group, %ctaid.x;
            	mov.b32 %size, %ntid.x;
            	mul.lo.s32 %group, %group, %size;
            	add.s32 %index, %index, %group;
            	cvt.s64.s32 %offset, %index;
            	shl.b64 %offset, %offset, 2;
            	ld.param.b64 %place, [to];
            	add.s64 %place, %place, %offset;
            	st.global.b32 [%place], %result;
            	ret;
            }
            """;
        using var memory = new DeviceMemory(1 << 20);
        int bytes = 4 * threads * groups;
        long to = memory.Allocate(bytes);
        byte[] parameters = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(parameters, to);
        new PtxKernel(text).Run(memory, new Launch(groups, threads, 0, parameters));
        byte[] result = memory.Span(to, bytes, written: false).ToArray();
        return [.. Enumerable.Range(0, threads * groups).Select(i => BinaryPrimitives.ReadUInt32LittleEndian(result.AsSpan(4 * i)))];
    }

    private static PtxFault Refuse(string body, int threads = 32) => Assert.Throws<PtxFault>(() => Run(body, threads))!;

    [TestCase("add.s32 %result, 2147483647, 1;", 0x80000000u)]
    [TestCase("mul.lo.s32 %result, 65537, 65537;", 0x00020001u)]
    [TestCase("div.s32 %result, -7, 2;", unchecked((uint)-3))]
    [TestCase("rem.s32 %result, -7, 2;", unchecked((uint)-1))]
    [TestCase("div.s32 %result, -2147483648, -1;", 0x80000000u)]
    [TestCase("shr.s32 %result, -8, 1;", unchecked((uint)-4))]
    [TestCase("shr.s32 %result, -8, 40;", 0xFFFFFFFFu)]
    [TestCase("shr.u32 %result, -8, 1;", 0x7FFFFFFCu)]
    [TestCase("shl.b32 %result, 1, 32;", 0u)]
    [TestCase("neg.f32 %result, 0f00000000;", 0x80000000u)]
    [TestCase("abs.f32 %result, 0fFF800000;", 0x7F800000u)]
    [TestCase("rcp.rn.f32 %result, 0f40400000;", 0x3EAAAAABu)]
    [TestCase("sqrt.rn.f32 %result, 0f40000000;", 0x3FB504F3u)]
    [TestCase("sqrt.rn.f32 %f0, 0fBF800000; setp.eq.f32 %p, %f0, %f0; selp.b32 %result, 1, 0, %p;", 0u)]
    [TestCase("cvt.rzi.s32.f32 %result, 0fBFC00000;", 0xFFFFFFFFu, Description = "-1.5 becomes -1")]
    [TestCase("cvt.rzi.s32.f32 %result, " + Nan + ";", 0u)]
    [TestCase("cvt.rzi.s32.f32 %result, " + Infinity + ";", 0x7FFFFFFFu)]
    [TestCase("cvt.rn.f32.s32 %result, 16777217;", 0x4B800000u, Description = "a tie goes to even")]
    [TestCase("cvt.rn.f64.u32 %double, 4294967295; cvt.rn.f32.f64 %result, %double;", 0x4F800000u)]
    [TestCase("cvt.u16.u32 %half, 98304; cvt.s32.s16 %result, %half;", 0xFFFF8000u)]
    [TestCase("cvt.rn.bf16x2.f32 %result, 0f3F808000, 0f3F818000;", 0x3F803F82u, Description = "ties go to even, the first operand is the upper half")]
    [TestCase("cvt.rn.bf16x2.f32 %result, " + Nan + ", " + Infinity + ";", 0x7FFF7F80u)]
    [TestCase("cvt.rna.tf32.f32 %result, 0f3F801000;", 0x3F802000u, Description = "a tie goes away from zero")]
    [TestCase("cvt.rna.tf32.f32 %result, " + Infinity + ";", 0x7F800000u)]
    [TestCase("mul.wide.u32 %wide, -1, -1; shr.u64 %wide, %wide, 32; cvt.u32.u64 %result, %wide;", 0xFFFFFFFEu)]
    [TestCase("setp.lt.s64 %p, -1, 1; selp.b32 %result, 1, 0, %p;", 1u)]
    [TestCase("setp.lo.u32 %p, -1, 1; selp.b32 %result, 1, 0, %p;", 0u)]
    [TestCase("ex2.approx.ftz.f32 %result, 0fC3160000;", 0u, Description = "what is below the normal numbers is zero")]
    public void An_instruction_computes(string body, uint expected) => Assert.That(Run(Lines(body)), Has.All.EqualTo(expected));

    [TestCase("lt", 0), TestCase("le", 0), TestCase("gt", 0), TestCase("ge", 0), TestCase("eq", 0), TestCase("ne", 0), TestCase("ltu", 1), TestCase("leu", 1), TestCase("gtu", 1), TestCase("geu", 1), TestCase("equ", 1), TestCase("neu", 1)]
    public void A_comparison_with_nan_is_what_its_name_says(string comparison, int expected)
        => Assert.That(Run(Lines($"setp.{comparison}.f32 %p, {Nan}, {One}; selp.b32 %result, 1, 0, %p;"))[0], Is.EqualTo((uint)expected));

    [TestCase("lt", 1, 0, 0), TestCase("le", 1, 1, 0), TestCase("gt", 0, 0, 1), TestCase("ge", 0, 1, 1), TestCase("eq", 0, 1, 0), TestCase("ne", 1, 0, 1)]
    public void Comparisons_of_numbers_agree_ordered_and_unordered(string comparison, int less, int equal, int greater)
    {
        int i = 0;
        foreach (int expected in (int[])[less, equal, greater])
        {
            string a = ((string[])["0fBF800000", "0f00000000", One])[i++];
            foreach (string name in (string[])[comparison, comparison + "u"]) Assert.That(Run(Lines($"setp.{name}.f32 %p, {a}, 0f80000000; selp.b32 %result, 1, 0, %p;"))[0], Is.EqualTo((uint)expected), $"{name} {a}");
        }
    }

    [Test]
    public void Approximate_functions_are_as_wrong_as_they_may_be_and_no_more()
    {
        double worst = 0;
        for (int i = 1; i < 200; i++)
        {
            float x = i / 37f;
            string bits = BitConverter.SingleToUInt32Bits(x).ToString("X8", CultureInfo.InvariantCulture);
            float power = BitConverter.UInt32BitsToSingle(Run(Lines($"ex2.approx.ftz.f32 %result, 0f{bits};"))[0]), logarithm = BitConverter.UInt32BitsToSingle(Run(Lines($"lg2.approx.f32 %result, 0f{bits};"))[0]);
            double exact = Math.Log2(x), error = Math.Abs(power / Math.Pow(2, x) - 1);
            Assert.That(error, Is.LessThanOrEqualTo(Math.ScaleB(1, -22)), $"2^{x}");
            Assert.That(Math.Abs(logarithm - exact), Is.LessThanOrEqualTo(Math.ScaleB(x is > 0.5f and < 2 ? 1 : Math.Abs(exact), -22) + Math.ScaleB(Math.Abs(exact), -24)), $"log {x}");
            worst = Math.Max(worst, error);
        }
        Assert.That(worst, Is.GreaterThan(1.5e-7));
    }

    [Test]
    public void Threads_that_part_meet_again()
    {
        // Each goes round as often as its index says, then all exchange.
        uint[] result = Run("""
            	mov.b32 %a, %tid.x;
            	mov.b32 %b, 0;
            	mov.b32 %c, 0;
            	LOOP:
            	setp.ge.s32 %p, %b, %a;
            	@%p bra END;
            	add.s32 %c, %c, %b;
            	add.s32 %b, %b, 1;
            	bra LOOP;
            	END:
            	shfl.sync.bfly.b32 %result, %c, 1, 31, 4294967295;
            """);
        for (int i = 0; i < 32; i++) Assert.That(result[i], Is.EqualTo((i ^ 1) * ((i ^ 1) - 1) / 2));
    }

    [Test]
    public void Groups_know_which_they_are() => Assert.That(Run("\tmov.b32 %result, %ctaid.x;", threads: 64, groups: 5), Is.EqualTo(Enumerable.Range(0, 320).Select(i => (uint)i / 64)));

    [Test]
    public void A_guarded_instruction_leaves_other_threads_alone() => Assert.That(Run("""
        	mov.b32 %result, 7;
        	mov.b32 %a, %laneid;
        	setp.lt.s32 %p, %a, 3;
        	@%p mov.b32 %result, 8;
        	@!%p add.s32 %result, %result, 2;
        """, threads: 5), Is.EqualTo(new uint[] { 8, 8, 8, 9, 9 }));

    /// <summary>mma.sync by the manual's drawing: a lane's rows, columns and steps, against a plain product.</summary>
    [Test]
    public void Matrices_are_multiplied_by_the_manual()
    {
        // A[r, k] = 1 where k = r, else 0; B[k, c] = 8k + c + 1; so that C[r, c] = 8r + c + 1 and a lane holds C[lane/4, 2(lane%4)] first.
        const string one = "16256"; // 1 as bfloat16
        uint[] result = Run($$"""
            	mov.b32 %a, %laneid;
            	shr.u32 %b, %a, 2;
            	and.b32 %c, %a, 3;
            	shl.b32 %c, %c, 1;
            	sub.s32 %d, %b, %c;
            	setp.eq.s32 %p, %d, 0;
            	selp.b32 %f0, {{one}}, 0, %p;
            	setp.eq.s32 %p, %d, 1;
            	selp.b32 %f1, 1065353216, 0, %p;
            	or.b32 %f0, %f0, %f1;
            	shl.b32 %d, %c, 3;
            	add.s32 %d, %d, %b;
            	add.s32 %d, %d, 1;
            	cvt.rn.f32.s32 %f1, %d;
            	add.s32 %d, %d, 8;
            	cvt.rn.f32.s32 %f2, %d;
            	cvt.rn.bf16x2.f32 %f3, %f2, %f1;
            	mov.b32 %d, 0;
            	mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f4, %f5, %f6, %f7}, {%f0, %d, %d, %d}, {%f3, %d}, {%d, %d, %d, %d};
            	add.f32 %f5, %f5, %f5;
            	add.f32 %f4, %f4, %f5;
            	mov.b32 %result, %f4;
            """);
        // C[r, c] + 2·C[r, c + 1] of rows that A has: those up to 7.
        for (int lane = 0; lane < 32; lane++)
        {
            int row = lane / 4, column = lane % 4 * 2, first = (8 * row) + column + 1;
            Assert.That(BitConverter.UInt32BitsToSingle(result[lane]), Is.EqualTo(first + (2f * (first + 1))), $"lane {lane}");
        }
    }

    [TestCase("popc.b32 %result, 1;", "opcode popc.b32 is unknown")]
    [TestCase("add.sat.s32 %result, 1, 1;", "opcode add.sat.s32 is unknown")]
    [TestCase("fma.rn.f32 %result, " + One + ", " + One + ", " + One + ";", "opcode fma.rn.f32 is unknown")]
    [TestCase("mov.b32 %result, %clock;", "%clock is neither declared nor known")]
    [TestCase("add.s32 %result, %wide, 1;", "%wide has 8 bytes")]
    [TestCase("mov.b32 %result, %a;", "%a is read, and there is a way on which nothing wrote it")]
    [TestCase("mov.b32 %a, %tid.x; setp.eq.s32 %p, %a, 0; @%p bra SKIP; mov.b32 %result, 1; SKIP:", "%result is read, and there is a way")]
    [TestCase("div.s32 %result, 1, 0;", "divided by zero")]
    [TestCase("mov.u64 %wide, 64; ld.global.b32 %result, [%wide];", "nobody has allocated")]
    [TestCase("ld.param.b64 %wide, [to]; ld.global.b32 %result, [%wide];", "nothing was written to")]
    [TestCase("ld.param.b64 %wide, [to]; ld.global.b32 %result, [%wide+2];", "no multiple of 4")]
    [TestCase("ld.param.b64 %wide, [to+4];", "8 bytes at 4 of the parameter to")]
    [TestCase(".shared .align 16 .b8 own[64]; mov.u64 %wide, own; ld.shared.b32 %result, [%wide];", "nothing was written to it")]
    [TestCase(".shared .align 16 .b8 own[64]; mov.u64 %wide, own; mov.b32 %result, 1; st.shared.b32 [%wide+64], %result;", "beyond the 64 bytes")]
    [TestCase(".shared .align 16 .b8 own[64]; mov.u64 %wide, own; mov.b32 %result, 1; st.shared.b32 [%wide], %result;", "thread 0 wrote without a barrier")]
    [TestCase("mov.b32 %a, %tid.x; mov.b32 %result, 1; setp.lt.s32 %p, %a, 16; @%p bra LOW; bar.sync 0; bra BOTH; LOW: bar.sync 0; BOTH:", "waits at this barrier, and thread")]
    [TestCase("mov.b32 %a, %tid.x; mov.b32 %result, 1; setp.lt.s32 %p, %a, 16; @%p bra BOTH; bar.sync 0; BOTH:", "waits at a barrier, and thread 0 has ended")]
    [TestCase("mov.b32 %a, %tid.x; mov.b32 %result, 1; setp.lt.s32 %p, %a, 16; @%p bra BOTH; shfl.sync.idx.b32 %result, %a, 0, 31, 4294967295; BOTH:", "lanes are absent")]
    [TestCase("mov.b32 %a, %tid.x; shfl.sync.idx.b32 %result, %a, 3, 31, 1;", "in which it is not")]
    public void What_a_card_may_not_be_asked_is_refused(string body, string reason) => Assert.That(Refuse(Lines(body)).Message, Does.Contain(reason));

    [Test]
    public void A_group_that_is_no_multiple_of_a_warp_has_no_matrices()
        => Assert.That(Refuse(Lines("mov.b32 %result, 0; mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%f0, %f1, %f2, %f3}, {%result, %result, %result, %result}, {%result, %result}, {%result, %result, %result, %result};"), threads: 40).Message, Does.Contain("lanes are absent"));

    private static string Lines(string body) => string.Join('\n', body.Replace("; ", ";\n").Replace(": ", ":\n").Split('\n').Select(line => "\t" + line));
}
