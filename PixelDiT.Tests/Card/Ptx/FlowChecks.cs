namespace PixelDiT.Tests.Card.Ptx;

/// <summary>
/// What can be said of a text before it runs, for every way through it: that no register is read which nothing wrote, and that the sums of warp-group instructions are fenced after others wrote them.
/// </summary>
internal static class FlowChecks
{
    /// <summary>Checks a kernel.</summary>
    /// <exception cref="PtxFault">It does not hold.</exception>
    public static void Check(PtxKernel kernel)
    {
        CheckRegisters(kernel);
        CheckFences(kernel);
    }

    /// <summary>Which registers all ways to an instruction have written, by the shortest list of changes: from block to block until nothing changes.</summary>
    private static void CheckRegisters(PtxKernel kernel)
    {
        var code = kernel.Code;
        int words = (kernel.Slots + 63) / 64;
        var start = new ulong[words];
        foreach (var constant in kernel.Constants) Set(start, constant.Register);
        foreach (var special in kernel.Specials.Values) Set(start, special);
        var known = new Dictionary<int, ulong[]> { [0] = start };
        var work = new SortedSet<int> { 0 };
        while (work.Count > 0)
        {
            int i = work.Min;
            work.Remove(i);
            var written = (ulong[])known[i].Clone();
            while (true)
            {
                var instruction = code[i];
                // A guarded write may not happen, but where it does not, its registers are not read either, or had a value before.
                if (instruction.Guard is null)
                {
                    foreach (var register in instruction.Writes) Set(written, register);
                }
                if (instruction is Branch branch)
                {
                    Reach(branch.Target, written);
                    if (branch.Guard is null) break;
                }
                if (instruction.Control == Control.Return) break;
                i++;
                if (!kernel.Leaders[i]) continue;
                Reach(i, written);
                break;
            }
        }
        foreach (var (first, before) in known)
        {
            var written = (ulong[])before.Clone();
            for (int i = first; ; i++)
            {
                var instruction = code[i];
                foreach (var register in instruction.Guard is { } guard ? instruction.Reads.Append(guard) : instruction.Reads)
                {
                    if (!Has(written, register)) throw new PtxFault($"{kernel.Name}: {register.Name} is read, and there is a way on which nothing wrote it; line {instruction.Line.Number}: {instruction.Line.Text}");
                }
                if (instruction.Guard is null)
                {
                    foreach (var register in instruction.Writes) Set(written, register);
                }
                if (instruction.Control is Control.Branch or Control.Return || kernel.Leaders[i + 1]) break;
            }
        }

        void Reach(int place, ulong[] written)
        {
            if (!known.TryGetValue(place, out var before))
            {
                known[place] = (ulong[])written.Clone();
                work.Add(place);
                return;
            }
            bool changed = false;
            for (int w = 0; w < words; w++)
            {
                ulong both = before[w] & written[w];
                changed |= both != before[w];
                before[w] = both;
            }
            if (changed) work.Add(place);
        }
    }

    private static void Set(ulong[] bits, Register register) => bits[register.Slot / 64] |= 1UL << (register.Slot % 64);

    private static bool Has(ulong[] bits, Register register) => (bits[register.Slot / 64] & (1UL << (register.Slot % 64))) != 0;

    /// <summary>Before the first instruction that adds to registers, and after anything else wrote them, stands a wgmma.fence in the same stretch of text (PTX ISA, "wgmma.fence").</summary>
    private static void CheckFences(PtxKernel kernel)
    {
        for (int i = 0; i < kernel.Code.Length; i++)
        {
            if (kernel.Code[i] is not WarpGroupMultiply multiply) continue;
            var sums = multiply.Sums.Select(register => register.Slot).ToHashSet();
            for (int before = i - 1; ; before--)
            {
                var instruction = before < 0 ? null : kernel.Code[before];
                if (instruction?.Line.Opcode.StartsWith("wgmma.fence", StringComparison.Ordinal) == true) break;
                if (instruction is null or Branch || instruction is not WarpGroupMultiply && instruction.Writes.Any(register => sums.Contains(register.Slot)))
                    throw new PtxFault($"{kernel.Name}: the sums of a warp-group instruction are written without a wgmma.fence since; line {multiply.Line.Number}: {multiply.Line.Text}");
            }
        }
    }
}
