using PixelDiT.Kernels.Machine;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>lse and δ of a lane's two queries; zeros where its rows are keys.</summary>
internal struct RowStatistics
{
    public float UpperLse, LowerLse, UpperDelta, LowerDelta;
}

/// <summary>lse and δ [B, h, L] of one image and head, for the sums [16, 8] that a lane holds a part of: by rows where they are queries, by columns where those are.</summary>
internal readonly struct SoftmaxStatistics(DeviceView<float> lse, DeviceView<float> delta, long pair, int tokens, int lane)
{
    /// <summary>Beyond every score: its probability is 0.</summary>
    private const float Everything = 3e38f;

    private readonly DeviceView<float> _lse = lse, _delta = delta;
    private readonly long _first = pair * tokens;
    private readonly int _tokens = tokens, _row = lane >> 2, _column = (lane & 3) * 2;

    /// <summary>Of rows row + lane / 4 and row + lane / 4 + 8.</summary>
    public RowStatistics OfRows(int row)
    {
        int upper = row + _row, lower = upper + 8;
        return new()
        {
            UpperLse = upper < _tokens ? _lse[_first + upper] : Everything,
            UpperDelta = upper < _tokens ? _delta[_first + upper] : 0,
            LowerLse = lower < _tokens ? _lse[_first + lower] : Everything,
            LowerDelta = lower < _tokens ? _delta[_first + lower] : 0
        };
    }

    /// <summary>What a column takes from its scores: lse of a query; of a key 0, or everything where there is none.</summary>
    /// <param name="token">The token of column 0.</param>
    /// <param name="next">0 for the lane's first column, 1 for its second.</param>
    public float Lse<TGradient>(int token, int next) where TGradient : struct, IAttentionGradient
    {
        int column = token + _column + next;
        if (column >= _tokens) return Everything;
        return TGradient.IsKeys ? _lse[_first + column] : 0;
    }

    /// <summary>δ of a query, 0 of a key.</summary>
    /// <inheritdoc cref="Lse"/>
    public float Delta<TGradient>(int token, int next) where TGradient : struct, IAttentionGradient
    {
        if (!TGradient.IsKeys) return 0;
        int column = token + _column + next;
        return column < _tokens ? _delta[_first + column] : 0;
    }
}
