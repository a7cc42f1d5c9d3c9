"""A Celery application of one module-level blocking client, used before the worker forks its pool.

`python -m celery --app celery_app worker` works; `python celery_app.py` sends tasks and prints what they returned.
The broker and the results are files in the working directory.
"""

import json
import os
import sys

import celery

from periskope_sync import PeriskopeClient

client = PeriskopeClient()
app = celery.Celery("celery_app", broker="filesystem://", backend="file://results")
app.conf.broker_transport_options = {
    "data_folder_in": "queue",
    "data_folder_out": "queue",
    "control_folder": "control",
    "store_processed": False,
}
app.conf.broker_connection_retry_on_startup = True
client.tickets.get("BKT-001")


@app.task(name="celery_app.get")
def get(ticket_id: str) -> tuple[int, str]:
    """Return the worker's process and the ticket's id as the service spells it."""
    return os.getpid(), client.tickets.get(ticket_id).ticket.ticket_id


if __name__ == "__main__":
    sent = [get.delay(f"BKT-{number:03}") for number in range(1, 9)]
    json.dump([result.get(timeout=30) for result in sent], sys.stdout)
    client.close()
