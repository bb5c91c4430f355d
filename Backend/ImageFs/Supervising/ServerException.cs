namespace Modal.Backend.ImageFs.Supervising;

/// <summary>The server process ended, or did not answer, before it had done what it was asked.</summary>
internal sealed class ServerException(string message) : IOException(message);
