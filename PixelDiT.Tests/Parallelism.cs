using NUnit.Framework;

// Fixtures that say so, most of which start processes and wait for them, run two at a time; all others one after the other, since they share the console and count memory.
[assembly: LevelOfParallelism(2)]
