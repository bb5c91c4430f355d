"""A group of N square tasks on a Celery worker; prints seconds."""
import sys
import time

from celery import group

from celery_app import square

n = int(sys.argv[1])
group(square.s(i) for i in range(200)).apply_async().get(timeout=120)
start = time.perf_counter()
results = group(square.s(i) for i in range(n)).apply_async().get(timeout=300)
seconds = time.perf_counter() - start
assert results == [i * i for i in range(n)]
print(seconds, flush=True)
