"""A notebook that uses both packages in its cells, executed by a real kernel; prints what the cells printed."""

import sys

import nbclient
import nbformat

CELLS = """
import periskope_async, periskope_sync
client = periskope_sync.PeriskopeClient()
print(client.tickets.get("BKT-001").ticket.ticket_id)

print(len(client.tickets.get_many(f"BKT-{n:03}" for n in range(1, 21)).tickets))

with client.tickets.stream(["BKT-002", "BKT-003"], ordered=True) as results:
    print(*[result.ticket_id for result in results])

print(next(client.tickets.list()).ticket_id)

async with periskope_async.PeriskopeClient() as awaited:
    print((await awaited.tickets.get("BKT-004")).ticket.ticket_id)

import asyncio
print((await asyncio.to_thread(client.tickets.get, "BKT-005")).ticket.ticket_id)

client.tickets.get_many(["BKT-006", "BKT-007"], progress=True).raise_for_errors()

client.close()
"""

if __name__ == "__main__":
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS.strip().split("\n\n")])
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    for output in (output for cell in notebook.cells for output in cell.outputs):
        sys.stdout.write(output.text if output.output_type == "stream" else f"{output.data['text/html']}\n")
