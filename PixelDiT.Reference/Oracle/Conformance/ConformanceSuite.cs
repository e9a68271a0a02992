using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>All conformance cases of a set of files: is this build right on this machine?</summary>
public static class ConformanceSuite
{
    /// <summary>Runs every case, one after the other.</summary>
    /// <param name="files">The cases.</param>
    /// <param name="device">Where to run them.</param>
    /// <param name="precision">What products round to; each precision has its own tolerances.</param>
    /// <exception cref="Kernels.FileFormatException">A file is damaged.</exception>
    public static IEnumerable<CaseResult> Run(ConformanceFiles files, Device device, Precision precision = Precision.Single)
    {
        foreach (string name in files.Names)
        {
            if (RunOne(name, files, device, precision) is { } result) yield return result;
        }
    }

    private static CaseResult? RunOne(string name, ConformanceFiles files, Device device, Precision precision)
    {
        int slash = name.IndexOf('/');
        string folder = slash < 0 ? "" : name[..slash], file = name[(slash + 1)..];
        if (file is "weights" or "sample_weights") return null;
        if (folder == ConformanceFiles.Checkpoints) return CheckpointCases.Run(name, files) ?? Skipped(name, "a checkpoint of unknown origin, or without the weights it was made from");
        if (folder == EncoderCases.Folder)
        {
            int last = name.LastIndexOf('/');
            if (name[(last + 1)..] == "weights") return null;
            return name.EndsWith("/forward", StringComparison.Ordinal) && EncoderCases.IsCase(files, name[..last]) ? EncoderCases.Forward(name[..last], device, files, precision) : Skipped(name, "no text encoder with its weights");
        }
        if (folder == TeacherCases.Folder)
        {
            if (name.EndsWith("/weights", StringComparison.Ordinal)) return null;
            return TeacherCases.Run(name, device, files, precision) ?? Skipped(name, "no case of a teacher with its weights");
        }
        if (folder == EditingCases.Folder) return EditingCases.Run(name, device, files, precision) ?? Skipped(name, "an edit by an unknown velocity");
        if (name == $"{InceptionCases.Folder}/inception")
        {
            using var golden = files.Open(name);
            return InceptionCases.Run(name, device, golden);
        }
        if (name == $"{InceptionCases.Folder}/metrics")
        {
            using var golden = files.Open(name);
            return MetricCases.Run(name, golden);
        }
        if (folder == "modules")
        {
            using var golden = files.Open(name);
            return ModuleCase.Run(name, device, golden, precision) ?? Skipped(name, "a module of another model");
        }
        if (folder == ResizeCases.Folder)
        {
            using var golden = files.Open(name);
            return ResizeCases.Run(name, golden) ?? Skipped(name, "pictures scaled in an unknown way");
        }
        if (folder == H5Cases.Folder) return H5Cases.Run(name, files) ?? Skipped(name, "no images.h5 with what is expected of it");
        if (name == "optimizer")
        {
            using var golden = files.Open(name);
            return TrainingCases.Optimizer(name, device, golden);
        }
        if (name == "came")
        {
            using var golden = files.Open(name);
            return TextTrainingCases.Came(name, device, golden);
        }
        if (name == "t2i_train/time_table")
        {
            using var golden = files.Open(name);
            return TextTrainingCases.TimeTable(name, golden);
        }
        if (name == "torch_randn")
        {
            using var golden = files.Open(name);
            return SamplingCases.TorchRandn(name, golden);
        }
        if (folder == "t2i_train") return TextTrainingCases.Train(name, device, files, precision);
        var sizes = ModelCases.Sizes(files, folder);
        if (folder.Length > 0 && sizes is null) return Skipped(name, "no weights that say a model's sizes");
        return file switch
        {
            "forward_backward" when sizes is { IsText: true } => ModelCases.TextForwardBackward(folder, device, files, precision),
            "sample" when sizes is { IsText: true } => SamplingCases.RunText(folder, device, files, precision),
            _ when sizes is { IsText: true } => Skipped(name, "a kind of case of a text model that this version does not know"),
            "forward_backward" => ModelCases.ForwardBackward(folder, device, files, precision),
            "train" => TrainingCases.Train(folder, device, files, precision),
            "sample" => SamplingCases.Run(folder, device, files, precision),
            _ => Skipped(name, "a kind of case this version does not know")
        };
    }

    private static CaseResult Skipped(string name, string reason) => new(name, CaseStatus.Skipped, 0, reason, 0, 0);
}
