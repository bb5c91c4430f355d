using Modal.Backend.ControlPlane.Hosting;
using Modal.Backend.ControlPlane.Workers;

namespace Modal.Backend.ControlPlane.Containers;

/// <summary>Finds containers that workers have now. With several silos it finds those whose worker is connected to this one, which is also where its containers connect.</summary>
internal sealed class ContainerDirectory(Registry<WorkerLink> workers)
{
    /// <summary>The container; null if no worker has it.</summary>
    public ContainerIdentity? Find(string containerId) => workers.All.Select(link => link.Find(containerId)).FirstOrDefault(static found => found is not null);
}
