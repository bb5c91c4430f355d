using Microsoft.CodeAnalysis;

namespace Modal.Generators.Diagnostics;

/// <summary>Every diagnostic of this project. An id is never reused.</summary>
internal static class Descriptors
{
    public static readonly DiagnosticDescriptor NotPartial = Error(
        "MODAL2001", "Type must be partial", "'{0}' holds Modal functions, so it and every type around it must be declared 'partial': add 'partial' to '{1}'");

    public static readonly DiagnosticDescriptor UnsupportedType = Error(
        "MODAL2002", "Type cannot be sent", "{0} of '{1}' cannot be sent to a container: {2}");

    public static readonly DiagnosticDescriptor ByReference = Error(
        "MODAL2003", "No references across machines", "{0} of '{1}' is passed by reference, which cannot reach another machine: pass it by value and return what changed");

    public static readonly DiagnosticDescriptor Generic = Error(
        "MODAL2004", "Functions cannot be generic", "'{0}' is generic; a container must know the types, so write one [Function] method for each type needed");

    public static readonly DiagnosticDescriptor Overload = Error(
        "MODAL2005", "Function names must be unique", "'{0}' is marked [Function] on several overloads; functions are found by name, so give each a name of its own");

    public static readonly DiagnosticDescriptor AsyncVoid = Error(
        "MODAL2006", "Functions cannot be async void", "Nobody can await 'async void {0}': return Task instead");

    public static readonly DiagnosticDescriptor Image = Error(
        "MODAL2007", "Image member not usable", "Image = \"{0}\" of '{1}' cannot be used: {2}");

    public static readonly DiagnosticDescriptor ServiceClass = Error(
        "MODAL2008", "Service cannot be made", "The service '{0}' is {1}, so no container could make an instance of it: {2}");

    public static readonly DiagnosticDescriptor InstanceMethod = Error(
        "MODAL2009", "Instance function outside a service", "'{0}' is an instance method: make it static, or mark '{1}' with [Service]");

    public static readonly DiagnosticDescriptor NotOrdinary = Error(
        "MODAL2010", "Not an ordinary method", "'{0}' is {1}; move it to an ordinary method of a partial class (in a program with top-level statements: 'partial class Program')");

    public static readonly DiagnosticDescriptor Constructors = Error(
        "MODAL2011", "Service needs one constructor", "The service '{0}' has {1}, so it is not clear how to make it: keep one public constructor");

    public static readonly DiagnosticDescriptor Inaccessible = Error(
        "MODAL2012", "Type not accessible", "'{0}' is not accessible to generated code, which is elsewhere in the assembly: make '{1}' internal or public");

    public static readonly DiagnosticDescriptor Lifecycle = Error(
        "MODAL2013", "Wrong lifecycle method", "[{0}] method '{1}' {2}: it must be an instance method that takes nothing or one CancellationToken and returns void, Task or ValueTask");

    public static readonly DiagnosticDescriptor NameTaken = Error(
        "MODAL2014", "Name is taken by generated code", "'{0}' has a member '{1}', which is the name of a generated one: rename it");

    public static readonly DiagnosticDescriptor InvalidImage = Error(
        "MODAL2015", "Image cannot be defined so", "{0} fails when the program runs: {1}");

    public static readonly DiagnosticDescriptor ChangeableImage = Warning(
        "MODAL2016", "Image member can change", "'{0}' gives an image and {1}, so that functions may get different images from it: make it {2}");

    public static readonly DiagnosticDescriptor BatchShape = Error(
        "MODAL2017", "Batched method has another shape",
        "'{0}' is [Batched] but {1}: it must take one array, IReadOnlyList or List of elements without a default (and a CancellationToken if it likes) and return one of results");

    public static readonly DiagnosticDescriptor BatchRange = Error(
        "MODAL2018", "Batch out of range", "{0} of the [Batched] method '{1}' is {2} and must be {3}");

    public static readonly DiagnosticDescriptor BatchAlone = Error(
        "MODAL2019", "Batched method is not alone in its containers", "'{0}' is [Batched], and {1}");

    public static readonly DiagnosticDescriptor BatchWithoutFunction = Error(
        "MODAL2020", "Batched method is no function", "'{0}' is [Batched] but not a [Function], so nothing gathers inputs for it: add [Function], or remove [Batched]");

    public static readonly DiagnosticDescriptor ClusterSize = Error(
        "MODAL2021", "Size of clusters out of range", "Size of the [Clustered] '{0}' is {1} and must be from 2 to 64");

    public static readonly DiagnosticDescriptor ClusterMultiple = Error(
        "MODAL2022", "No multiple of the cluster's size", "{0} of the [Clustered] '{1}' is {2} and must be a multiple of its Size, {3}: only whole clusters are started");

    public static readonly DiagnosticDescriptor ClusterBatched = Error(
        "MODAL2023", "Clustered and batched", "'{0}' is [Clustered], so its containers take each input together, and cannot be [Batched] as well: remove one of them");

    public static readonly DiagnosticDescriptor ClusterWithoutContainers = Error(
        "MODAL2024", "Clustered without containers of its own", "'{0}' is [Clustered] but {1}");

    public static readonly DiagnosticDescriptor Secret = Error(
        "MODAL2030", "Secret member not usable", "'{0}' in Secrets of '{1}' cannot be used: {2}");

    public static readonly DiagnosticDescriptor StoredType = Error(
        "MODAL2031", "Type cannot be stored", "Values of '{0}' cannot be stored: {1}");

    public static readonly DiagnosticDescriptor MountMember = Error(
        "MODAL2040", "Volume member not usable", "[Mount] of the member \"{0}\" of '{1}' cannot be used: {2}");

    public static readonly DiagnosticDescriptor MountPath = Error(
        "MODAL2041", "Volume cannot be at that path", "The path of [Mount] is '{0}' and must be {1}");

    public static readonly DiagnosticDescriptor MountTwice = Error(
        "MODAL2042", "Volumes in each other's way", "'{0}' {1}: choose different volumes and paths beside each other");

    public static readonly DiagnosticDescriptor MountOnMethod = Error(
        "MODAL2043", "Volume on a method of a service", "'{0}' has [Mount], but the methods of a service share their containers: put it on the class '{1}'");

    public static IReadOnlyList<DiagnosticDescriptor> All { get; } =
    [
        NotPartial, UnsupportedType, ByReference, Generic, Overload, AsyncVoid, Image, ServiceClass, InstanceMethod, NotOrdinary, Constructors, Inaccessible, Lifecycle,
        NameTaken, InvalidImage, ChangeableImage, BatchShape, BatchRange, BatchAlone, BatchWithoutFunction, ClusterSize, ClusterMultiple, ClusterBatched,
        ClusterWithoutContainers, Secret, StoredType, MountMember, MountPath, MountTwice, MountOnMethod,
    ];

    public static DiagnosticDescriptor ById(string id) => All.First(d => d.Id == id);

    private static DiagnosticDescriptor Error(string id, string title, string message) => Create(id, title, message, DiagnosticSeverity.Error);

    private static DiagnosticDescriptor Warning(string id, string title, string message) => Create(id, title, message, DiagnosticSeverity.Warning);

    private static DiagnosticDescriptor Create(string id, string title, string message, DiagnosticSeverity severity) => new(
        id,
        title,
        message,
        "Modal",
        severity,
        isEnabledByDefault: true,
        helpLinkUri: "Generators/README.md#" + id.ToLowerInvariant());
}
