"""The worker's side of the Celery peer."""
import os

from celery import Celery

url = os.environ["CELERY_REDIS"]
app = Celery("celery_app", broker=url, backend=url)


@app.task
def square(x):
    return x * x
