using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using static PixelDiT.Tests.Formats.Torch.PickleCalls;

namespace PixelDiT.Tests.Formats.Torch;

// Inside the namespace, so that Text is the method and not the neighbouring folder.
using static PixelDiT.Tests.Formats.Torch.PickleBytes;

/// <summary>What checkpoints hold beside plain tensors in plain dicts: parameters, dicts of other classes, whole objects, shared values. Tensors in them are found, or named with the reason they are not read.</summary>
public class TorchObjectTests
{
    private static readonly double[] s_values = [0, 1, 2, 3, 4, 5];
    private static readonly byte[] s_tensor = Tensor("FloatStorage", "0", 6, 0, [2, 3], [3, 1]), s_hooks = Call("collections.OrderedDict");

    private static IWeightFile Open(byte[] root, params byte[] more)
        => WeightFile.Open(new MemoryStream(Archive(Join(0x80, 2, root, '.'), ("0", [.. s_values.SelectMany(value => BitConverter.GetBytes((float)value))]), ("1", more))), "f");

    /// <summary>Ways of storing the one tensor, with the name under which it is found.</summary>
    private static IEnumerable<TestCaseData> Readable()
    {
        TestCaseData Case(string name, byte[] root, string tensor = "w") => new TestCaseData(root, tensor).SetArgDisplayNames(name);
        byte[] Of(byte[] value) => DictOf(("w", value));
        yield return Case("parameter", Of(Call("torch._utils._rebuild_parameter", s_tensor, True, s_hooks)));
        yield return Case("parameter with state", Of(Call("torch._utils._rebuild_parameter_with_state", s_tensor, True, s_hooks, DictOf(("tag", True)))));
        yield return Case("class Parameter called", Of(Call("torch.nn.parameter.Parameter", s_tensor, True)));
        yield return Case("class Parameter made and built", Of(Build(New("torch.nn.parameter.Parameter", s_tensor, True), TupleOf(True, s_hooks))));
        yield return Case("class Buffer", Of(Call("torch.nn.parameter.Buffer", s_tensor, True)));
        yield return Case("parameter of version 3", Of(Call("torch._utils._rebuild_parameter", Tensor3(Storage("UntypedStorage", "0", 24, "torch.storage"), "float32", 0, [2, 3], [3, 1]), True, s_hooks)));
        yield return Case("version 3 of a typed storage", Of(Tensor3(Storage("FloatStorage", "0", 6), "float32", 0, [2, 3], [3, 1])));
        yield return Case("version 3 of bytes", Of(Tensor3(Storage("ByteStorage", "0", 24), "float32", 0, [2, 3], [3, 1])));
        yield return Case("from another device", Of(Call("torch._utils._rebuild_device_tensor_from_cpu_tensor", s_tensor, Global("torch.float32"), Text("xla:0"), False)));
        yield return Case("from another device by NumPy", Of(Call("torch._utils._rebuild_device_tensor_from_numpy", Array(Dtype("f4"), [2, 3], false, OldBytes(Floats())), Global("torch.float32"), Text("xpu"), False)));
        yield return Case("of a subclass", Of(Call("torch._tensor._rebuild_from_type_v2", Global("torch._utils._rebuild_tensor_v2"), Global("torchvision.tv_tensors.Image"),
            TupleOf(Storage("FloatStorage", "0", 6), Number(0), Tuple(2, 3), Tuple(3, 1), False, s_hooks), DictOf(("note", True)))));
        yield return Case("of an old subclass", Of(Call("torch.tensor._rebuild_from_type", Global("torch._utils._rebuild_tensor_v2"), Global("m.T"), TupleOf(Storage("FloatStorage", "0", 6), Number(0), Tuple(2, 3), Tuple(3, 1)), None)));
        yield return Case("a wrapper around all of it", Of(Call("torch._tensor._rebuild_from_type_v2", Global("torch._utils._rebuild_wrapper_subclass"), Global("torch.distributed.tensor.DTensor"),
            TupleOf(Global("torch.distributed.tensor.DTensor"), Global("torch.float32"), Tuple(2, 3)), TupleOf(None, DictOf(("_local_tensor", s_tensor), ("_spec", New("m.Spec")))))));
        yield return Case("OrderedDict of pairs in lists", Call("collections.OrderedDict", ListOf(ListOf(Text("w"), s_tensor), ListOf(Text("epoch"), Number(3)))));
        yield return Case("OrderedDict of pairs in tuples", Call("collections.OrderedDict", ListOf(TupleOf(Text("w"), s_tensor))));
        yield return Case("OrderedDict of a dict", Call("collections.OrderedDict", Of(s_tensor)));
        yield return Case("OrderedDict made and filled", SetItems(New("collections.OrderedDict"), ("w", s_tensor)));
        yield return Case("defaultdict", SetItems(Call("collections.defaultdict", Global("builtins.list")), ("w", s_tensor)));
        yield return Case("defaultdict without a default", SetItems(Call("collections.defaultdict", None), ("w", s_tensor)));
        yield return Case("defaultdict of a partial", SetItems(Call("collections.defaultdict", Call("functools.partial", Global("m.f"))), ("w", s_tensor)));
        yield return Case("Counter", Call("collections.Counter", Of(s_tensor)));
        yield return Case("a class of its own, called with a dict", Call("mmengine.config.config.ConfigDict", Of(s_tensor)));
        yield return Case("a class of its own, filled", SetItems(New("easydict.EasyDict"), ("w", s_tensor)));
        yield return Case("a class of its own, filled and built", Build(SetItems(New("easydict.EasyDict"), ("w", s_tensor)), Of(s_tensor)));
        yield return Case("attributes", Build(New("argparse.Namespace"), Of(s_tensor)));
        yield return Case("slots", Build(New("m.Slotted"), TupleOf(None, Of(s_tensor))));
        yield return Case("attributes and slots", Build(New("m.Slotted"), TupleOf(DictOf(("a", True)), Of(s_tensor))));
        yield return Case("a wrapped dict", Build(New("collections.UserDict"), DictOf(("data", Of(s_tensor)))), "data.w");
        yield return Case("an object rebuilt by copyreg", Call("copyreg._reconstructor", Global("m.D"), Global("builtins.dict"), Of(s_tensor)));
        yield return Case("a dict in an object in a dict", DictOf(("ema", Build(New("m.Average"), DictOf(("shadow", Of(s_tensor)))))), "ema.shadow.w");
        yield return Case("a root list", ListOf(Number(7), Of(s_tensor)), "1.w");
        yield return Case("a root tuple", TupleOf(Number(7), Of(s_tensor)), "1.w");
        yield return Case("a set of tensors", DictOf(("s", Join(0x8F, '(', s_tensor, 0x90))), "s.0");
        yield return Case("a storage alone", Of(Storage("FloatStorage", "0", 6)));
        yield return Case("a key that is a class", DictOf((Global("m.K"), s_tensor)), "m.K");
        yield return Case("a key that is None", DictOf((None, s_tensor)), "None");
        yield return Case("a state dict beside a counter", DictOf(("state_dict", Of(s_tensor)), ("epoch", Number(1))));
        yield return Case("a state dict beside what has its names", DictOf(("state_dict", DictOf(("ema.w", s_tensor))), ("ema", DictOf(("v", s_tensor)))), "state_dict.ema.w");
        yield return Case("a tensor beside a state dict", DictOf(("state_dict", DictOf(("v", s_tensor))), ("w", s_tensor)), "(top).w");
        yield return Case("an average beside a state dict", DictOf(("state_dict", DictOf(("v", s_tensor))), ("callbacks", DictOf(("EMA", Of(s_tensor))))), "callbacks.EMA.w");
        yield return Case("a state dict that is an object", DictOf(("state_dict", SetItems(New("m.D"), ("w", s_tensor)))));
    }

