using Modal.Backend.Runner;
using Modal.Backend.Runner.Native;

if (args is ["call", var path])
{
    return OneCall.Run(path);
}

// Standard input is the channel to the worker. User code and its child processes must not find it there.
using var runner = new RunnerProcess(Unistd.TakeAway(0));
runner.Run();
return 0;
