using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Reference.Text.Encoders;

/// <summary>
/// A layer of Gemma-2, which norms what goes into its branches and what comes out of them:
/// <code>
/// x += norm_post_attention(attention(norm_input(x)))
/// x += norm_post_feedforward(down(gelu_tanh(gate(y)) ⊙ up(y))),    y = norm_pre_feedforward(x)
/// </code>
/// </summary>
internal sealed class GemmaLayer : IDisposable
{
    private readonly List<Tensor> _tensors = [];
    private readonly Tensor _query, _key, _value, _output, _gate, _up, _down, _inputNorm, _attentionNorm, _preNorm, _postNorm;

    /// <summary>Reads a layer's tensors.</summary>
    /// <inheritdoc cref="GemmaWeights.Load" path="/exception"/>
    public GemmaLayer(Device device, GemmaWeights weights, int layer)
    {
        try
        {
            _query = Load("self_attn.q_proj");
            _key = Load("self_attn.k_proj");
            _value = Load("self_attn.v_proj");
            _output = Load("self_attn.o_proj");
            _gate = Load("mlp.gate_proj");
            _up = Load("mlp.up_proj");
            _down = Load("mlp.down_proj");
            _inputNorm = Load("input_layernorm");
            _attentionNorm = Load("post_attention_layernorm");
            _preNorm = Load("pre_feedforward_layernorm");
            _postNorm = Load("post_feedforward_layernorm");
        }
        catch
        {
            Dispose();
            throw;
        }

        Tensor Load(string name)
        {
            var tensor = weights.Load(device, $"layers.{layer}.{name}.weight");
            _tensors.Add(tensor);
            return tensor;
        }
    }

    /// <summary>x [B, L, C], changed in place.</summary>
    /// <param name="x">The states.</param>
    /// <param name="mask">[B, L], or null.</param>
    /// <param name="table">The angles of RoPE.</param>
    /// <param name="config">Sizes.</param>
    /// <param name="rule">Scale, cap and this layer's window.</param>
    /// <param name="precision">What products round their operands to.</param>
    public void Forward(Tensor x, Tensor? mask, SequenceRotaryTable table, GemmaConfig config, CausalAttentionRule rule, Precision precision)
    {
        using var y = x.Device.Allocate(x.Shape);
        float epsilon = (float)config.NormEpsilon;
        ZeroCenteredRmsNorm.Forward(x, _inputNorm, epsilon, null, y);
        Attend(y, mask, table, config, rule, precision);
        ZeroCenteredRmsNorm.Forward(y, _attentionNorm, epsilon, x, x);

        ZeroCenteredRmsNorm.Forward(x, _preNorm, epsilon, null, y);
        using var gate = x.Device.Allocate([x.Shape[0], x.Shape[1], config.Intermediate]);          // [B, L, F]
        using (var up = x.Device.Allocate(gate.Shape))
        {
            MatMul.ForwardOnce(y, _gate, gate, precision);
            MatMul.ForwardOnce(y, _up, up, precision);
            GeGlu.Forward(gate, up, gate);
        }
        MatMul.ForwardOnce(gate, _down, y, precision);
        ZeroCenteredRmsNorm.Forward(y, _postNorm, epsilon, x, x);
    }

    private void Attend(Tensor y, Tensor? mask, SequenceRotaryTable table, GemmaConfig config, CausalAttentionRule rule, Precision precision)
    {
        var device = y.Device;
        int texts = y.Shape[0], tokens = y.Shape[1];
        using var q = device.Allocate([texts, tokens, config.Heads, config.HeadWidth]);             // [B, L, h, hd]
        using var k = device.Allocate([texts, tokens, config.KeyHeads, config.HeadWidth]);          // [B, L, kv, hd]
        using var v = device.Allocate(k.Shape);
        using var o = device.Allocate(q.Shape);
        MatMul.ForwardOnce(y, _query, q, precision);
        MatMul.ForwardOnce(y, _key, k, precision);
        MatMul.ForwardOnce(y, _value, v, precision);
        RotateHalves.Forward(q, table);
        RotateHalves.Forward(k, table);
        CausalAttention.Forward(HeadView.Of(q), HeadView.Of(k), HeadView.Of(v), mask, new(texts, tokens, config.Heads, config.KeyHeads, config.HeadWidth), rule, HeadView.Of(o));
        MatMul.ForwardOnce(o, _output, y, precision);
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (var tensor in _tensors) tensor.Dispose();
    }
}
