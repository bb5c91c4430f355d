namespace Modal.Backend.ImageFs.Supervising;

/// <summary>Who needs a server.</summary>
internal interface IServerUser
{
    /// <summary>A new server runs: everything that the one before served is sent to it before this returns.</summary>
    /// <returns>Ends when the server has answered for all of it, or is dead.</returns>
    Task TakeOver(ServerProcess server);

    /// <summary>The server says that the kernel ended a connection.</summary>
    void EndConnection(long number);

    /// <summary>Servers do not start: who waits for one is to be told.</summary>
    void GiveUp(IOException reason);
}
