namespace Modal.Backend.Images.Building;

/// <summary>Commands, or a function, that make a layer.</summary>
/// <param name="Commands">Each a program and its arguments.</param>
/// <param name="Shown">As people know them, or the function, one for each.</param>
/// <param name="Environment">Variables.</param>
/// <param name="Binds">Folders and files of this machine by path inside.</param>
/// <param name="Caches">Ids of folders that are kept, by path inside.</param>
/// <param name="Gpu">GPUs.</param>
/// <param name="Function">A function in place of commands.</param>
internal sealed record Step(
    IReadOnlyList<IReadOnlyList<string>> Commands, IReadOnlyList<string> Shown, IReadOnlyDictionary<string, string> Environment,
    IReadOnlyDictionary<string, string> Binds, IReadOnlyDictionary<string, string> Caches, string Gpu = "", FunctionCall? Function = null);
