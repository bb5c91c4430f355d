using Modal;

// The functions stay when this program has ended; deploying the same again changes nothing.
var deployed = await App.DeployAsync("shop");
Console.WriteLine($"'{deployed.Name}' is deployed as version {deployed.Version}.");

// What any program of the same server may do, also one that has not seen this code: types and defaults by the handle, or by name.
Console.WriteLine(await Shop.Remote.Price.InApp("shop").CallAsync("tea", pounds: 3));
Console.WriteLine(await Function.FromName<(string, int), int>("shop", "Shop.Price").CallAsync(("coffee", 2)));

// A call that goes on whatever becomes of this program: its input is on disk, and its result is kept for whoever has its id.
var call = await Shop.Remote.Price.InApp("shop").SpawnAsync("cake");
Console.WriteLine($"{await FunctionCall.FromId<int>(call.Id).GetAsync()} ({call.Id})");

static partial class Shop
{
    [Function(ScaledownWindowSeconds = 30)]
    public static int Price(string item, int pounds = 1) => item.Length * 100 * pounds;
}
