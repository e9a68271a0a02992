using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Oracle.Conformance;
using var device = Device.Open(args.Length > 0 ? args[0] : "cpu");
Console.WriteLine(device.Description);
foreach (var r in ConformanceSuite.Run(ConformanceFiles.Shipped(), device)) Console.WriteLine($"{r.Name,-40} {r.Status,-8} {r.Compared,4} {r.Worst,-44} {r.Error:E2} {r.Tolerance:E1}");
Console.WriteLine(device.Arena.BytesInUse);
