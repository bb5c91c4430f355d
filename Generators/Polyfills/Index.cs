namespace System;

// netstandard2.0 lacks it; list patterns need it.
internal readonly struct Index(int value, bool fromEnd = false)
{
    public int GetOffset(int length) => fromEnd ? length - value : value;
}
