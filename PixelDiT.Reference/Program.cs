Console.WriteLine("pixeldit");
