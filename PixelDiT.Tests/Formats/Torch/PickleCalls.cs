namespace PixelDiT.Tests.Formats.Torch;

// Inside the namespace, so that Text is the method and not the neighbouring folder.
using static PixelDiT.Tests.Formats.Torch.PickleBytes;

/// <summary>Writes the calls of Python pickles: classes, functions, tensors of other kinds than plain ones, NumPy's arrays.</summary>
internal static class PickleCalls
{
    public static readonly byte[] True = [0x88], False = [0x89], None = [(byte)'N'];

    /// <summary>A class or function, by its module and name with a dot before the name.</summary>
    public static byte[] Global(string path) => Join($"c{path[..path.LastIndexOf('.')]}\n{path[(path.LastIndexOf('.') + 1)..]}\n");

    public static byte[] TupleOf(params byte[][] items) => Join('(', Join([.. items]), 't');

    public static byte[] ListOf(params byte[][] items) => Join("](", Join([.. items]), 'e');

    public static byte[] DictOf(params (byte[] Key, byte[] Value)[] items) => Join("}(", Join([.. items.Select(item => Join(item.Key, item.Value))]), 'u');

    public static byte[] DictOf(params (string Key, byte[] Value)[] items) => DictOf([.. items.Select(item => (Text(item.Key), item.Value))]);

    public static byte[] Call(string function, params byte[][] arguments) => Join(Global(function), TupleOf(arguments), 'R');

    /// <summary>An object made without a call of its class's own.</summary>
    public static byte[] New(string type, params byte[][] arguments) => Join(Global(type), TupleOf(arguments), 0x81);

    public static byte[] Build(byte[] made, byte[] state) => Join(made, state, 'b');

    public static byte[] SetItems(byte[] made, params (string Key, byte[] Value)[] items) => Join(made, '(', Join([.. items.Select(item => Join(Text(item.Key), item.Value))]), 'u');

    public static byte[] Storage(string type, string key, long count, string module = "torch") => Join('(', Text("storage"), $"c{module}\n{type}\n", Text(key), Text("cpu"), Number(count), "tQ");

    /// <summary>A tensor of version 3, which tells its type beside its storage.</summary>
    public static byte[] Tensor3(byte[] storage, string dtype, long offset, long[] shape, long[] strides)
        => Call("torch._utils._rebuild_tensor_v3", storage, Number(offset), Tuple(shape), Tuple(strides), False, Call("collections.OrderedDict"), Global($"torch.{dtype}"));

    /// <summary>NumPy's type of an element as protocol 2 writes it.</summary>
    public static byte[] Dtype(string code, string order = "<") => Build(Call("numpy.dtype", Text(code), False, True), TupleOf(Number(3), Text(order), None, None, None, Number(-1), Number(-1), Number(0)));

    /// <summary>Bytes as protocol 2 writes them: a text of Latin-1.</summary>
    public static byte[] OldBytes(byte[] bytes)
    {
        byte[] text = System.Text.Encoding.UTF8.GetBytes(System.Text.Encoding.Latin1.GetString(bytes));
        return Call("_codecs.encode", Join('X', I32(text.Length), text), Text("latin1"));
    }

    /// <summary>A NumPy array.</summary>
    /// <param name="dtype">What <see cref="Dtype"/> gives.</param>
    /// <param name="shape">The sizes.</param>
    /// <param name="fortran">Whether the first index runs fastest.</param>
    /// <param name="data">The opcodes of its bytes.</param>
    /// <param name="module">Where the function lies, which NumPy 2 moved.</param>
    public static byte[] Array(byte[] dtype, long[] shape, bool fortran, byte[] data, string module = "numpy.core.multiarray")
        => Build(Call($"{module}._reconstruct", Global("numpy.ndarray"), Tuple(0), OldBytes([(byte)'b'])), TupleOf(Number(1), Tuple(shape), dtype, fortran ? True : False, data));
}
