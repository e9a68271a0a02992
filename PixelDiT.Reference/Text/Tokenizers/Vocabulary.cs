using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Text.Tokenizers;

/// <summary>The pieces of a byte-pair encoding and their ids, 0 to Count − 1, with a piece for every byte.</summary>
internal sealed class Vocabulary
{
    /// <summary>What a file may hold: Gemma-2 has 256,000 pieces of at most 31 characters.</summary>
    public const int MaximumPieces = 1 << 20, MaximumLength = 256;

    private const int Bytes = 256, Ascii = 128;

    private readonly string[] _pieces;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _ids;
    private readonly int[] _byteIds = new int[Bytes];
    private readonly Dictionary<int, byte> _byteOf = [];

    /// <summary>Makes a vocabulary.</summary>
    /// <param name="ids">The pieces that a text is made of, with the id of each.</param>
    /// <param name="added">Pieces that are found only as added tokens.</param>
    /// <param name="source">How messages call the file.</param>
    /// <exception cref="FileFormatException">An id is taken twice or by none, or a byte has no piece.</exception>
    public Vocabulary(Dictionary<string, int> ids, IEnumerable<AddedToken> added, string source)
    {
        var others = added.Where(token => !ids.ContainsKey(token.Text)).ToList();
        _pieces = new string[ids.Count + others.Count];
        foreach (var (piece, id) in ids) Place(piece, id, source);
        foreach (var token in others) Place(token.Text, token.Id, source);
        _ids = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        for (int value = 0; value < Bytes; value++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>");
            if (ids.TryGetValue(name, out _byteIds[value])) _byteOf[_byteIds[value]] = (byte)value;
            // Gemma-2 writes the tab as itself.
            else if (value >= Ascii || !ids.TryGetValue(((char)value).ToString(), out _byteIds[value]))
                throw new FileFormatException($"{source}: has no piece {name}; a byte-pair encoding with a piece for every byte was expected");
        }
    }

    /// <summary>The number of ids.</summary>
    public int Count => _pieces.Length;

    /// <summary>The piece of an id, with ▁ for a space.</summary>
    public string this[int id] => _pieces[id];

    /// <summary>The id of a piece.</summary>
    public bool TryFind(ReadOnlySpan<char> piece, out int id) => _ids.TryGetValue(piece, out id);

    /// <summary>The id that stands for a byte of a character without a piece.</summary>
    public int IdOf(byte value) => _byteIds[value];

    /// <summary>Whether an id stands for a byte, and which.</summary>
    public bool IsByte(int id, out byte value) => _byteOf.TryGetValue(id, out value);

    private void Place(string piece, int id, string source)
    {
        if (id < 0 || id >= _pieces.Length) throw new FileFormatException($"{source}: piece {Quote.Text(piece)} has the id {id}; with {_pieces.Length} pieces an id from 0 to {_pieces.Length - 1} was expected");
        if (_pieces[id] is { } other) throw new FileFormatException($"{source}: pieces {Quote.Text(other)} and {Quote.Text(piece)} have the same id {id}");
        _pieces[id] = piece;
    }
}
