using Microsoft.CodeAnalysis;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

internal sealed partial class TypeGraph
{
    private const string Generic = "System.Collections.Generic.";
    private const string Immutable = "System.Collections.Immutable.";

    private static bool IsListedCollection(INamedTypeSymbol type) => Shape(type) is not null;

    private CodecModel? Collection(INamedTypeSymbol type, string identity, string name, string path)
    {
        if (Problem is not null || Shape(type) is not { } shape)
        {
            return null;
        }

        var uses = new List<TypeUse>();
        for (var i = 0; i < type.TypeArguments.Length; i++)
        {
            var place = type.TypeArguments.Length == 1 ? "[]" : i == 0 ? ".Keys[]" : ".Values[]";
            if (Visit(type.TypeArguments[i], path + place) is not { } use)
            {
                return null;
            }

            uses.Add(use);
        }

        var kind = uses.Count == 2 ? CodecKind.Dictionary : CodecKind.Collection;
        var elements = uses.ToEquatableArray();
        return new CodecModel(identity, name, kind, type.IsReferenceType, elements, shape, default, default);
    }

    private static CollectionModel? Shape(INamedTypeSymbol type)
    {
        if (type.TypeArguments.Length is not (1 or 2))
        {
            return null;
        }

        var a = TypeNames.Identity(type.TypeArguments[0]);
        var b = type.TypeArguments.Length == 2 ? TypeNames.Identity(type.TypeArguments[1]) : "";
        const string Add = "result.Add(item)";
        switch (MetadataName(type.OriginalDefinition))
        {
            case Generic + "List`1" or Generic + "IList`1" or Generic + "ICollection`1" or Generic + "IReadOnlyList`1" or Generic + "IReadOnlyCollection`1":
                return Simple($"global::System.Collections.Generic.List<{a}>(count)", Add);
            case Generic + "IEnumerable`1":
                return Simple($"global::System.Collections.Generic.List<{a}>(count)", Add, count: null);
            case Generic + "HashSet`1" or Generic + "ISet`1" or Generic + "IReadOnlySet`1":
                return Simple($"global::System.Collections.Generic.HashSet<{a}>(count)", Add);
            case Generic + "SortedSet`1":
                return Simple($"global::System.Collections.Generic.SortedSet<{a}>()", Add);
            case Generic + "LinkedList`1":
                return Simple($"global::System.Collections.Generic.LinkedList<{a}>()", "result.AddLast(item)");
            case Generic + "Queue`1":
                return Simple($"global::System.Collections.Generic.Queue<{a}>(count)", "result.Enqueue(item)");
            case Generic + "Stack`1":
                return Simple($"global::System.Collections.Generic.Stack<{a}>(count)", "result.Push(item)") with { IsReversed = true };
            case "System.Collections.ObjectModel.Collection`1" or "System.Collections.ObjectModel.ObservableCollection`1":
                return Simple($"{TypeNames.Identity(type)}()", Add);
            case "System.Collections.ObjectModel.ReadOnlyCollection`1":
                return Simple($"global::System.Collections.Generic.List<{a}>(count)", Add) with { Finish = $"new {TypeNames.Identity(type)}(result)" };
            case Immutable + "ImmutableArray`1":
                return new("value.Length", $"global::System.Collections.Immutable.ImmutableArray.CreateBuilder<{a}>(count)", Add, "result.MoveToImmutable()", false, "value.IsDefault", false);
            case Immutable + "ImmutableList`1" or Immutable + "IImmutableList`1":
                return new("value.Count", $"global::System.Collections.Immutable.ImmutableList.CreateBuilder<{a}>()", Add, "result.ToImmutable()", false, null, false);
            case Immutable + "ImmutableHashSet`1" or Immutable + "IImmutableSet`1":
                return new("value.Count", $"global::System.Collections.Immutable.ImmutableHashSet.CreateBuilder<{a}>()", Add, "result.ToImmutable()", false, null, false);
            case Immutable + "ImmutableDictionary`2" or Immutable + "IImmutableDictionary`2":
                return Pairs(type, $"global::System.Collections.Immutable.ImmutableDictionary.CreateBuilder<{a}, {b}>()") with { Finish = "result.ToImmutable()" };
            case Generic + "Dictionary`2" or Generic + "IDictionary`2" or Generic + "IReadOnlyDictionary`2":
                return Pairs(type, $"new global::System.Collections.Generic.Dictionary<{a}, {b}>(count)");
            case Generic + "SortedDictionary`2":
                return Pairs(type, $"new global::System.Collections.Generic.SortedDictionary<{a}, {b}>()");
            case Generic + "SortedList`2":
                return Pairs(type, $"new global::System.Collections.Generic.SortedList<{a}, {b}>(count)");
            case "System.Collections.Concurrent.ConcurrentDictionary`2":
                // Others may change it while it is written: it is copied first, so that the count is that of the copy.
                return Pairs(type, $"new global::System.Collections.Concurrent.ConcurrentDictionary<{a}, {b}>()") with { Count = null };
            default:
                return null;
        }
    }

    private static CollectionModel Simple(string create, string add, string? count = "value.Count") => new(count, "new " + create, add, "result", false, null, false);

    private static CollectionModel Pairs(INamedTypeSymbol type, string create) =>
        new("value.Count", create, "result[key] = item", "result", false, null, !type.TypeArguments[0].IsValueType);
}
