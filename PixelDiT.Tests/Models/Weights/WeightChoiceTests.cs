using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Training;

namespace PixelDiT.Tests.Models.Weights;

/// <summary>Which of several sets is taken, and that nothing raw, and no optimizer's state, is taken without a word.</summary>
internal sealed class WeightChoiceTests
{
    [TestCase("ema")]
    [TestCase("model_ema")]
    [TestCase("ema_model")]
    [TestCase("params_ema")]
    [TestCase("state_dict_ema")]
    [TestCase("model_ema1")]
    [TestCase("ema_0.9999")]
    [TestCase("emas.0")]
    [TestCase("EMA")]
    [TestCase("netEMA")]
    [TestCase("EMAModel")]
    [TestCase("ModelEmaV2")]
    [TestCase("modelema")]
    [TestCase("emamodel")]
    [TestCase("AveragedModel")]
    [TestCase("averaged_model")]
    [TestCase("model_avg")]
    [TestCase("swa_model")]
    [TestCase("ema.shadow")]
    [TestCase("shadow")]
    [TestCase("polyak")]
    [TestCase("smoothed-weights")]
    [TestCase("student_ema")]
    [TestCase("ema_student")]
    [TestCase("ema.model")]
    [TestCase("ema.student")]
    [TestCase("optimizer.ema")]
    [TestCase("callbacks.EMA{'decay': 0.99}.state")]
    [TestCase("running_average")]
    [TestCase("EMAs")]
    [TestCase("EMAmodel")]
    [TestCase("EMAnet")]
    [TestCase("EMAweights")]
    [TestCase("EMAstates")]
    [TestCase("netEMAparams")]
    [TestCase("ema_v2")]
    [TestCase("momentum_model")]
    public void A_path_says_that_its_weights_are_averaged(string path) => Assert.That(WeightKinds.Of(path, _ => false), Is.EqualTo(WeightKind.Averaged));

    [TestCase("")]
    [TestCase("model")]
    [TestCase("schema")]
    [TestCase("emanuel")]
    [TestCase("cinema_model")]
    [TestCase("lemma")]
    [TestCase("swap")]
    [TestCase("swan")]
    [TestCase("student")]
    [TestCase("teacher")]
    [TestCase("online_model")]
    [TestCase("ema.online_model")]
    [TestCase("ema.backup")]
    [TestCase("ema.collected_params")]
    [TestCase("non_ema")]
    [TestCase("no_ema_model")]
    [TestCase("model_without_ema")]
    [TestCase("raw")]
    [TestCase("ema_raw")]
    [TestCase("ema_off")]
    [TestCase("ema_disabled")]
    [TestCase("model_wo_ema")]
    [TestCase("backup_before_ema")]
    [TestCase("not_the_ema")]
    [TestCase("average_pool")]
    [TestCase("avg_pool")]
    [TestCase("loss_avg")]
    [TestCase("shadow_mapper")]
    [TestCase("remake")]
    [TestCase("first")]
    [TestCase("first_stage_model")]
    [TestCase("optional")]
    [TestCase("gradual")]
    public void A_path_says_nothing_of_an_average(string path) => Assert.That(WeightKinds.Of(path, _ => false), Is.EqualTo(WeightKind.Raw));

    [TestCase("exp_avg", WeightKind.OptimizerState)]
    [TestCase("exp_avg_sq", WeightKind.OptimizerState)]
    [TestCase("exp_avg_res_row", WeightKind.OptimizerState)]
    [TestCase("RMS", WeightKind.OptimizerState)]
    [TestCase("optimizer.square_avg", WeightKind.OptimizerState)]
    [TestCase("opt.momentum_buffer", WeightKind.OptimizerState)]
    [TestCase("optimizer_states.0.state", WeightKind.OptimizerState)]
    [TestCase("AdamW.moments", WeightKind.OptimizerState)]
    [TestCase("ema.optimizer", WeightKind.OptimizerState)]
    [TestCase("avg_sq", WeightKind.OptimizerState)]
    [TestCase("ema_sq", WeightKind.OptimizerState)]
    [TestCase("ema_m", WeightKind.OptimizerState)]
    [TestCase("adam_ema_m", WeightKind.OptimizerState)]
    [TestCase("ema_v", WeightKind.OptimizerState)]
    [TestCase("ema_momentum", WeightKind.OptimizerState)]
    [TestCase("ema_variance", WeightKind.OptimizerState)]
    [TestCase("var_ema", WeightKind.OptimizerState)]
    [TestCase("hessian_ema", WeightKind.OptimizerState)]
    [TestCase("ema_optimizer", WeightKind.OptimizerState)]
    [TestCase("ema_of_gradients", WeightKind.OptimizerState)]
    [TestCase("optimizer.avg", WeightKind.OptimizerState)]
    [TestCase("optim_state.average", WeightKind.OptimizerState)]
    [TestCase("grad.param", WeightKind.Gradients)]
    [TestCase("gradients", WeightKind.Gradients)]
    public void A_path_says_that_its_numbers_are_no_weights(string path, WeightKind kind) => Assert.That(WeightKinds.Of(path, _ => false), Is.EqualTo(kind));

