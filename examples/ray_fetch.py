import ray

from periskope_sync import PeriskopeClient


@ray.remote(retry_exceptions=True, max_retries=2)  # of a worker that died, and of a part that failed
def fetch(ids):
    with PeriskopeClient(budget="host") as client:  # on several machines: budget="redis://…"
        result = client.tickets.get_many(ids)
    result.raise_for_errors()
    return result.to_records()


def fetch_all(ids, workers=4):
    parts = [ids[start :: 4 * workers] for start in range(4 * workers)]
    return [row for rows in ray.get([fetch.remote(part) for part in parts if part]) for row in rows]
