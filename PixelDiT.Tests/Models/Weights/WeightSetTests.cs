using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Training;

namespace PixelDiT.Tests.Models.Weights;

/// <summary>Weights are found under whatever path and wrappers a program left them.</summary>
internal sealed class WeightSetTests
{
    private static string Block(string name, string word) => System.Text.RegularExpressions.Regex.Replace(name, @"^((?:patch|pixel)_blocks\.\d+\.)", $"$1{word}.");

    private static string Layer(string name, string word) => name.Insert(name.LastIndexOf('.') + 1, $"{word}.");

    private static IEnumerable<TestCaseData> Spellings()
    {
        static TestCaseData Case(string name, Func<string, string> rename) => new TestCaseData(rename).SetName($"Spelling_{name}");
        foreach (string prefix in (string[])
        [
            "", "model.", "transformer.", "model_state_dict.", "params_ema.", "generator.", "net_g.", "state_dict.", "denoiser.", "model.diffusion_model.", "student.", "_orig_mod.", "module.", "module.module.",
            "_forward_module.model.", "model._orig_mod.module.", "module._orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.", "_fpw_module.", "_ddp.", "_fsdp_wrapped_module._checkpoint_wrapped_module.",
            "pipe.unet.0.", "a.b.c.d.e.", "EMA{'decay': 0.9999}.net.", "Modell größer.", "base_model.model.", "_model.", "score_model.inner_model.", "weights.v2.0.", "x-y.", "._.", "ddp.fsdp.model.", "_module."
        ]) yield return Case($"prefix_{prefix}", name => prefix + name);
        foreach (string word in (string[])["_orig_mod", "module", "_checkpoint_wrapped_module", "_fsdp_wrapped_module", "_fpw_module", "_forward_module", "mod"])
        {
            yield return Case($"blocks_{word}", name => Block(name, word));
            yield return Case($"layers_{word}", name => Layer(name, word));
            yield return Case($"both_{word}", name => $"model.{word}.{Layer(Block(name, "_orig_mod"), word)}");
        }
        yield return Case("block_lists_wrapped", name => name.Replace("_blocks.", "_blocks.module."));
        yield return Case("one_block_compiled", name => name.StartsWith("patch_blocks.1.", StringComparison.Ordinal) ? Block(name, "_orig_mod") : name);
        yield return Case("two_spellings", name => name.StartsWith("patch", StringComparison.Ordinal) ? $"module.{name}" : name);
        yield return Case("no_dots", name => name.Replace(".", ""));
        yield return Case("no_dots_under_a_path", name => $"model_ema.{name.Replace(".", "")}");
        yield return Case("no_dots_behind_a_path", name => $"model_ema.{$"diffusion_model.{name}".Replace(".", "")}");
        yield return Case("no_dots_and_compiled", name => $"model_ema.{$"_orig_mod.{name}".Replace(".", "")}");
        yield return Case("no_dots_and_blocks_compiled", name => $"model_ema.{Block(name, "_orig_mod").Replace(".", "")}");
        yield return Case("underscores", name => $"ema.{name.Replace('.', '_')}");
        yield return Case("slashes", name => $"ema/{name.Replace('.', '/')}");
        yield return Case("dashes", name => name.Replace('.', '-'));
    }

    [TestCaseSource(nameof(Spellings))]
    public void A_spelling_of_names_is_read(Func<string, string> rename)
    {
        Assert.That(SetFiles.Taken(SetFiles.Open(SetFiles.Set(rename, 7)), "ema"), Is.EqualTo(7));
    }

    [TestCase("model_ema.", "model.")]
    [TestCase("model_ema.diffusion_model", "model.diffusion_model.")]
    [TestCase("ema.", "_orig_mod.")]
    public void Names_without_dots_beside_names_with_them_are_another_set(string flat, string dotted)
    {
        int cut = flat.IndexOf('.') + 1;
        IEnumerable<TensorData> tensors =
        [
            .. SetFiles.Set(dotted, 1), .. SetFiles.Set(name => flat[..cut] + (flat[cut..] + name).Replace(".", ""), 2),
            new TensorData(flat[..cut] + "decay", [], [0.999f]), new TensorData(flat[..cut] + "num_updates", [], [5L])
        ];
        Assert.That(SetFiles.Taken(SetFiles.Open(tensors), "ema"), Is.EqualTo(2));
        Assert.That(SetFiles.Taken(SetFiles.Open(tensors), "raw"), Is.EqualTo(1));
        Assert.That(SetFiles.Taken(SetFiles.Open(tensors), dotted), Is.EqualTo(1));
    }