    private static byte[] Floats() => [.. s_values.SelectMany(value => BitConverter.GetBytes((float)value))];

    [TestCaseSource(nameof(Readable))]
    public void A_tensor_is_found_whatever_it_is_stored_in(byte[] root, string name)
    {
        using var file = Open(root);
        Assert.That(file.Tensors.Select(tensor => tensor.Name), Does.Contain(name));
        Assert.That(file[name].Unreadable, Is.Null);
        Assert.That(file.ReadDoubles(name), Is.EqualTo(s_values));
    }

    /// <summary>Tensors that cannot be read, with their types and shapes as far as they are known and the reasons.</summary>
    private static IEnumerable<TestCaseData> NotReadable()
    {
        TestCaseData Case(string name, byte[] tensor, string type, long[] shape, string reason) => new TestCaseData(tensor, type, shape, reason).SetArgDisplayNames(name);
        yield return Case("complex", Tensor("ComplexFloatStorage", "1", 3, 0, [3], [1]), "C64", [3], "its type is C64");
        yield return Case("complex of doubles", Tensor("ComplexDoubleStorage", "1", 1, 0, [1], [1]), "C128", [1], "its type is C128");
        yield return Case("8-bit floats", Tensor3(Storage("UntypedStorage", "1", 24, "torch.storage"), "float8_e4m3fn", 0, [2, 3], [3, 1]), "F8_E4M3", [2, 3], "its type is F8_E4M3");
        yield return Case("8-bit floats of the other kind", Tensor3(Storage("UntypedStorage", "1", 24, "torch.storage"), "float8_e5m2fnuz", 0, [24], [1]), "F8_E5M2FNUZ", [24], "its type is");
        yield return Case("complex halves", Tensor3(Storage("UntypedStorage", "1", 24, "torch.storage"), "complex32", 0, [6], [1]), "C32", [6], "its type is C32");
        yield return Case("a dtype of the future", Tensor3(Storage("UntypedStorage", "1", 24, "torch.storage"), "float4_e2m1fn_x2", 0, [6], [1]), "torch.float4_e2m1fn_x2", [6], "torch.float4_e2m1fn_x2");
        yield return Case("a storage of the future", Tensor("Posit16Storage", "1", 12, 0, [12], [1]), "torch.Posit16Storage", [12], "torch.Posit16Storage");
        yield return Case("quantized", Call("torch._utils._rebuild_qtensor", Storage("QInt8Storage", "1", 24), Number(0), Tuple(4, 6), Tuple(6, 1), TupleOf(Global("torch.per_tensor_affine")), False, s_hooks), "QInt8", [4, 6], "it is quantized");
        yield return Case("a quantized storage", Tensor("QUInt8Storage", "1", 24, 0, [24], [1]), "QUInt8", [24], "its type is QUInt8");
        yield return Case("sparse", Call("torch._utils._rebuild_sparse_tensor", Global("torch.sparse_coo"), TupleOf(Tensor("LongStorage", "1", 3, 0, [1, 3], [3, 1]), s_tensor, Call("torch.Size", Tuple(9)), False)), "F32", [9], "it is sparse");
        yield return Case("nested", Call("torch._utils._rebuild_nested_tensor", s_tensor, s_tensor, s_tensor, s_tensor), "F32", [], "it is nested");
        yield return Case("meta", Call("torch._utils._rebuild_meta_tensor_no_storage", Global("torch.bfloat16"), Tuple(5, 7), Tuple(7, 1), False), "BF16", [5, 7], "device \"meta\"");
        yield return Case("uninitialised", Call("torch.nn.parameter.UninitializedParameter", False, Text("cpu"), Global("torch.float32")), "F32", [], "before it was given a shape");
        yield return Case("a part of a distributed tensor", Call("torch._tensor._rebuild_from_type_v2", Global("torch._utils._rebuild_wrapper_subclass"), Global("torch.distributed.tensor.DTensor"),
            TupleOf(Global("torch.distributed.tensor.DTensor"), Global("torch.float32"), Tuple(8, 3)), TupleOf(None, DictOf(("_local_tensor", s_tensor)))), "F32", [8, 3], "torch.distributed.tensor.DTensor");
        yield return Case("a quantized wrapper of two tensors", Call("torch._tensor._rebuild_from_type_v2", Global("torch._utils._rebuild_wrapper_subclass"), Global("torchao.Quantized"),
            TupleOf(Global("torchao.Quantized"), Global("torch.float32"), Tuple(2, 3)), DictOf(("data", s_tensor), ("scale", s_tensor))), "F32", [2, 3], "holds 2 tensors");
        yield return Case("a wrapper without content", Call("torch._utils._rebuild_wrapper_subclass", Global("m.W"), Global("torch.float16"), Tuple(3)), "F16", [3], "stores in parts");
        yield return Case("a function of the future", Call("torch._utils._rebuild_packed_tensor", s_tensor), "unknown", [], "\"torch._utils._rebuild_packed_tensor\"");
        yield return Case("a parameter of nothing", Call("torch._utils._rebuild_parameter", None, True, s_hooks), "unknown", [], "in a way that is not read");
        yield return Case("unknown arguments", Call("torch._utils._rebuild_tensor_v2", Storage("FloatStorage", "0", 6), Text("0")), "unknown", [], "unknown arguments");
        yield return Case("a call of its own", Call("m.make", s_tensor, Number(1)), "unknown", [], "class \"m.make\", which was made from tensors");
        yield return Case("a call with tensors inside lists", Call("m.make", Number(1), ListOf(TupleOf(s_tensor))), "unknown", [], "made from tensors");
        yield return Case("an object with a tensor for its state", Build(New("m.Opaque"), s_tensor), "unknown", [], "made from tensors");
        yield return Case("an object of a storage", Call("m.make", Storage("FloatStorage", "0", 6)), "unknown", [], "made from tensors");
        yield return Case("an object of an object of a tensor", Call("m.outer", Call("m.inner", s_tensor)), "unknown", [], "\"m.outer\"");
        yield return Case("a masked array", Build(Call("numpy.ma.core._mareconstruct", Global("numpy.ma.core.MaskedArray"), Global("numpy.ndarray"), Tuple(0), Text("b")), TupleOf(Number(1), Tuple(3), Dtype("f4"), False, Text("abcd"))), "unknown", [], "masked");
    }

