import pandas as pd

from periskope_sync import PeriskopeClient

COLUMNS = ["ticket_id", "status", "subject"]


def fetch(frames):
    with PeriskopeClient(budget="host") as client:  # on several machines: budget="redis://…"
        for frame in frames:
            result = client.tickets.get_many(frame["ticket_id"])
            result.raise_for_errors()  # Spark does a part that failed, or whose worker died, again
            yield pd.DataFrame(result.to_records())[COLUMNS].astype("string")


def fetch_all(spark, ids, workers=4):
    frame = spark.createDataFrame([(ticket_id,) for ticket_id in ids], "ticket_id string")
    schema = ", ".join(f"{name} string" for name in COLUMNS)
    return frame.repartition(4 * workers).mapInPandas(fetch, schema).collect()
