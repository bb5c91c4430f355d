using Microsoft.CodeAnalysis;

namespace Modal.Generators.Diagnostics;

/// <summary>Everything the generator can complain about.</summary>
internal static class Descriptors
{
    public static readonly DiagnosticDescriptor NotPartial = Error(
        "MODAL2001", "A class with remote functions must be partial", "'{0}' must be declared partial, and so must every type around it, so that '{1}' can get its remote handle");

    public static readonly DiagnosticDescriptor UnsupportedType = Error(
        "MODAL2002", "A type cannot be sent to a container", "'{0}' of function '{1}' cannot be sent to a container: {2} is {3}; use a plain class or record, a collection or a simple value");

    public static readonly DiagnosticDescriptor ReferenceParameter = Error(
        "MODAL2003", "A remote function cannot have ref, out or in parameters", "Parameter '{0}' of function '{1}' is passed by reference, which cannot reach another machine; take it by value and return what changes");

    public static readonly DiagnosticDescriptor Generic = Error(
        "MODAL2004", "A remote function cannot be generic", "Function '{0}' is generic or is in a generic type; write one function for each type it is needed for");

    public static readonly DiagnosticDescriptor Overload = Error(
        "MODAL2005", "Remote functions cannot be overloaded", "'{0}' has more than one [Function] method named '{1}'; give each a name of its own");

    public static readonly DiagnosticDescriptor AsyncVoid = Error(
        "MODAL2006", "A remote function cannot be async void", "Function '{0}' is async void, so that nobody can tell when it has ended; return Task");

    public static readonly DiagnosticDescriptor ImageNotFound = Error(
        "MODAL2007", "The image member was not found", "'{0}' has no static property, field or parameterless method '{1}' of type Modal.Image; write Image = nameof(member)");

    public static readonly DiagnosticDescriptor InstanceMethod = Error(
        "MODAL2008", "An instance method needs a service", "Function '{0}' is an instance method; make it static, or mark its class with [Service]");

    public static readonly DiagnosticDescriptor LocalFunction = Error(
        "MODAL2009", "A local function cannot run remotely", "'{0}' is a local function; make it a static method of a partial class, such as 'partial class Program'");

    public static readonly DiagnosticDescriptor NotAccessible = Error(
        "MODAL2010", "Generated code cannot reach a type", "'{0}' is {1}; generated code must reach it, so make it and every type around it internal or public");

    public static readonly DiagnosticDescriptor ServiceShape = Error(
        "MODAL2011", "The class cannot be a service", "'{0}' {1}");

    public static readonly DiagnosticDescriptor Hook = Error(
        "MODAL2012", "A lifecycle method has the wrong signature", "'{0}' must be an instance method that returns void, Task or ValueTask and takes nothing or a CancellationToken");

    public static readonly DiagnosticDescriptor NameTaken = Error(
        "MODAL2013", "The name Remote is taken", "'{0}' has a member named Remote, which is the name of the class that holds its handles; rename the member");

    public static readonly IReadOnlyDictionary<string, DiagnosticDescriptor> All = new[]
    {
        NotPartial, UnsupportedType, ReferenceParameter, Generic, Overload, AsyncVoid, ImageNotFound, InstanceMethod, LocalFunction, NotAccessible, ServiceShape, Hook, NameTaken,
    }.ToDictionary(d => d.Id);

    private static DiagnosticDescriptor Error(string id, string title, string message) => new(
        id, title, message, "Modal.Generators", DiagnosticSeverity.Error, isEnabledByDefault: true,
        helpLinkUri: $"https://github.com/modal-sdk/modal-sdk/blob/main/Generators/README.md#{id.ToLowerInvariant()}");
}
