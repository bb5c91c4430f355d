namespace Modal.Backend.ControlPlane.Functions;

/// <summary>What can be in one <see cref="Chain{T}"/> at a time. The links are in the item: a place in a list costs no object of its own.</summary>
internal abstract class Chained<T>
    where T : Chained<T>
{
    public T? Next { get; set; }

    public T? Previous { get; set; }
}

/// <summary>A doubly linked list through its items. Mutable: pass it by reference only.</summary>
internal struct Chain<T>
    where T : Chained<T>
{
    public T? First { get; private set; }

    public T? Last { get; private set; }

    public int Count { get; private set; }

    public void Add(T item, bool atFront)
    {
        if (atFront)
        {
            item.Next = First;
            First = item;
        }
        else
        {
            item.Previous = Last;
            Last = item;
        }

        if (item.Next is { } next)
        {
            next.Previous = item;
        }

        if (item.Previous is { } previous)
        {
            previous.Next = item;
        }

        if (Count++ == 0)
        {
            First = Last = item;
        }
    }

    /// <param name="item">Must be in this list.</param>
    public void Remove(T item)
    {
        if (item.Previous is { } previous)
        {
            previous.Next = item.Next;
        }
        else
        {
            First = item.Next;
        }

        if (item.Next is { } next)
        {
            next.Previous = item.Previous;
        }
        else
        {
            Last = item.Previous;
        }

        item.Next = item.Previous = null;
        Count--;
    }
}
