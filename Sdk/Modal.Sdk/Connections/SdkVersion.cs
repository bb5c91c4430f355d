using System.Reflection;

namespace Modal.Connections;

/// <summary>The version of this library.</summary>
internal static class SdkVersion
{
    public static string Current { get; } =
        typeof(SdkVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";
}
