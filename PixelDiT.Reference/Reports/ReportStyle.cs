namespace PixelDiT.Reference.Reports;

/// <summary>How a report looks: dark where the reader's system is dark, black on white on paper. The colours of curves can be told apart by people who see fewer, and in gray by their dashes.</summary>
internal static class ReportStyle
{
    /// <summary>The style sheet.</summary>
    public const string Sheet = """
        :root { color-scheme: light dark; --paper: #ffffff; --ink: #1d2129; --soft: #5a6270; --rule: #dde1e7; --c0: #0072b2; --c1: #d55e00; --c2: #00805a; --c3: #a6398c; --level: #b00020; --good: #00693e; --bad: #b00020; --work: #8a5a00; }
        @media (prefers-color-scheme: dark) { :root { --paper: #14171c; --ink: #e8eaee; --soft: #a3abb8; --rule: #333a45; --c0: #6bb8f0; --c1: #ff9d57; --c2: #4fd0a0; --c3: #eb93d6; --level: #ff8a94; --good: #5fd49c; --bad: #ff8a94; --work: #f0b95a; } }
        * { box-sizing: border-box; }
        body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 84rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
        h1 { margin: 0; font-size: 1.75rem; overflow-wrap: anywhere; }
        h2 { margin: 2.5rem 0 .75rem; font-size: 1.2rem; border-bottom: 1px solid var(--rule); padding-bottom: .25rem; }
        .state { margin: .25rem 0 1rem; font-size: 1.05rem; }
        .state strong { color: var(--soft); }
        .state.running strong { color: var(--work); } .state.finished strong { color: var(--good); } .state.failed strong { color: var(--bad); }
        .facts { display: flex; flex-wrap: wrap; gap: .75rem 2rem; margin: 0; }
        .facts dt { color: var(--soft); font-size: .85rem; } .facts dd { margin: 0; font-variant-numeric: tabular-nums; }
        .plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 1.5rem 2rem; }
        figure { margin: 0; min-width: 0; break-inside: avoid; }
        figcaption { font-size: .95rem; font-weight: 600; margin-bottom: .25rem; }
        svg { display: block; width: 100%; height: auto; }
        svg text { fill: var(--soft); font: 12px system-ui, sans-serif; } svg text.y { text-anchor: end; } svg text.x { text-anchor: middle; }
        .grid { stroke: var(--rule); }
        .line { fill: none; stroke-width: 2; stroke-linejoin: round; } .range { fill: var(--c0); fill-opacity: .15; stroke: var(--c0); stroke-opacity: .35; stroke-width: .75; }
        .line.c0 { stroke: var(--c0); } .line.c1 { stroke: var(--c1); stroke-dasharray: 9 3; } .line.c2 { stroke: var(--c2); stroke-dasharray: 3 3; } .line.c3 { stroke: var(--c3); stroke-dasharray: 9 3 2 3; }
        .dot { fill: var(--c0); } .dot.c1 { fill: var(--c1); } .dot.c2 { fill: var(--c2); } .dot.c3 { fill: var(--c3); }
        line.level { stroke: var(--level); stroke-dasharray: 4 4; } line.resumed { stroke: var(--soft); stroke-dasharray: 2 4; } path.skipped { fill: var(--level); }
        .legend { list-style: none; margin: .25rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: .1rem 1.25rem; font-size: .85rem; color: var(--soft); }
        .key { display: inline-block; width: 1.6rem; margin-right: .4rem; vertical-align: middle; border-top: 3px solid var(--c0); }
        .key.c1 { border-top: 3px dashed var(--c1); } .key.c2 { border-top: 3px dotted var(--c2); } .key.c3 { border-top: 3px dashed var(--c3); } .key.level { border-top: 2px dashed var(--level); } .key.resumed { border-top: 2px dotted var(--soft); }
        .key.skipped { width: 0; border: 5px solid transparent; border-top: 0; border-bottom: 9px solid var(--level); }
        .grids { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); gap: 1.25rem; }
        .grids img { display: block; width: 100%; height: auto; border: 1px solid var(--rule); } .grids figcaption { margin: .25rem 0 0; font-weight: 400; }
        table { border-collapse: collapse; font-size: .9rem; } th, td { text-align: left; vertical-align: top; padding: .2rem 1.25rem .2rem 0; border-bottom: 1px solid var(--rule); overflow-wrap: anywhere; }
        thead th { color: var(--soft); font-weight: 600; } tbody th { font-weight: 400; white-space: nowrap; } .number { text-align: right; font-variant-numeric: tabular-nums; }
        @media print { :root { --paper: #ffffff; --ink: #000000; --soft: #444444; --rule: #bbbbbb; --c0: #00568a; --c1: #b04a00; --c2: #006446; --c3: #862a70; --level: #b00020; --good: #00693e; --bad: #b00020; --work: #8a5a00; } body { padding: 0; max-width: none; font-size: 11px; } .plots, .grids { grid-template-columns: 1fr 1fr; } h2 { break-after: avoid; } tr { break-inside: avoid; } }

        """;
}
