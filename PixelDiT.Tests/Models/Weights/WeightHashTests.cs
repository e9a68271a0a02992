using System.Security.Cryptography;
using System.Text;
using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Formats.Torch;

namespace PixelDiT.Tests.Models.Weights;

/// <summary>One name for the same weights, wherever they are stored.</summary>
internal sealed class WeightHashTests
{
    [Test]
    public void The_hash_is_over_names_shapes_and_values_in_order()
    {
        using var device = Device.Open("cpu", 1);
        using var small = new SmallModel(device, SmallModel.Config()).Fill();
        var bytes = new MemoryStream();
        foreach (var (name, shape) in ModelCost.Shapes(small.Model.Config))
        {
            bytes.Write(Encoding.UTF8.GetBytes($"{name} {string.Join("x", shape)}\n"));
            foreach (float value in small.Model.Parameters[name].Value.ToArray()) bytes.Write(BitConverter.GetBytes(value));
        }
        Assert.That(WeightHash.Of(small.Model), Is.EqualTo(Convert.ToHexStringLower(SHA256.HashData(bytes.ToArray()))));
    }

    [Test]
    public void The_same_weights_have_one_hash_in_every_format_and_others_another()
    {
        using var folder = new TemporaryFolder();
        using var device = Device.Open("cpu", 1);
        string safetensors = Path.Combine(folder.Path, "model.safetensors"), rounded = Path.Combine(folder.Path, "rounded.safetensors");
        using (var stored = StoredModel.Open(GoldenCheckpointTests.PathOf("lightning.ckpt")))
        {
            stored.WriteTo(safetensors, DataType.F32);
            stored.WriteTo(rounded, DataType.BF16);
        }
        string[] same = [Hash("lightning.ckpt"), Hash("bare_state_dict.pt"), Hash("legacy_format.pt"), Hash(safetensors), HashOfModel(safetensors), HashOfModel(GoldenCheckpointTests.PathOf("lightning.ckpt"))];
        Assert.That(same.Distinct().ToArray(), Has.Length.EqualTo(1));
        Assert.That((string[])[Hash(rounded), Hash("lightning.ckpt", WeightChoice.Raw), same[0]], Is.Unique);

        string HashOfModel(string path)
        {
            var (model, _) = Checkpoint.LoadModel(path, device);
            using (model) return WeightHash.Of(model);
        }
    }

    private static string Hash(string name, WeightChoice? choice = null)
    {
        using var stored = StoredModel.Open(File.Exists(name) ? name : GoldenCheckpointTests.PathOf(name), choice);
        return stored.Hash();
    }
}
