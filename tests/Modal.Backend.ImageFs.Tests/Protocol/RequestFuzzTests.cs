using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging.Abstractions;
using Modal.Backend.ImageFs.Native;
using Modal.Backend.ImageFs.Protocol;
using Modal.Backend.ImageFs.Serving;
using Modal.Backend.ImageFs.Tests.Testing;
using Xunit;

namespace Modal.Backend.ImageFs.Tests.Protocol;

/// <summary>Any bytes in place of a request are answered or ignored, and nothing outside is touched.</summary>
public sealed class RequestFuzzTests
{
    [Fact]
    public void TryParse_AnyBytes_NeverReadsOutside()
    {
        var random = new Random(7);
        for (var i = 0; i < 200_000; i++)
        {
            var message = new byte[random.Next(0, 120)];
            random.NextBytes(message);
            if (message.Length >= 4 && i % 2 == 0)
            {
                BinaryPrimitives.WriteInt32LittleEndian(message, message.Length);
            }

            if (message.Length >= 40 && i % 4 == 0)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(36), (ushort)random.Next(0, 6));
            }

            if (FuseRequest.TryParse(message, out var request))
            {
                Assert.Equal(message.Length - 40 - (8 * request.Header.ExtensionLength), request.Body.Length);
                _ = request.TryReadName(random.Next(0, 100), out _);
                _ = request.TryRead<FuseReadIn>(out _);
            }
        }
    }

    [Fact]
    public async Task Answer_AnyRequest_IsALengthThatFitsOrAnErrno()
    {
        var (index, content, _) = await TestImage.FromFilesAsync(("d/file", TestImage.Bytes(3000)), ("large", TestImage.Bytes(600_000)));
        var fileSystem = new ImageFileSystem(index, content);
        using var device = Memfd.Create("fuzz", 0);
        var replies = new FuseReplies(device, new PendingReads(), "fuzz", NullLogger.Instance);
        var opcodes = Enum.GetValues<FuseOpcode>();
        var random = new Random(11);
        var reply = new byte[FuseSession.MaxReplyBytes];
        var answered = 0;
        for (var i = 0; i < 100_000; i++)
        {
            var message = new byte[40 + random.Next(0, 90)];
            random.NextBytes(message.AsSpan(40));
            var header = new FuseInHeader
            {
                Length = (uint)message.Length,
                Opcode = i % 20 == 0 ? (FuseOpcode)random.Next() : opcodes[random.Next(opcodes.Length)],
                NodeId = i % 10 == 0 ? (ulong)random.NextInt64(long.MinValue, long.MaxValue) : (ulong)random.Next(0, 7),
                Unique = (ulong)i,
            };
            MemoryMarshal.Write(message, in header);
            if (i % 3 == 0 && message.Length >= 80)
            {
                // Reads that are likely: a small offset and size.
                BinaryPrimitives.WriteUInt64LittleEndian(message.AsSpan(48), (ulong)random.Next(0, 5000));
                BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(56), (uint)random.Next(0, 5000));
            }

            Assert.True(FuseRequest.TryParse(message, out var request));
            var answer = fileSystem.Answer(in request, reply, replies);
            Assert.True(answer is FuseAnswer.Later or (>= -4095 and <= FuseSession.MaxReplyBytes), $"{header.Opcode} of {header.NodeId}: {answer}");
            answered += answer > 0 ? 1 : 0;
        }

        Assert.InRange(answered, 100, 100_000);
    }
}
