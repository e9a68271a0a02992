namespace PixelDiT.Tests.Card.Ptx;

/// <summary>A kernel did what a card may not be asked to do, or something that the interpreter does not know.</summary>
internal sealed class PtxFault(string message) : Exception(message);
