using Modal;

var orders = Queue.FromName<Order>("orders");
var stock = Dict.FromName<string, int>("stock");
await Secret.CreateAsync("shop", new Dictionary<string, string> { ["SHOP_TOKEN"] = "a token that nobody sees" }, overwrite: true);

await stock.PutManyAsync(new Dictionary<string, int> { ["apples"] = 3, ["pears"] = 1 });
await orders.PutManyAsync([new("apples", 2), new("pears", 2)]);

while (await orders.TryGetAsync() is (true, { } order))
{
    var left = await stock.GetAsync(order.Item, defaultValue: 0);
    Console.WriteLine(await Shop.Remote.Confirm.CallAsync(order, left));
    await stock.PutAsync(order.Item, Math.Max(0, left - order.Count));
}

public record Order(string Item, int Count);

static partial class Shop
{
    static Secret Api => Secret.FromName("shop", requiredKeys: "SHOP_TOKEN");

    [Function(Secrets = [nameof(Api)])]
    public static string Confirm(Order order, int left) => order.Count <= left
        ? $"{order.Count} {order.Item}: sent, signed with {Environment.GetEnvironmentVariable("SHOP_TOKEN")!.Length} characters"
        : $"{order.Count} {order.Item}: only {left} left";
}
