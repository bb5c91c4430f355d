using System.Buffers.Binary;
using System.Text;
using Modal.Backend.ImageFs.Control;
using Modal.Backend.ImageFs.Native;
using Modal.Backend.ImageFs.Tests.Testing;
using Xunit;

namespace Modal.Backend.ImageFs.Tests.Control;

public sealed class ControlChannelTests
{
    [Fact]
    public void Receive_MessagesWithDescriptors_GivesBothInOrder()
    {
        var (left, right) = Socket.Pair();
        using var sender = new ControlChannel(left);
        using var receiver = new ControlChannel(right);
        using var memory = Memfd.Create("sent", 4242);
        var trace = TestImage.Bytes(50_000);

        Assert.True(sender.Send(new ControlRequest { Id = 1, Command = ControlCommand.Mount, Connection = 7, ImageId = "x" }, ControlJson.Default.ControlRequest, [memory.Number, memory.Number]));
        Assert.True(sender.Send(new ControlRequest { Id = 2, Command = ControlCommand.Prefetch, Trace = trace }, ControlJson.Default.ControlRequest, []));
        sender.EndSending();
        var descriptors = new List<Descriptor>();
        var first = receiver.Receive(ControlJson.Default.ControlRequest, descriptors);
        var count = descriptors.Count;
        var second = receiver.Receive(ControlJson.Default.ControlRequest, descriptors);
        var end = receiver.Receive(ControlJson.Default.ControlRequest, descriptors);

        Assert.Equal(new ControlRequest { Id = 1, Command = ControlCommand.Mount, Connection = 7, ImageId = "x" }, first);
        Assert.Equal(2, count);
        Assert.All(descriptors, d => Assert.Equal(4242, Unistd.GetLength(d)));
        Assert.Equal(trace, second!.Trace);
        Assert.Null(end);
        descriptors.ForEach(d => d.Dispose());
    }

    [Theory]
    [InlineData(-1, "")]
    [InlineData(0, "")]
    [InlineData(int.MaxValue, "")]
    [InlineData(2, "no")]
    [InlineData(4, "null")]
    [InlineData(2, "{}")]
    public void Receive_AnotherProtocol_IsRefused(int length, string body)
    {
        var (left, right) = Socket.Pair();
        using var receiver = new ControlChannel(right);
        var frame = new byte[4 + body.Length];
        BinaryPrimitives.WriteInt32LittleEndian(frame, length);
        Encoding.ASCII.GetBytes(body, frame.AsSpan(4));
        using (left)
        {
            Socket.Send(left, frame, []);
        }

        Assert.Throws<InvalidDataException>(() => receiver.Receive(ControlJson.Default.ControlRequest, []));
    }
}
