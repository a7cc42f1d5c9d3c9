import dlt

from periskope_async.integrations.dlt import periskope


def load(destination="duckdb"):
    pipeline = dlt.pipeline("periskope", destination=destination, dataset_name="inbox")
    pipeline.run(periskope(resources=["tickets", "chats"]))
    with pipeline.sql_client() as sql:
        return sql.execute_sql("""
            SELECT chats.chat_name, count(*) AS tickets, avg(tickets.closed_at - tickets.created_at) AS time_to_close
            FROM tickets JOIN chats ON chats.chat_id = tickets.chat_id
            GROUP BY ALL ORDER BY tickets DESC LIMIT 5
        """)


if __name__ == "__main__":
    print(load())
