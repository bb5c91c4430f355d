namespace Modal.Backend.Worker.Images;

/// <summary>The images of the containers that run on this worker. Safe from many threads.</summary>
internal sealed class UsedImages
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _users = new(StringComparer.Ordinal);

    /// <summary>Ids of those that are in use now.</summary>
    public IReadOnlyList<string> Ids
    {
        get
        {
            lock (_gate)
            {
                return [.. _users.Keys];
            }
        }
    }

    /// <summary>Notes a user.</summary>
    /// <returns>Disposing of it, once, ends the use.</returns>
    public IDisposable Use(string imageId)
    {
        lock (_gate)
        {
            _users[imageId] = _users.GetValueOrDefault(imageId) + 1;
        }

        return new User(this, imageId);
    }

    private void End(string imageId)
    {
        lock (_gate)
        {
            if (--_users[imageId] == 0)
            {
                _users.Remove(imageId);
            }
        }
    }

    private sealed class User(UsedImages images, string imageId) : IDisposable
    {
        public void Dispose() => images.End(imageId);
    }
}