    [TestCase("ema.shadow_params.", "model.")]
    [TestCase("shadow_params.", "")]
    [TestCase("callbacks.EMACallback.ema_weights.", "net.")]
    [TestCase("optimizer_states.0.ema.", "denoiser.")]
    public void A_list_without_names_has_those_of_the_set_with_its_shapes(string list, string dotted)
    {
        IEnumerable<TensorData> tensors = [.. SetFiles.Set(dotted, 1), .. SetFiles.Numbered(list, 2).Reverse(), new TensorData("ema.decay", [1], [0.5f])];
        Assert.That(SetFiles.Taken(SetFiles.Open(tensors), "ema"), Is.EqualTo(2));
        Assert.That(SetFiles.Taken(SetFiles.Open(tensors), "raw"), Is.EqualTo(1));
        Assert.That(SetFiles.Taken(SetFiles.Open(tensors), list), Is.EqualTo(2));
    }

    [Test]
    public void A_list_follows_the_order_of_declaration_where_a_file_has_its_names_in_another()
    {
        var sorted = SetFiles.Set("model.", 1).OrderBy(tensor => tensor.Spec.Name, StringComparer.Ordinal);
        Assert.That(SetFiles.Taken(SetFiles.Open([.. sorted, .. SetFiles.Numbered("shadow.", 2)]), "ema"), Is.EqualTo(2));
    }

    [Test]
    public void An_average_that_cannot_be_read_is_not_passed_over()
    {
        IEnumerable<TensorData>[] averages =
        [
            [.. SetFiles.Numbered("ema.shadow_params.", 2).Skip(1)],
            [new TensorData("ema_flat_params", [1, ModelCost.Parameters(SetFiles.Config)], new float[ModelCost.Parameters(SetFiles.Config)])],
            [.. SetFiles.Set("ema.", 2).Where(tensor => tensor.Spec.Name.Contains("patch_blocks"))]
        ];
        foreach (var average in averages)
        {
            IEnumerable<TensorData> tensors = [.. SetFiles.Set("model.", 1), .. average];
            Assert.That(() => SetFiles.Taken(SetFiles.Open(tensors), "ema"), Throws.TypeOf<FileFormatException>().With.Message.Contains("--weights raw takes model.*"));
            Assert.That(SetFiles.Taken(SetFiles.Open(tensors), "raw"), Is.EqualTo(1));
        }
    }

    [TestCase("feature_ema", 16, 16)]
    [TestCase("feature_ema", 100, 200)]
    [TestCase("fid.avg_features", 16)]
    [TestCase("fid.avg_features", 100_000)]
    [TestCase("ema.teacher_centre", 16, 16)]
    public void An_average_of_other_things_stands_in_no_ones_way(string name, params int[] shape)
    {
        IEnumerable<TensorData> tensors = [.. SetFiles.Set("model.", 1), new(name, [.. shape.Select(size => (long)size)], new float[shape.Aggregate(1, (a, b) => a * b)])];
        Assert.That(SetFiles.Taken(SetFiles.Open(tensors), "ema"), Is.EqualTo(1));
    }

    [Test]
    public void Two_whole_sets_whose_paths_differ_by_wrappers_alone_are_two()
    {
        IEnumerable<TensorData> tensors = [.. SetFiles.Set("model.", 1), .. SetFiles.Set("model._orig_mod.", 2)];
        Assert.That(() => SetFiles.Taken(SetFiles.Open(tensors), "ema"), Throws.TypeOf<FileFormatException>().With.Message.Contains("model.* (raw), model._orig_mod.* (raw)"));
        Assert.That(SetFiles.Taken(SetFiles.Open(tensors), "model."), Is.EqualTo(1));
        Assert.That(SetFiles.Taken(SetFiles.Open(tensors), "model._orig_mod"), Is.EqualTo(2));
    }

    [Test]
    public void One_parameter_twice_is_refused()
    {
        var twice = SetFiles.Set("model.", 1).Append(new TensorData("model.patch_blocks.0._orig_mod.norm1.weight", [16], new float[16]));
        Assert.That(() => SetFiles.Taken(SetFiles.Open(twice), "ema"), Throws.TypeOf<FileFormatException>().With.Message.Contains("are both the same parameter of model.*"));
    }

