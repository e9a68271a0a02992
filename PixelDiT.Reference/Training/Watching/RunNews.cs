namespace PixelDiT.Reference.Training.Watching;

/// <summary>What happens between the steps of a run.</summary>
/// <param name="Step">The steps behind it.</param>
public abstract record RunNews(long Step);

/// <summary>A checkpoint is in its place.</summary>
/// <param name="Step">The steps behind it.</param>
public sealed record CheckpointNews(long Step) : RunNews(Step);

/// <summary>A sample grid is being drawn.</summary>
/// <param name="Step">The steps behind it.</param>
/// <param name="Done">Pictures done, shares of those in hand included.</param>
/// <param name="Pictures">Pictures in all.</param>
public sealed record DrawingNews(long Step, double Done, int Pictures) : RunNews(Step);

/// <summary>A sample grid has been written.</summary>
/// <param name="Step">The steps behind it.</param>
/// <param name="Path">Its file.</param>
/// <param name="Took">How long it took, in which nothing was trained.</param>
public sealed record GridNews(long Step, string Path, TimeSpan Took) : RunNews(Step);
