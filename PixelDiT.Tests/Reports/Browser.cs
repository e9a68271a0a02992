using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using NUnit.Framework;

namespace PixelDiT.Tests.Reports;

/// <summary>A real browser, chromium without a window, that opens a page and is asked what it shows. It is driven by its DevTools protocol.</summary>
internal sealed class Browser : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly ClientWebSocket _socket = new();
    private readonly CancellationTokenSource _limit = new(2 * s_patience);
    private readonly List<string> _errors = [], _events = [];
    private int _last;

    private Browser(Process process, string page)
    {
        _process = process;
        _socket.Options.KeepAliveInterval = TimeSpan.Zero;
        _socket.ConnectAsync(new Uri(page), _limit.Token).Wait();
        foreach (string domain in (string[])["Page", "Runtime", "Log"]) Call($"{domain}.enable", new { });
    }

    /// <summary>What went wrong in the page: exceptions of scripts, and what its policy or the browser refused.</summary>
    public IReadOnlyList<string> Errors => _errors;

    /// <summary>Starts a browser; the test is skipped by name where there is none.</summary>
    /// <param name="profile">A folder of its own, which is made.</param>
    public static Browser Open(string profile)
    {
        string program = Environment.GetEnvironmentVariable("PIXELDIT_CHROMIUM") is { Length: > 0 } named ? named
            : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, "chromium")).FirstOrDefault(File.Exists) ?? "";
        if (program.Length == 0) Assert.Ignore("needs chromium on the PATH, or its name in PIXELDIT_CHROMIUM");
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--window-size=1280,900", $"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]) start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        try
        {
            // What it says is read away, so that it never waits to be heard.
            process.OutputDataReceived += (_, _) => { };
            process.ErrorDataReceived += (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            return new Browser(process, PageOf(PortOf(process, Path.Combine(profile, "DevToolsActivePort"))));
        }
        catch
        {
            process.Kill(entireProcessTree: true);
            process.Dispose();
            throw;
        }
    }

    /// <summary>Opens a file and waits until it is loaded.</summary>
    public void Show(string file)
    {
        _events.Clear();
        Call("Page.navigate", new { url = new Uri(file).AbsoluteUri });
        while (!_events.Contains("Page.loadEventFired")) Read();
    }

    /// <summary>The value of an expression in the page, as text.</summary>
    public string Ask(string expression)
    {
        var answer = Call("Runtime.evaluate", new { expression = $"String({expression})", returnByValue = true, awaitPromise = true });
        Assert.That(answer.TryGetProperty("exceptionDetails", out var problem), Is.False, $"{expression}: {problem}");
        return answer.GetProperty("result").GetProperty("value").GetString()!;
    }

    /// <summary>What is to be seen in the window, as PNG.</summary>
    public byte[] Look() => Convert.FromBase64String(Call("Page.captureScreenshot", new { format = "png" }).GetProperty("data").GetString()!);

    public void Dispose()
    {
        _socket.Dispose();
        _limit.Dispose();
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }

    /// <summary>The port that the browser has chosen and written down.</summary>
    private static int PortOf(Process process, string file)
    {
        for (long began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < s_patience; Thread.Sleep(20))
        {
            if (File.Exists(file) && File.ReadAllLines(file) is [var port, _, ..]) return int.Parse(port, System.Globalization.CultureInfo.InvariantCulture);
            Assert.That(process.HasExited, Is.False, "the browser ended before it listened");
        }
        throw new AssertionException("the browser did not listen");
    }

    private static string PageOf(int port)
    {
        using var client = new HttpClient { Timeout = s_patience };
        using var targets = JsonDocument.Parse(client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/json/list")).Result);
        return targets.RootElement.EnumerateArray().First(target => target.GetProperty("type").GetString() == "page").GetProperty("webSocketDebuggerUrl").GetString()!;
    }

    private JsonElement Call(string method, object arguments)
    {
        int id = ++_last;
        _socket.SendAsync(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new { id, method, @params = arguments })), WebSocketMessageType.Text, endOfMessage: true, _limit.Token).Wait();
        while (true)
        {
            var message = Read();
            if (!message.TryGetProperty("id", out var answered) || answered.GetInt32() != id) continue;
            Assert.That(message.TryGetProperty("error", out var error), Is.False, $"{method}: {error}");
            return message.GetProperty("result");
        }
    }

    private JsonElement Read()
    {
        using var whole = new MemoryStream();
        byte[] part = new byte[1 << 16];
        WebSocketReceiveResult received;
        do
        {
            received = _socket.ReceiveAsync(part, _limit.Token).Result;
            whole.Write(part, 0, received.Count);
        }
        while (!received.EndOfMessage);
        var message = JsonDocument.Parse(whole.ToArray()).RootElement;
        if (!message.TryGetProperty("method", out var method)) return message;
        _events.Add(method.GetString()!);
        if (method.GetString() == "Runtime.exceptionThrown") _errors.Add(message.GetProperty("params").GetProperty("exceptionDetails").ToString());
        if (method.GetString() == "Log.entryAdded" && message.GetProperty("params").GetProperty("entry") is var entry && entry.GetProperty("level").GetString() == "error") _errors.Add(entry.ToString());
        return message;
    }
}
