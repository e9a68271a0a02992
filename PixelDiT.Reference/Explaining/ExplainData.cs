using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Explaining;

/// <summary>An explanation as the JSON that its page reads: numbers as numbers, arrays of bytes in base64, pictures as addresses of their own data.</summary>
/// <param name="json">Where it goes.</param>
/// <param name="it">The explanation.</param>
internal sealed class ExplainData(Utf8JsonWriter json, Explanation it)
{
    // Velocities are shown from −3 to 3: x − ε of pixels in [−1, 1] and normal noise rarely leaves that.
    private const float VelocityRange = 3;

    private readonly ModelConfig _config = it.Config;
    private readonly ExplainRequest _request = it.Request;

    // Of few pixels, pictures of the way are as they are.
    private readonly bool _isSmall = it.Request.Size.Area <= 96 * 96;

    /// <summary>Writes all of it.</summary>
    /// <param name="pictureName">The picture's file; null where a picture was sampled.</param>
    public void Write(string? pictureName)
    {
        var layout = new PixelLayout(_config, _request.Size);
        json.WriteStartObject();
        json.WriteBoolean("isText", _config.IsText);
        json.WriteBoolean("isPicture", pictureName is not null);
        json.WriteString("pictureName", Printable.Line(pictureName ?? ""));
        json.WriteString("condition", Printable.Line(_request.Condition.Name));
        json.WriteString("nullCondition", Printable.Line(_request.Condition.NullName));
        Strings("words", _request.Condition.Words.Select(Printable.Line));
        Strings("nullWords", _request.Condition.NullWords.Select(Printable.Line));
        json.WriteString("level", _config.PixelLevel.Name);
        foreach (var (name, value) in new[] { ("steps", _request.Sampling.Steps), ("patch", _config.Patch), ("width", layout.Width), ("height", layout.Height), ("across", layout.Across), ("down", layout.Down) }) json.WriteNumber(name, value);
        Number("guidance", _request.Sampling.Guidance);
        json.WriteStartObject("sizes");
        foreach (var (name, value) in new[] { ("D", _config.Hidden), ("d", _config.PixelHidden), ("A", _config.PixelAttentionWidth), ("P", _config.PatchPixels) }) json.WriteNumber(name, value);
        json.WriteEndObject();
        Objects("frames", it.Frames, Frame);
        Objects("stages", it.Forwards[it.Choice.Steps[0]].Stages, Stage);
        Objects("traced", it.Choice.Steps, Traced);
        Strings("holds", Holds(layout));
        json.WriteEndObject();
    }

    private void Frame(PathFrame frame)
    {
        json.WriteNumber("step", frame.Step);
        Number("time", frame.Time);
        Number("noise", it.Path.NoiseOf(frame.Time));
        json.WriteString("state", Way(frame.State, 1));
        json.WriteString("velocity", frame.Velocity is null ? null : Way(frame.Velocity, VelocityRange));
        json.WriteString("estimate", frame.Estimate is null ? null : Way(frame.Estimate, 1));
        if (frame.Velocity is null) return;
        float[] end = _request.Picture ?? it.Frames[^1].State;
        Number("speed", StageStatistics.Of(frame.Velocity).RootMeanSquare);
        Number("distance", StageStatistics.Of([.. frame.Estimate!.Zip(end, (a, b) => a - b)]).RootMeanSquare);
    }

    private void Stage(StageRecord stage)
    {
        var line = StageSource.LineOf(stage.Name, _config);
        var block = ForwardRecorder.BlockOf(stage.Name);
        json.WriteString("name", stage.Name);
        json.WriteString("block", block is null ? null : string.Create(CultureInfo.InvariantCulture, $"{block.Value.Level}.{block.Value.Block}"));
        json.WriteString("step", block?.Step);
        json.WriteBoolean("isOutput", block?.Step is null or "" or "x" or "y");
        json.WriteStartArray("shape");
        foreach (int size in stage.Shape) json.WriteNumberValue(size);
        json.WriteEndArray();
        json.WriteString("equation", StageSource.EquationOf(stage.Name, _config));
        json.WriteString("file", line.File);
        json.WriteNumber("line", line.Line);
        json.WriteString("code", line.Code);
    }

    private void Traced(int step)
    {
        var forward = it.Forwards[step];
        var frame = it.Frames.Single(frame => frame.Step == step);
        float[] condition = forward.Velocities[0], other = forward.Velocities[1], difference = [.. condition.Zip(other, (c, u) => c - u)];
        double most = StageStatistics.Of(difference).RootMeanSquare * VelocityRange;
        json.WriteNumber("step", step);
        json.WriteBoolean("guides", _request.Sampling.Guides(frame.Time));
        json.WriteBoolean("differs", most > 0);
        Number("magnified", most > 0 ? VelocityRange / most : 1);
        Strings("velocities", [Velocity(condition, VelocityRange), Velocity(other, VelocityRange), Velocity(it.Path.Guide(frame.Time, condition, other), VelocityRange), Velocity(difference, most > 0 ? (float)most : 1)]);
        json.WriteStartArray("statistics");
        foreach (var stage in forward.Stages)
        {
            json.WriteStartArray();
            foreach (var of in new[] { stage.Condition, stage.Null })
            {
                foreach (double value in (double[])[of.Mean, of.RootMeanSquare, of.Least, of.Largest]) Number(null, value);
            }
            Number(null, stage.Distance);
            json.WriteEndArray();
        }
        json.WriteEndArray();
        Objects("patchTokens", forward.PatchTokens, Colours);
        Objects("pixelTokens", forward.PixelTokens, Colours);
        Objects("attention", forward.Attention, Attention);
        Objects("modulations", forward.Modulations, Modulation);
        Objects("compactions", forward.Compactions, Compaction);
    }

