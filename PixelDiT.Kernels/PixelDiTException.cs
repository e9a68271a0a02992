namespace PixelDiT.Kernels;

/// <summary>
/// The base of every error that this project raises for a reason a user can act on. A message names the file or argument,
/// the field, what was found and what was expected. Anything else that escapes is a defect of this project.
/// </summary>
public abstract class PixelDiTException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Two shapes, or a shape and its data, do not fit together.</summary>
public sealed class ShapeException(string message) : PixelDiTException(message);

/// <summary>A device cannot be opened, is out of memory, or cannot run what was asked.</summary>
public class DeviceException(string message, Exception? inner = null) : PixelDiTException(message, inner);

/// <summary>A device is out of memory. What needs less of it, a program's user must be told by the program.</summary>
public sealed class DeviceMemoryException(string message, Exception? inner = null) : DeviceException(message, inner);

/// <summary>A setting of a model, a training run or a sampler is missing, unknown, out of range, or contradicts another.</summary>
public sealed class ConfigurationException(string message) : PixelDiTException(message);

/// <summary>A file is not what its format says it is, or cannot be read or written.</summary>
public sealed class FileFormatException(string message, Exception? inner = null) : PixelDiTException(message, inner);

/// <summary>A data source is missing, empty, or holds images that do not fit the model.</summary>
public sealed class DataException(string message, Exception? inner = null) : PixelDiTException(message, inner);

/// <summary>A computation gave values that are infinite or no number, where a result was expected.</summary>
public sealed class NotFiniteException(string message) : PixelDiTException(message);
