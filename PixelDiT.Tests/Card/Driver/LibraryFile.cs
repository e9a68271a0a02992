using System.Buffers.Binary;
using System.Text;

namespace PixelDiT.Tests.Card.Driver;

/// <summary>
/// Writes a shared library of Linux on x86-64 whose functions do one thing: each jumps to the address that stands in its place of a table, which the process that loads the library fills. So a program that
/// asks the system for libcuda.so.1 gets functions of this assembly, and nothing has to be compiled. The format is that of the System V ABI: a header, two segments to be mapped (one to be run, one to be
/// written), and what a loader needs to find names.
/// </summary>
internal static class LibraryFile
{
    /// <summary>The name of the table.</summary>
    public const string Table = "stand_in_table";

    private const int Page = 4096, SymbolBytes = 24, StubBytes = 8, HeaderBytes = 64 + (4 * 56);

    /// <summary>Writes the library.</summary>
    /// <param name="file">Its file.</param>
    /// <param name="soname">The name by which loaders know it.</param>
    /// <param name="functions">Names of functions; the i-th jumps by the table's i-th place of 8 bytes.</param>
    public static void Write(string file, string soname, IReadOnlyList<string> functions)
    {
        var names = new MemoryStream();
        names.WriteByte(0);
        int Name(string name)
        {
            int place = (int)names.Length;
            names.Write(Encoding.ASCII.GetBytes(name + "\0"));
            return place;
        }

        int count = functions.Count + 2, symbols = HeaderBytes, hash = symbols + (count * SymbolBytes), strings = hash + (4 * (3 + count));
        int soName = Name(soname);
        int[] functionNames = [.. functions.Select(Name)];
        int tableName = Name(Table), code = Align(strings + (int)names.Length, 16), codeEnd = code + (functions.Count * StubBytes);
        // The second segment begins on a page of its own, at the place of the file that is its address.
        int dynamic = Align(codeEnd, Page), table = dynamic + (7 * 16), end = table + (8 * functions.Count);
        byte[] library = new byte[end];

        // The header: 64 bits, little-endian, a shared object for x86-64.
        new byte[] { 0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(library, 0);
        Half(16, 3);
        Half(18, 62);
        Word(20, 1);
        Long(32, 64);
        Half(52, 64);
        Half(54, 56);
        Half(56, 4);
        Half(58, 64);
        Segment(0, 1, 5, 0, codeEnd, Page);
        Segment(1, 1, 6, dynamic, end - dynamic, Page);
        Segment(2, 2, 6, dynamic, 7 * 16, 8);
        Segment(3, 0x6474E551, 6, 0, 0, 16);

        for (int i = 0; i < functions.Count; i++)
        {
            Symbol(i + 1, functionNames[i], type: 2, code + (i * StubBytes), StubBytes);
            // jmp [rip + distance], six bytes long.
            int stub = code + (i * StubBytes);
            Half(stub, 0x25FF);
            Word(stub + 2, (uint)(table + (8 * i) - (stub + 6)));
        }
        Symbol(count - 1, tableName, type: 1, table, 8 * functions.Count);

        // A hash table of one chain: whoever looks for a name goes through all.
        Word(hash, 1);
        Word(hash + 4, (uint)count);
        Word(hash + 8, 1);
        for (int i = 1; i < count; i++) Word(hash + 12 + (4 * i), i + 1 < count ? (uint)i + 1 : 0);
        names.ToArray().CopyTo(library, strings);

        // SONAME, HASH, STRTAB, SYMTAB, STRSZ, SYMENT, the end.
        (long Tag, long Value)[] entries = [(14, soName), (4, hash), (5, strings), (6, symbols), (10, names.Length), (11, SymbolBytes), (0, 0)];
        for (int i = 0; i < entries.Length; i++)
        {
            Long(dynamic + (16 * i), entries[i].Tag);
            Long(dynamic + (16 * i) + 8, entries[i].Value);
        }
        File.WriteAllBytes(file, library);

        void Half(int place, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(library.AsSpan(place), value);
        void Word(int place, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(library.AsSpan(place), value);
        void Long(int place, long value) => BinaryPrimitives.WriteInt64LittleEndian(library.AsSpan(place), value);

        void Segment(int index, uint type, uint flags, long place, long bytes, long alignment)
        {
            int at = 64 + (index * 56);
            Word(at, type);
            Word(at + 4, flags);
            foreach (int offset in (int[])[8, 16, 24]) Long(at + offset, place);
            Long(at + 32, bytes);
            Long(at + 40, bytes);
            Long(at + 48, alignment);
        }

        void Symbol(int index, int name, int type, long value, long bytes)
        {
            int at = symbols + (index * SymbolBytes);
            Word(at, (uint)name);
            library[at + 4] = (byte)(0x10 | type);
            // Of some section: one that is defined.
            Half(at + 6, 1);
            Long(at + 8, value);
            Long(at + 16, bytes);
        }
    }

    private static int Align(int value, int alignment) => (value + alignment - 1) / alignment * alignment;
}