    [TestCase("s_embedder.proj.weight")]
    [TestCase("pixel_embedder.proj.bias")]
    [TestCase("patch_blocks.1.attn.proj.bias")]
    [TestCase("pixel_blocks.0.attn.qkv.weight")]
    [TestCase("final_layer.norm.weight")]
    [TestCase("y_embedder.embedding_table.weight")]
    public void An_incomplete_set_is_named_with_what_it_lacks(string missing)
    {
        var tensors = SetFiles.Set("net_ema.", 1).Where(tensor => tensor.Spec.Name != "net_ema." + missing);
        Assert.That(() => SetFiles.Taken(SetFiles.Open(tensors), "ema"), Throws.TypeOf<FileFormatException>().With.Message.Contains($"net_ema.{missing} is missing"));
    }

    [Test]
    public void A_parameter_without_values_is_refused_with_the_reason_before_any_is_read()
    {
        const string name = "model.final_layer.norm.weight";
        var tensors = SetFiles.Set("model.", 1).Select(tensor => tensor.Spec.Name == name ? new TensorData(name, tensor.Spec.Shape, new double[tensor.Spec.Count]) : tensor);
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}");
        SetFiles.Write(path, tensors);
        // A complex number has as many bytes as a double.
        byte[] bytes = System.Text.Encoding.Latin1.GetBytes(System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(path)).Replace("\"F64\"", "\"C64\""));
        File.Delete(path);
        using var file = SafetensorsReader.Open(new MemoryStream(bytes), "f");
        Assert.That(() => new StoredModel(file), Throws.TypeOf<FileFormatException>().With.Message.StartsWith($"f: tensor \"{name}\": its type is C64"));
    }

    [TestCase("ema.extra.weight", "ema.")]
    [TestCase("ema.freqs_cis", "ema.")]
    [TestCase("ema.logit_scale", "ema.")]
    [TestCase("freqs_cis", "")]
    [TestCase("module.freqs_cis", "")]
    [TestCase("patch_blocks.0.attn.extra.weight", "")]
    [TestCase("final_layer.extra", "")]
    public void What_stands_among_the_parameters_is_refused_by_name(string name, string prefix)
    {
        bool isScalar = name.EndsWith("scale", StringComparison.Ordinal);
        var tensors = SetFiles.Set(prefix, 1).Append(new TensorData(name, isScalar ? [] : [2L], new float[isScalar ? 1 : 2]));
        Assert.That(() => SetFiles.Taken(SetFiles.Open(tensors), "ema"), Throws.TypeOf<FileFormatException>().With.Message.Contains("is not of this model").And.Message.Contains(name.Replace("module.", "")));
    }

    [TestCase("ema._repa_projector.0.weight", "ema.", null)]
    [TestCase("ema.n_averaged", "ema.", null)]
    [TestCase("ema.decay", "ema.", null)]
    [TestCase("_repa_projector.0.weight", "", null)]
    [TestCase("optimizer.state.0.exp_avg", "", "optimizer.*")]
    [TestCase("opt.0", "", "opt.*")]
    [TestCase("epoch", "", "epoch")]
    [TestCase("loss_fn.lpips.weight", "model.", null)]
    [TestCase("rng_state", "model.", null)]
    [TestCase("rng_state", "module.", null)]
    [TestCase("swa.n_averaged", "swa.module.", null)]
    public void What_stands_beside_the_parameters_is_left_aside(string name, string prefix, string? said)
    {
        using var model = new StoredModel(SetFiles.Open(SetFiles.Set(prefix, 1).Append(new TensorData(name, [name == "rng_state" ? 5 : 1], new float[name == "rng_state" ? 5 : 1]))), WeightChoice.Ema);
        Assert.That(model.Info.Remarks, Is.EqualTo(said is null ? Array.Empty<string>() : [$"f: left aside beside the model: {said}"]));
    }

    [Test]
    public void Many_sets_and_many_names_are_sorted_out_at_once()
    {
        // A hostile file: each tensor begins a set of its own, or a list; looking at every pair would take minutes.
        IEnumerable<TensorData> tensors =
        [
            .. Enumerable.Range(0, 10_000).Select(i => new TensorData($"a{i}.s_embedder.proj.weight", [1], [1f])), .. Enumerable.Range(0, 10_000).Select(i => new TensorData($"{i}.s_embedderprojweight", [1], [1f])),
            .. Enumerable.Range(0, 10_000).Select(i => new TensorData($"list{i / 2}.{i % 2}", [1], [1f]))
        ];
        using var file = SetFiles.Open(tensors);
        Assert.That(WeightSets.Find(file).All, Has.Count.EqualTo(20_000));
        Assert.That(() => WeightMap.Find(file, WeightChoice.Ema), Throws.TypeOf<FileFormatException>().With.Message.Length.LessThan(1000));
    }
}
