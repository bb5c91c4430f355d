namespace Modal.Backend.ImageFs.Tracing;

/// <summary>A part of a file of an image.</summary>
/// <param name="Node">Number of the file's entry in the index; of the first name, if it has several.</param>
/// <param name="Chunk">Which 512 KiB of the file, from 0.</param>
public readonly record struct TraceEntry(int Node, int Chunk);
