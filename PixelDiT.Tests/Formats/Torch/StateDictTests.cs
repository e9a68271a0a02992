using NUnit.Framework;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Tests.Formats.Torch;

// Inside the namespace, so that Text is the method and not the neighbouring folder.
using static PixelDiT.Tests.Formats.Torch.PickleBytes;

/// <summary>A top-level state_dict gives its tensors under its own names; those beside it are not lost.</summary>
internal sealed class StateDictTests
{
    private static byte[] Scalar(int storage) => Tensor("FloatStorage", $"{storage}", 1, 0, [1], [1]);

    private static byte[] Nested(params (string Key, byte[] Value)[] entries) => Join("}(", Join([.. entries.Select(entry => Join(Text(entry.Key), entry.Value))]), "u");

    private static string[] Names(params (string Key, byte[] Value)[] entries)
    {
        var storages = Enumerable.Range(0, 3).Select(i => ($"{i}", BitConverter.GetBytes((float)i)));
        using var file = WeightFile.Open(new MemoryStream(Archive(Dict(entries), [.. storages])), "f");
        return [.. file.Tensors.Select(tensor => $"{tensor.Name}={file.ReadDoubles(tensor.Name)[0]}")];
    }

    [Test]
    public void Tensors_beside_a_state_dict_stand_under_their_paths_behind_its_own()
        => Assert.That(Names(("ema", Nested(("w", Scalar(1)))), ("state_dict", Nested(("w", Scalar(0)))), ("opt", Join("](", Scalar(2), "e"))), Is.EqualTo((string[])["w=0", "ema.w=1", "opt.0=2"]));

    [Test]
    public void A_state_dict_keeps_its_own_name_where_its_names_begin_as_others_do()
        => Assert.That(Names(("state_dict", Nested(("ema.w", Scalar(0)))), ("ema", Nested(("w", Scalar(1))))), Is.EqualTo((string[])["state_dict.ema.w=0", "ema.w=1"]));

    [Test]
    public void A_state_dict_that_is_no_dict_is_a_name_like_others()
        => Assert.That(Names(("state_dict", Scalar(0)), ("w", Scalar(1))), Is.EqualTo((string[])["state_dict=0", "w=1"]));

    [Test]
    public void A_tensor_beside_a_state_dict_is_not_taken_for_one_of_its_own()
        => Assert.That(Names(("state_dict", Nested(("w", Scalar(0)))), ("rng_state", Scalar(1))), Is.EqualTo((string[])["w=0", "(top).rng_state=1"]));
}