    [TestCase("first", "second")]
    [TestCase("adam.m", "adam.v")]
    [TestCase("mu", "nu")]
    public void Moments_are_known_in_pairs(string first, string second)
    {
        foreach (string path in (string[])[first, second]) Assert.That(WeightKinds.Of(path, other => other == first || other == second), Is.EqualTo(WeightKind.OptimizerState));
    }

    /// <summary>Sets in the order of a file; what each choice takes, by the set's place from 0, or a word of the refusal.</summary>
    [TestCase("model. ema.", 1, 0)]
    [TestCase("ema. model.", 0, 1)]
    [TestCase("params. params_ema.", 1, 0)]
    [TestCase(". state_dict_ema.", 1, 0)]
    [TestCase("model._orig_mod. ema.", 1, 0)]
    [TestCase("model.module. ema.module.", 1, 0)]
    [TestCase("online_model. ema_model.", 1, 0)]
    [TestCase("ema.online_model. ema.ema_model.", 1, 0)]
    [TestCase("ema.shadow. ema.backup.", 0, 1)]
    [TestCase("model. model_ema1. model_ema2.", 1, 0)]
    [TestCase("param. first. second. ema.", 3, 0)]
    [TestCase("model. exp_avg. exp_avg_sq.", 0, 0)]
    [TestCase("model. optimizer.momentum.", 0, 0)]
    [TestCase("model.", 0, 0)]
    [TestCase(".", 0, 0)]
    [TestCase("student. teacher.", "none of them averaged", "not averaged")]
    [TestCase("model. net.", "none of them averaged", "not averaged")]
    [TestCase(". model.", "none of them averaged", "not averaged")]
    [TestCase("model_ema. student. teacher.", 0, "not averaged")]
    [TestCase("ema.", 0, "averaged weights only")]
    [TestCase("ema. swa.", 0, "averaged weights only")]
    [TestCase("ema. exp_avg.", 0, "averaged weights only")]
    [TestCase("exp_avg. exp_avg_sq.", "no weights of a PixelDiT", "no weights of a PixelDiT")]
    [TestCase("grad.param.", "no weights of a PixelDiT", "no weights of a PixelDiT")]
    [TestCase("schema. emanuel.", "none of them averaged", "not averaged")]
    [TestCase("best_model. last_model. ema_model.", 2, "not averaged")]
    public void A_choice_takes_one_set_or_lists_them(string sets, object averaged, object raw)
    {
        string[] prefixes = [.. sets.Split(' ').Select(prefix => prefix == "." ? "" : prefix)];
        SafetensorsReader Open() => SetFiles.Open(prefixes.SelectMany((prefix, i) => SetFiles.Set(prefix, i)));
        foreach (var (choice, expected) in new[] { ("ema", averaged), ("raw", raw) })
        {
            if (expected is int place) Assert.That(SetFiles.Taken(Open(), choice), Is.EqualTo(place), choice);
            else Assert.That(() => SetFiles.Taken(Open(), choice), Throws.TypeOf<FileFormatException>().With.Message.Contains((string)expected), choice);
        }
        for (int i = 0; i < prefixes.Length; i++)
        {
            // A set can be named by its path alone, with a dot, and as a list shows it.
            string path = prefixes[i].TrimEnd('.');
            string[] spelled = path is "" or "ema" or "raw" ? [$"{path}.", $"{path}.*"] : [path, $"{path}.", $"{path}.*"];
            foreach (string choice in spelled) Assert.That(SetFiles.Taken(Open(), choice), Is.EqualTo(i), choice);
        }
    }

    [TestCase("callbacks.EMA.state_dict_ema", 1)]
    [TestCase("state_dict_ema", 1)]
    [TestCase("EMA.state_dict_ema.", 1)]
    [TestCase("state_dict_ema.denoiser", 1)]
    [TestCase("net", 2)]
    public void A_part_of_a_path_is_enough_where_it_is_in_one_set(string choice, int place)
        => Assert.That(SetFiles.Taken(SetFiles.Open([.. SetFiles.Set("denoiser.", 0), .. SetFiles.Set("callbacks.EMA.state_dict_ema.denoiser.", 1), .. SetFiles.Set("other.net.", 2)]), choice), Is.EqualTo(place));