    private void Colours(TokenColours tokens)
    {
        json.WriteString("stage", tokens.Stage);
        Numbers("shares", tokens.Shares);
        Strings("pictures", tokens.Pictures.Select(PictureData.Png));
    }

    private void Attention(AttentionRecord attention)
    {
        json.WriteString("stage", attention.Stage);
        foreach (var (name, value) in new[] { ("heads", attention.Heads), ("words", attention.Words), ("across", attention.KeysAcross), ("down", attention.KeysDown) }) json.WriteNumber(name, value);
        Numbers("queries", attention.Queries.Select(query => (double)query));
        Strings("weights", attention.Weights.Select(Convert.ToBase64String));
        // Little-endian, as browsers read them on the machines there are.
        Strings("largest", attention.Largest.Select(values => Convert.ToBase64String(MemoryMarshal.AsBytes(values.AsSpan()))));
    }

    private void Modulation(ModulationRecord modulation)
    {
        json.WriteString("stage", modulation.Stage);
        json.WriteBoolean("isOfPixels", modulation.IsOfPixels);
        Objects("kinds", modulation.Kinds, kind =>
        {
            json.WriteString("name", kind.Name);
            Parts(kind.Parts);
            Objects("channels", kind.Channels, channel =>
            {
                json.WriteNumber("channel", channel.Channel);
                Parts(channel.Parts);
                Number("low", channel.Maps[0].Low);
                Number("high", channel.Maps[0].High);
                Strings("maps", channel.Maps.Select(map => Convert.ToBase64String(map.Bytes)));
                Strings("means", channel.Means.Select(map => Convert.ToBase64String(map.Bytes)));
            });
        });
    }

    private void Compaction(CompactionRecord compaction)
    {
        json.WriteString("stage", compaction.Stage);
        Number("high", compaction.Tokens[0].High);
        Strings("tokens", compaction.Tokens.Select(map => Convert.ToBase64String(map.Bytes)));
        json.WriteStartObject("before");
        Colours(compaction.Before);
        json.WriteEndObject();
        json.WriteStartObject("behind");
        Colours(compaction.Behind);
        json.WriteEndObject();
        json.WriteStartObject("added");
        Colours(compaction.Added);
        json.WriteEndObject();
    }

    private void Parts(ModulationParts parts) => Numbers("parts", [parts.Patch, parts.Place, parts.Both]);

    /// <summary>What is in the page, in sentences.</summary>
    private IEnumerable<string> Holds(PixelLayout layout)
    {
        var choice = it.Choice;
        string all = string.Create(CultureInfo.InvariantCulture, $"Pictures of {choice.Frames.Count} of the {_request.Sampling.Steps + 1} points of the way{(_isSmall ? "" : ", as JPEG of quality 90, so that the page stays small")}.");
        yield return all;
        yield return $"Forwards that were traced, each with the condition and with the null condition: at step {List(choice.Steps)} (--trace-steps chooses others).";
        yield return $"Statistics and tokens of every stage there; attention of patch block {List(choice.PatchBlocks)} of 0 to {_config.PatchDepth - 1} (--blocks), {(choice.Stride == 1 ? "of every patch" : $"of one patch in {choice.Stride} × {choice.Stride}")}, in 8 bits as square roots of weights.";
        if (_config.HasPixelLevel)
            yield return $"Modulation, attention and compaction of PiT block {List(choice.PixelBlocks)} of 0 to {_config.PixelDepth - 1} (--pixel-blocks), of each kind the {(choice.Channels == 1 ? "channel that varies" : $"{choice.Channels} channels that vary")} most (--channels), in 8 bits.";
        yield return $"The picture is {layout.Width} wide and {layout.Height} high, of {layout.Tokens} patches of {_config.Patch} × {_config.Patch} pixels. Finer steps were computed one by one, which changes a fused pass in its last digits. Attention weights are computed from a trace's q and k.";
    }

    private static string List(IEnumerable<int> numbers) => string.Join(", ", numbers.Select(number => number.ToString(CultureInfo.InvariantCulture)));

    private string Way(float[] values, float range) => _isSmall ? PictureData.Png(Shown(values, range)) : PictureData.Jpeg(Shown(values, range));

    private string Velocity(float[] values, float range) => PictureData.Png(Shown(values, range));

    private Picture Shown(float[] values, float range) => Picture.FromImage(range == 1 ? values : Array.ConvertAll(values, value => value / range), _config.Channels, _request.Size.Height, _request.Size.Width);

    private void Objects<T>(string name, IEnumerable<T> items, Action<T> write)
    {
        json.WriteStartArray(name);
        foreach (var item in items)
        {
            json.WriteStartObject();
            write(item);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private void Strings(string name, IEnumerable<string> texts)
    {
        json.WriteStartArray(name);
        foreach (string text in texts) json.WriteStringValue(text);
        json.WriteEndArray();
    }

    private void Numbers(string name, IEnumerable<double> numbers)
    {
        json.WriteStartArray(name);
        foreach (double number in numbers) Number(null, number);
        json.WriteEndArray();
    }

    /// <summary>A number to seven digits; null for what JSON has no word for.</summary>
    private void Number(string? name, double value)
    {
        if (name is not null) json.WritePropertyName(name);
        if (double.IsFinite(value)) json.WriteRawValue(value.ToString("G7", CultureInfo.InvariantCulture));
        else json.WriteNullValue();
    }
}
