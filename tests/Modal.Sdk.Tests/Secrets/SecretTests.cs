using Xunit;

namespace Modal.Sdk.Tests.Secrets;

public sealed class SecretTests
{
    [Fact]
    public void FromDotEnv_EachKindOfLine_IsRead()
    {
        var read = Read(
            """
            # a comment
            PLAIN=value of words # and a comment

            export EXPORTED = spaced
            EMPTY=
            HASH=a#b
            SINGLE='as $it is\n # here'
            DOUBLE="a\tb \"c\" \\ é"
            LINES="first
            second"
            TWICE=1
            TWICE=2
            EQUALS=a=b=c
            """);

        Assert.Equal(
            new Dictionary<string, string>
            {
                ["PLAIN"] = "value of words",
                ["EXPORTED"] = "spaced",
                ["EMPTY"] = "",
                ["HASH"] = "a#b",
                ["SINGLE"] = "as $it is\\n # here",
                ["DOUBLE"] = "a\tb \"c\" \\ é",
                ["LINES"] = "first\nsecond",
                ["TWICE"] = "2",
                ["EQUALS"] = "a=b=c",
            },
            read);
    }

    [Theory]
    [InlineData("A=1\nhunter2\n", "Line 2 of secret.env is no NAME=value.")]
    [InlineData("A=1\n=hunter2", "Line 2 of secret.env is no NAME=value.")]
    [InlineData("A B=hunter2", "Line 1 of secret.env is no NAME=value.")]
    [InlineData("A=\"hunter2", "The value of A in secret.env has no closing quote.")]
    public void FromDotEnv_NoVariable_NamesThePlaceAndNotTheText(string text, string message)
    {
        var error = Assert.Throws<InvalidRequestException>(() => Modal.Secrets.DotEnv.Parse(text, "secret.env"));

        Assert.Equal(message, error.Message);
    }

    [Fact]
    public void FromDotEnv_NoFile_SaysWhich()
    {
        var error = Assert.Throws<InvalidRequestException>(() => Secret.FromDotEnv("/nowhere/.env").Read());

        Assert.StartsWith("The secret's file /nowhere/.env cannot be read: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromName_Always_IsAReferenceWithoutValues()
    {
        var secret = Secret.FromName("api", "dev", "TOKEN", "USER");

        Assert.Empty(secret.Read());
        Assert.Equal(("api", "dev", "TOKEN USER"), (secret.Reference!.Name, secret.Reference.Environment, string.Join(' ', secret.Reference.RequiredKeys)));
        Assert.Equal("name:dev/api", secret.ToString());
    }

    private static Dictionary<string, string> Read(string text)
    {
        var path = Path.GetTempFileName();
        File.WriteAllText(path, text);
        try
        {
            return Secret.FromDotEnv(path).Read().ToDictionary();
        }
        finally
        {
            File.Delete(path);
        }
    }
}