    [TestCase("nothing", "has no weights under \"nothing\"; it has model.a.* (raw), model.b.* (raw)")]
    [TestCase("odel", "has no weights under")]
    [TestCase("model", "has 2 sets of weights under \"model\"")]
    [TestCase(".", "has no weights under")]
    [TestCase("model.a.b", "has no weights under")]
    public void A_path_that_is_in_no_set_or_in_several_is_refused_with_the_list(string choice, string message)
        => Assert.That(() => SetFiles.Taken(SetFiles.Open([.. SetFiles.Set("model.a.", 0), .. SetFiles.Set("model.b.", 1)]), choice), Throws.TypeOf<FileFormatException>().With.Message.Contains(message));

    [TestCase("RAW", "model. ema.", 0)]
    [TestCase("EMA", "model. ema.", 1)]
    [TestCase("EMA", "model.EMA. model.ema.", 0)]
    [TestCase("RAW", "model. RAW.", 1)]
    public void Words_in_capitals_are_kinds_unless_a_path_has_them(string choice, string sets, int place)
        => Assert.That(SetFiles.Taken(SetFiles.Open(sets.Split(' ').SelectMany((prefix, i) => SetFiles.Set(prefix, i))), choice), Is.EqualTo(place));

    [TestCase("my net", "--weights 'my net'")]
    [TestCase("$net", "--weights '$net'")]
    [TestCase("it's $1", "--weights \"it's \\$1\"")]
    [TestCase("raw", "--weights raw.")]
    [TestCase("net-1", "--weights net-1")]
    public void A_hint_is_an_argument_as_it_can_be_typed(string path, string expected)
        => Assert.That(() => SetFiles.Taken(SetFiles.Open([.. SetFiles.Set($"{path}.", 0), .. SetFiles.Set("student.", 1)]), "raw"), Throws.TypeOf<FileFormatException>().With.Message.EndsWith(expected));

    [TestCase("")]
    [TestCase("model.")]
    public void Extra_states_are_left_aside(string prefix)
    {
        TensorData[] extra = [new($"{prefix}patch_blocks.0.attn.qkv._extra_state", [0], Array.Empty<float>()), new($"{prefix}final_layer.linear._extra_state", [0], Array.Empty<float>())];
        Assert.That(SetFiles.Taken(SetFiles.Open([.. SetFiles.Set(prefix, 2), .. extra]), "ema"), Is.EqualTo(2));
    }

    [Test]
    public void A_choice_of_nothing_is_refused() => Assert.That(() => WeightChoice.Parse(" "), Throws.TypeOf<ConfigurationException>());

    [TestCase("ema", "model_ema1.* (averaged), one of 2 averages; left: model.* (raw), model_ema2.* (averaged), exp_avg.* (optimizer state)")]
    [TestCase("raw", "model.* (raw); left: model_ema1.* (averaged), model_ema2.* (averaged), exp_avg.* (optimizer state)")]
    public void What_is_taken_and_left_is_said(string choice, string expected)
    {
        using var model = new StoredModel(SetFiles.Open([.. SetFiles.Set("model.", 0), .. SetFiles.Set("model_ema1.", 1), .. SetFiles.Set("model_ema2.", 2), .. SetFiles.Set("exp_avg.", 3)]), WeightChoice.Parse(choice));
        Assert.That($"{model.Weights}", Is.EqualTo(expected));
    }

    [TestCase("ema_raw"), TestCase("model_wo_ema"), TestCase("ema_disabled")]
    public void A_denial_in_a_path_counts_wherever_it_stands(string path) => Assert.That(WeightKinds.Of(path, _ => false), Is.EqualTo(WeightKind.Raw));

    [TestCase("ema_grads"), TestCase("ema_variance"), TestCase("ema_momentum"), TestCase("avg_sq")]
    public void Averages_that_an_optimizer_keeps_are_no_weights(string path) => Assert.That(WeightKinds.Of(path, _ => false), Is.EqualTo(WeightKind.OptimizerState));

    [TestCase("EMAmodel"), TestCase("EMAnet"), TestCase("EMAparams"), TestCase("momentum_teacher"), TestCase("model_momentum")]
    public void Capitals_before_a_word_and_momentum_models_are_averages(string path) => Assert.That(WeightKinds.Of(path, _ => false), Is.EqualTo(WeightKind.Averaged));

    [Test]
    public void A_mean_beside_a_mean_of_squares_is_an_optimizers()
        => Assert.That(WeightKinds.Of("optimizer.avg", path => path == "optimizer.avg_sq"), Is.EqualTo(WeightKind.OptimizerState));
}
