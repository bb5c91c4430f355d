namespace Modal;

/// <summary>The only value of a function that has no result, and the argument of a function without parameters.</summary>
public readonly record struct Unit;
