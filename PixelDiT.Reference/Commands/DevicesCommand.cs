using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands.Display;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit devices</c>: what this machine can compute on.</summary>
internal static class DevicesCommand
{
    public static Command Create()
    {
        var command = new Command("devices", "List the devices of this machine.");
        command.SetRun((_, _) =>
        {
            var table = new TextTable("device", "is");
            foreach (string name in Device.Names.Where(name => name != "auto"))
            {
                try
                {
                    using var device = Device.Open(name);
                    table.AddRow(name, Terminal.Cell(device.Description));
                }
                catch (DeviceException error)
                {
                    table.AddRow(name, Terminal.Cell($"not here: {error.Message}"));
                }
            }
            Terminal.Write(table);
            return 0;
        });
        return command;
    }
}
