"""Map of square over N inputs on two worker processes of Dask distributed; prints seconds."""
import sys
import time

from dask.distributed import Client, LocalCluster


def square(x):
    return x * x


def main():
    n = int(sys.argv[1])
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1")
    client = Client(cluster)
    client.gather(client.map(square, range(500), pure=False))
    start = time.perf_counter()
    results = client.gather(client.map(square, range(n), pure=False))
    seconds = time.perf_counter() - start
    assert results == [i * i for i in range(n)]
    print(seconds, flush=True)
    client.close()
    cluster.close()


if __name__ == "__main__":
    main()
