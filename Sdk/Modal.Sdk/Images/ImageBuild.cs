using System.Diagnostics;
using System.Globalization;
using Modal.Apps;
using Modal.Protocol;

namespace Modal.Images;

/// <summary>Has an image built, and shows how it goes.</summary>
internal static class ImageBuild
{
    /// <summary>Uploads what the image needs and waits for it.</summary>
    /// <returns>Its id.</returns>
    /// <exception cref="ImageBuildException">It cannot be built.</exception>
    /// <exception cref="InvalidRequestException">A local file cannot be read, or a secret is missing.</exception>
    public static async Task<string> RunAsync(AppSession session, AppConnection connection, Image image, CancellationToken cancellationToken)
    {
        var definition = await ImageDefinition.ReadAsync(image, cancellationToken).ConfigureAwait(false);
        await UploadAsync(connection.Transfer, definition.Paths, cancellationToken).ConfigureAwait(false);
        var request = new BuildImageRequest { Image = definition.Spec, AppId = session.AppId, IgnoreCache = IsSet("MODAL_IGNORE_CACHE"), ForFunction = true };
        if (definition.Spec.Layers.Any(static l => l.Operation == "run-function"))
        {
            // Its files are there: they came with the app.
            request.Code = await session.CollectCodeAsync(cancellationToken).ConfigureAwait(false);
        }

        if (IsSet("MODAL_FORCE_BUILD") && definition.Spec.Layers.Count > 0)
        {
            definition.Spec.Layers[0].ForceBuild = true;
        }

        foreach (var secret in definition.Secrets)
        {
            var sent = new BuildSecret { Name = secret.Name, Reference = secret.Reference };
            secret.ReadTo(sent.Variables);
            request.Secrets.Add(sent);
        }

        var clock = Stopwatch.StartNew();
        using var call = connection.Images.Build(request, cancellationToken: cancellationToken);
        var source = $"build {Guid.NewGuid():N}";
        while (await call.ResponseStream.MoveNext(cancellationToken).ConfigureAwait(false))
        {
            var happened = call.ResponseStream.Current;
            switch (happened.EventCase)
            {
                case BuildEvent.EventOneofCase.Started:
                    session.Console.WriteNotice($"Building the image, layer {happened.Started.Layer + 1} of {definition.Spec.Layers.Count}: {happened.Started.Title}");
                    break;
                case BuildEvent.EventOneofCase.Output:
                    // To stderr whichever it was: the program's own stdout may be piped.
                    session.Console.Write(new Output { ContainerId = $"{source} {happened.Output.Layer}", Source = OutputSource.Stderr, Data = happened.Output.Data });
                    break;
                case BuildEvent.EventOneofCase.Built:
                    if (happened.Built.BuiltLayers > 0)
                    {
                        session.Console.Flush();
                        session.Console.WriteNotice(string.Create(CultureInfo.InvariantCulture, $"Built the image in {clock.Elapsed.TotalSeconds:0.0} s."));
                    }

                    return happened.Built.ImageId;
                case BuildEvent.EventOneofCase.Failed:
                    session.Console.Flush();
                    throw new ImageBuildException(happened.Failed);
            }
        }

        throw new Grpc.Core.RpcException(new Grpc.Core.Status(Grpc.Core.StatusCode.Unavailable, "The server ended the build without a result."));
    }

    private static bool IsSet(string variable) => Environment.GetEnvironmentVariable(variable) is "1" or "true";

    private static async Task UploadAsync(BlobTransfer transfer, IReadOnlyDictionary<string, string> paths, CancellationToken cancellationToken)
    {
        if (paths.Count == 0)
        {
            return;
        }

        var missing = await transfer.FindMissingAsync(paths.Keys, cancellationToken).ConfigureAwait(false);
        await Parallel.ForEachAsync(missing, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancellationToken }, async (digest, token) =>
        {
            var content = File.OpenRead(paths[digest]);
            await using (content.ConfigureAwait(false))
            {
                await transfer.PutAsync(digest, content, token).ConfigureAwait(false);
            }
        }).ConfigureAwait(false);
    }
}
