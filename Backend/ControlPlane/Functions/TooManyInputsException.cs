namespace Modal.Backend.ControlPlane.Functions;

/// <summary>A stream holds more unfinished inputs than one client may have.</summary>
[GenerateSerializer]
internal sealed class TooManyInputsException()
    : Exception("The stream holds more than 1,000,000 unfinished inputs. Wait for results before sending more.");
