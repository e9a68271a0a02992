namespace PixelDiT.Reference.Formats;

/// <summary>The folders in which this program keeps for a user what it can make again.</summary>
internal static class CacheFolder
{
    private const string TemporaryFiles = ".pixeldit-*.tmp";

    private static readonly TimeSpan s_abandoned = TimeSpan.FromDays(1);

    /// <summary>The user's own: below XDG_CACHE_HOME, or where the system keeps such files. Null where there is no such place.</summary>
    /// <param name="kind">What is kept there, a folder's name.</param>
    public static string? OfUser(string kind)
    {
        string? root = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (string.IsNullOrEmpty(root) || !Path.IsPathFullyQualified(root))
        {
            string home = Environment.GetFolderPath(OperatingSystem.IsWindows() ? Environment.SpecialFolder.LocalApplicationData : Environment.SpecialFolder.UserProfile);
            if (home.Length == 0) return null;
            root = OperatingSystem.IsWindows() ? home : Path.Combine(home, ".cache");
        }
        return Path.Combine(root, "pixeldit", kind);
    }

    /// <summary>Notes that a file was used.</summary>
    internal static void Touch(string path)
    {
        try
        {
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            // It is only removed sooner than others.
        }
    }

    /// <summary>Removes the oldest files until the rest take no more than a number of bytes, and what killed processes left.</summary>
    /// <param name="folder">The cache.</param>
    /// <param name="ending">How its files end.</param>
    /// <param name="keep">A file that stays.</param>
    /// <param name="most">The bytes.</param>
    internal static void Trim(string folder, string ending, string keep, long most)
    {
        try
        {
            var cache = new DirectoryInfo(folder);
            foreach (var left in cache.GetFiles(TemporaryFiles).Where(left => DateTime.UtcNow - left.LastWriteTimeUtc > s_abandoned)) left.Delete();
            long total = 0;
            foreach (var file in cache.GetFiles("*" + ending).OrderByDescending(file => file.Name == Path.GetFileName(keep)).ThenByDescending(file => file.LastWriteTimeUtc))
            {
                total += file.Length;
                if (total > most && file.Name != Path.GetFileName(keep)) file.Delete();
            }
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            // Another process may be at the same; the next one tries again.
        }
    }
}
