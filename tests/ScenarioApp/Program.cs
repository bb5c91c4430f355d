using Modal;
using Modal.ScenarioApp;

// What tests run as a client process of its own: MODE COUNT [MILLISECONDS [ID]].
var count = args.Length > 1 ? int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture) : 1;
var milliseconds = args.Length > 2 ? int.Parse(args[2], System.Globalization.CultureInfo.InvariantCulture) : 0;
switch (args.FirstOrDefault())
{
    case "call":
        Console.WriteLine(await Jobs.Remote.Square.CallAsync(count));
        break;
    case "map":
        await foreach (var y in Jobs.Remote.Square.Map(Enumerable.Range(0, count)))
        {
            Console.WriteLine(y);
        }

        break;
    case "slow":
        await foreach (var y in Jobs.Remote.SlowSquare.Map(Enumerable.Range(0, count).Select(i => (i, milliseconds))))
        {
            Console.WriteLine(y);
        }

        break;
    case "talk":
        Console.WriteLine($"result {await Jobs.Remote.Talk.CallAsync(count)}");
        break;
    case "nested-talk":
        Console.WriteLine($"result {await Nested.Remote.Talk.CallAsync(count)}");
        break;
    case "nested-slow":
        Console.WriteLine(await Nested.Remote.CallSlowly.CallAsync((count, milliseconds)));
        break;
    case "nested-made":
        Console.WriteLine(await Nested.Remote.CallMade.CallAsync());
        break;
    case "much":
        Console.WriteLine($"printed {await Trouble.Remote.PrintMuch.CallAsync(count)}");
        Console.WriteLine($"printed {await Trouble.Remote.PrintMuch.CallAsync(0)}");
        break;
    case "same-image":
        Console.WriteLine(await Imaged.Remote.SameImage.CallAsync());
        break;
    case "made":
        Console.WriteLine(await Imaged.Remote.ReadMade.CallAsync());
        break;
    case "spawn":
        Console.WriteLine(await Jobs.Remote.SlowSquare.SpawnAsync(count, milliseconds));
        break;
    case "spawn-map":
        Console.WriteLine(await Jobs.Remote.SlowSquare.SpawnMapAsync(Enumerable.Range(0, count).Select(i => (i, milliseconds))));
        await Task.Delay(Timeout.Infinite);
        break;
    case "get-map":
        await foreach (var y in FunctionCall.FromId<int>(args[3]).Results())
        {
            Console.WriteLine(y);
        }

        break;
    case "cluster":
        Console.WriteLine(await Ranks.Remote.Where.CallAsync(milliseconds));
        break;
    case "soak":
        await Soak.RunAsync(count);
        break;
    default:
        Console.Error.WriteLine("usage: call|map|slow|talk|nested-talk|nested-slow|nested-made|much|same-image|made|cluster|spawn|spawn-map|get-map|soak COUNT [MILLISECONDS [ID]]");
        return 2;
}

return 0;
