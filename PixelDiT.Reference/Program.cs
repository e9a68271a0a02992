using PixelDiT.Reference.Commands;
using PixelDiT.Reference.Commands.Display;

Terminal.Open();
return Terminal.Close(CommandLine.Run(args));
