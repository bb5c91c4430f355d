using Modal.Backend.ImageFs.Protocol;

namespace Modal.Backend.ImageFs.Serving;

/// <summary>What a session asks. Called by several threads at once; must not wait for anything.</summary>
internal interface IFuseFileSystem
{
    /// <summary>What it wants of the kernel, of what the kernel has.</summary>
    FuseFeatures Choose(FuseFeatures offered);

    /// <summary>Answers a request.</summary>
    /// <param name="request">Any bytes may be in it.</param>
    /// <param name="reply">Room for the answer, at least as much as the request asks for if that is no more than <see cref="FuseSession.MaxReplyBytes"/>.</param>
    /// <param name="replies">For an answer that comes later.</param>
    /// <returns>Length of the answer; or the negative errno; or <see cref="FuseAnswer.None"/> or <see cref="FuseAnswer.Later"/>.</returns>
    int Answer(in FuseRequest request, Span<byte> reply, FuseReplies replies);
}
