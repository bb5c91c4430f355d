using Modal.Backend.Host.Commands;

return await HostCommand.Create().Parse(args).InvokeAsync();
