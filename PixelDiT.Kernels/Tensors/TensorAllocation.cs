using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;

namespace PixelDiT.Kernels.Tensors;

/// <summary>Tensors in the memory of a device.</summary>
public static class TensorAllocation
{
    extension(Device device)
    {
        /// <summary>Takes memory for a tensor; its contents are undefined.</summary>
        /// <exception cref="DeviceMemoryException">The device is out of memory.</exception>
        public Tensor Allocate(Shape shape, ElementType type = ElementType.Single) => new(device, shape, type, device.Arena.Take(shape.Count * Tensor.SizeOf(type)));

        /// <summary>A float32 tensor with the given contents.</summary>
        /// <exception cref="ShapeException">The count of values differs from the shape's.</exception>
        public Tensor Upload(ReadOnlySpan<float> values, Shape shape)
        {
            var tensor = device.Allocate(shape);
            tensor.Upload(values);
            return tensor;
        }

        /// <summary>A tensor of labels with the given contents.</summary>
        /// <exception cref="ShapeException">The count of values differs from the shape's.</exception>
        public Tensor Upload(ReadOnlySpan<int> values, Shape shape)
        {
            var tensor = device.Allocate(shape, ElementType.Int32);
            tensor.Upload(values);
            return tensor;
        }
    }
}