    [TestCaseSource(nameof(NotReadable))]
    public void A_tensor_that_cannot_be_read_is_listed_and_refused_by_name(byte[] tensor, string type, long[] shape, string reason)
    {
        using var file = Open(DictOf(("odd", tensor), ("w", s_tensor)), new byte[24]);
        Assert.That(file.ReadDoubles("w"), Is.EqualTo(s_values), "what stands beside it is read");
        Assert.That((file["odd"].TypeName, file["odd"].Shape), Is.EqualTo((type, shape)));
        Assert.That(file["odd"].Unreadable, Does.Contain(reason));
        Assert.That(() => file.ReadDoubles("odd"), Throws.TypeOf<FileFormatException>().With.Message.StartsWith("f: tensor \"odd\": ").And.Message.Contains(reason));
    }

    [Test]
    public void A_dict_under_two_names_is_listed_under_both()
    {
        using var file = Open(Join("}(", Text("model"), DictOf(("w", s_tensor)), "q", 0, Text("ema"), "h", 0, "u"));
        Assert.That(file.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "model.w", "ema.w" }));
        Assert.That(file.ReadDoubles("ema.w"), Is.EqualTo(file.ReadDoubles("model.w")));
    }

    [Test]
    public void A_dict_within_a_circle_is_listed_from_where_it_is_met()
    {
        // a holds b, b holds a and w; the root holds both.
        byte[] root = Join("}(", Text("a"), "}q", 0, "(", Text("b"), "}q", 1, "(", Text("a"), "h", 0, Text("w"), s_tensor, "uu", Text("b"), "h", 1, "u");
        using var file = Open(root);
        Assert.That(file.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "a.b.w", "b.w" }));
    }

    [Test]
    public void A_module_is_listed_as_its_state_dict_would_be()
    {
        byte[] Module(string type, byte[] parameters, byte[] buffers, byte[] modules, params string[] dropped) => Build(New(type), DictOf(("training", True), ("_parameters", parameters), ("_buffers", buffers),
            ("_non_persistent_buffers_set", Call("builtins.set", ListOf([.. dropped.Select(Text)]))), ("cache", s_tensor), ("_modules", modules)));
        byte[] inner = Module("torch.nn.modules.linear.Linear", DictOf(("weight", s_tensor), ("bias", None)), s_hooks, s_hooks);
        byte[] outer = Module("__main__.Net", s_hooks, DictOf(("running", s_tensor), ("table", s_tensor)), DictOf(("proj", inner)), "table");
        using var file = Open(DictOf(("ema", outer), ("epoch", Number(2))));
        Assert.That(file.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "ema.running", "ema.proj.weight" }));
        Assert.That(file.Notes, Has.One.Contains("objects of other programs' classes").And.One.Contains("ema"));
        using var alone = Open(outer);
        Assert.That(alone.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "running", "proj.weight" }), "a whole model, saved without a dict");
    }

    [TestCase("N", "a single value")]
    [TestCase("K\x07", "a single value")]
    [TestCase("]", "a list")]
    [TestCase("c__main__\nNet\n)R", "an object of class \"__main__.Net\"")]
    public void A_root_without_tensors_is_refused_by_what_it_is(string root, string fragment)
        => Assert.That(() => Open(Join(root)), Throws.TypeOf<FileFormatException>().With.Message.Contains($"holds {fragment}").And.Message.Contains("a state dict"));

    [Test]
    public void Types_beyond_those_of_old_storages_are_read()
    {
        using var file = Open(DictOf(("u16", Tensor3(Storage("UntypedStorage", "1", 8, "torch.storage"), "uint16", 1, [3], [1])), ("u32", Tensor3(Storage("UntypedStorage", "1", 8, "torch.storage"), "uint32", 0, [2], [1])),
            ("u64", Tensor3(Storage("UntypedStorage", "1", 8, "torch.storage"), "uint64", 0, [], []))), 1, 0, 2, 0, 3, 0, 255, 255);
        Assert.That(file.ReadDoubles("u16"), Is.EqualTo(new double[] { 2, 3, 65535 }));
        Assert.That(file.ReadDoubles("u32"), Is.EqualTo(new double[] { 131073, 4294901763 }));
        Assert.That(file.ReadDoubles("u64"), Is.EqualTo(new[] { (double)0xFFFF000300020001 }));
        Assert.That(file.Tensors.Select(tensor => tensor.TypeName), Is.EqualTo(new[] { "U16", "U32", "U64" }));
    }

    [Test]
    public void A_class_stored_with_its_source_is_a_name()
    {
        byte[] made = Join('(', Text("module"), Global("__main__.Net"), Text("net.py"), Text("class Net: pass"), "tQ");
        using var file = Open(DictOf(("net", Build(Join(made, ')', 0x81), DictOf(("w", s_tensor)))), ("v", s_tensor)));
        Assert.That(file.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "net.w", "v" }));
    }
}
