using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Oracle;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit trace</c>: every intermediate tensor of one forward and backward, for a port to compare itself with.</summary>
internal static class TraceCommand
{
    public static Command Create()
    {
        Option<string> weights = new("--weights") { Description = "A model file.", HelpName = "FILE", Required = true };
        Option<string> inputs = new("--inputs") { Description = "A safetensors file with in.x [B,C,H,W], in.t [B], in.y [B] and, for gradients, target.v.", HelpName = "FILE", Required = true };
        Option<string> output = new("--out") { Description = "The safetensors file to write.", HelpName = "FILE", Required = true };
        Option<string?> stages = new("--stages") { Description = "Which stages, with * and ?, such as 'patch_blocks.*'; finer steps of blocks are traced when they match. [default: every stage, no finer step]", HelpName = "GLOB" };
        Option<bool> backward = new("--backward") { Description = "Trace loss and gradients too." }, exact = new("--exact") { Description = "Compute the forward in double precision by plain loops; stages only." };
        Option<string> device = Cli.Device();
        Option<int> threads = Cli.Threads();
        var command = new Command("trace", "Write the intermediate tensors of one forward, and of its backward.") { weights, inputs, output, stages, backward, exact, device, threads };
        command.SetRun((parsed, _) =>
        {
            if (parsed.GetValue(exact) && parsed.GetValue(backward)) throw new ConfigurationException("--exact computes the forward only; leave out --backward");
            using var opened = Cli.Open(parsed, device, threads);
            var (model, info) = Checkpoint.LoadModel(parsed.GetRequiredValue(weights), opened);
            using (model)
            {
                using var file = SafetensorsReader.Open(parsed.GetRequiredValue(inputs));
                var given = TraceInputs.Read(file, info.Config);
                model.RequireDivides(given.Shape[2], given.Shape[3]);
                string? wanted = parsed.GetValue(stages);
                var tensors = parsed.GetValue(exact)
                    ? Trace.RunExact(info.Config, name => Array.ConvertAll(model.Parameters[name].Value.ToArray(), value => (double)value), given, wanted)
                    : Trace.Run(model, given, wanted, parsed.GetValue(backward));
                SafetensorsWriter.Write(parsed.GetRequiredValue(output), tensors);
                Console.WriteLine($"wrote {tensors.Count} tensors to {parsed.GetRequiredValue(output)}");
            }
            return 0;
        });
        return command;
    }
}
