import dask.bag
from distributed import Client

from periskope_sync import PeriskopeClient


def fetch(ids):
    with PeriskopeClient(budget="host") as client:  # on several machines: budget="redis://…"
        result = client.tickets.get_many(ids)
    result.raise_for_errors()  # Dask does a part that failed, or whose worker died, again
    return result.to_records()


def fetch_all(ids, workers=4):
    with Client(n_workers=workers, threads_per_worker=1, dashboard_address=None):
        return dask.bag.from_sequence(ids, npartitions=4 * workers).map_partitions(fetch).compute(retries=2)
