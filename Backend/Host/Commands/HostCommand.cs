using System.CommandLine;
using Modal.Backend.Worker.Images;

namespace Modal.Backend.Host.Commands;

/// <summary>The command line.</summary>
internal static class HostCommand
{
    public static RootCommand Create()
    {
        var state = new Option<string>("--state-dir") { Description = "Where everything is kept.", DefaultValueFactory = _ => HostOptions.DefaultStateDirectory, Recursive = true };
        var root = new RootCommand("Server and worker of Modal.Sdk.") { state };
        root.Subcommands.Add(Serve(state));
        root.Subcommands.Add(Stop(state));
        root.Subcommands.Add(Status(state));
        root.Subcommands.Add(Check(state));
        return root;
    }

    private static Command Serve(Option<string> state)
    {
        var role = new Option<HostRole>("--role") { Description = "all, server or worker.", DefaultValueFactory = _ => HostRole.All };
        var listen = new Option<string?>("--listen") { Description = "Loopback address and port to listen on besides the Unix socket, such as 127.0.0.1:7777." };
        var server = new Option<string?>("--server") { Description = "For a worker: the server to dial, http://host:port or unix:///path." };
        var store = Store();
        var images = new Option<ImageRootMode>("--images") { Description = "auto, mount or unpack: auto mounts images where FUSE works, else unpacks them.", DefaultValueFactory = _ => ImageRootMode.Auto };
        var region = new Option<string>("--region") { Description = "For a worker: where it is, such as eu-west; functions may ask for it.", DefaultValueFactory = _ => "" };
        var pool = new Option<string>("--pool") { Description = "For a worker: its pool; it takes the functions that name it.", DefaultValueFactory = _ => "default" };
        var gpus = new Option<string>("--gpus") { Description = "For a worker: GPUs that containers may have: all, none, or uuids with commas.", DefaultValueFactory = _ => "all" };
        var disk = new Option<long>("--disk-mib") { Description = "For a worker: disk that containers may request in all; 0 means 80 % of what is free." };
        var runners = new Option<int?>("--waiting-runners") { Description = "How many runners wait for containers at most, each with some 80 MiB; two per core if it is not given." };
        var database = new Option<string?>("--database") { Description = "Where a server keeps its records: sqlite:/path, or postgresql://user@host:port/database (password from PGPASSWORD).", DefaultValueFactory = _ => new HostOptions().Database };
        var secretsKey = new Option<string?>("--secrets-key") { Description = "File with the key that seals secrets, made at first use: secrets.key of the state directory if it is not given. Servers that share a database share it.", DefaultValueFactory = _ => new HostOptions().SecretsKey };
        var keep = new Option<int>("--keep-blobs-days") { Description = "How long unused code files and large payloads stay in the store, 1 to 365; the same for all servers of a store.", DefaultValueFactory = _ => 7 };
        var idle = new Option<int>("--idle-minutes") { Description = "Stop when no app has run for this long; 0 means never.", DefaultValueFactory = _ => 30 };
        var console = new Option<bool>("--console") { Description = "Log to the console as well as to the file." };
        var command = new Command("serve", "Runs until it is stopped. If another process serves the state directory, ends at once.")
        {
            role, listen, server, store, database, secretsKey, keep, images, runners, region, pool, gpus, disk, idle, console,
        };
        command.SetAction((parsed, token) => ServeCommand.RunAsync(
            new HostOptions
            {
                Role = parsed.GetValue(role),
                StateDirectory = Path.GetFullPath(parsed.GetValue(state)!),
                Listen = parsed.GetValue(listen),
                Server = parsed.GetValue(server),
                Images = parsed.GetValue(images),
                Store = parsed.GetValue(store),
                Database = parsed.GetValue(database),
                SecretsKey = parsed.GetValue(secretsKey) is { Length: > 0 } key ? Path.GetFullPath(key) : null,
                WaitingRunners = parsed.GetValue(runners),
                BlobKeep = TimeSpan.FromDays(parsed.GetValue(keep)),
                Region = parsed.GetValue(region)!,
                Pool = parsed.GetValue(pool)!,
                Gpus = parsed.GetValue(gpus)!,
                DiskMiB = parsed.GetValue(disk),
                IdleLimit = TimeSpan.FromMinutes(parsed.GetValue(idle)),
                LogToConsole = parsed.GetValue(console),
            },
            token));
        return command;
    }

    private static Command Stop(Option<string> state)
    {
        var force = new Option<bool>("--force") { Description = "Stop even while apps run." };
        var command = new Command("stop", "Stops the daemon of the state directory and waits until it is gone.") { force };
        command.SetAction((parsed, token) => StopCommand.RunAsync(Path.GetFullPath(parsed.GetValue(state)!), parsed.GetValue(force), token));
        return command;
    }

    private static Option<string?> Store() => new("--store")
    {
        Description = "Where images are kept: folder:/path, s3:bucket/prefix?endpoint=http://host:port&region=name (keys from the usual AWS variables), or peer:http://host:port.",
        DefaultValueFactory = _ => HostOptions.DefaultStore,
    };

    private static Command Check(Option<string> state)
    {
        var store = Store();
        var repair = new Option<bool>("--repair") { Description = "Move what is damaged aside, so that the images that need it are built anew." };
        var command = new Command("check", "Reads all of the store of images and names what is damaged. The daemon may run meanwhile.") { store, repair };
        command.SetAction((parsed, token) => CheckCommand.RunAsync(
            new HostOptions { StateDirectory = Path.GetFullPath(parsed.GetValue(state)!), Store = parsed.GetValue(store) }.StoreAddress, parsed.GetValue(repair), Console.Out, token));
        return command;
    }

    private static Command Status(Option<string> state)
    {
        var command = new Command("status", "Shows apps, functions, containers and workers.");
        command.SetAction((parsed, token) => StatusCommand.RunAsync(Path.GetFullPath(parsed.GetValue(state)!), token));
        return command;
    }
}
