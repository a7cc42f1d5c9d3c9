"""Run it: PERISKOPE_WEBHOOK_KEY=... uvicorn fastapi_app:app"""

from fastapi import FastAPI, HTTPException, Request

from periskope_async import webhooks
from periskope_async.events import TicketEvent

app = FastAPI()
KEYS = webhooks.signing_keys()
seen = webhooks.Seen()


@app.post("/hook")
async def hook(request: Request) -> None:
    try:
        event = webhooks.parse(await request.body(), request.headers, KEYS)
    except webhooks.SignatureError:
        raise HTTPException(400) from None
    match event:
        case TicketEvent(info, previous=old) if seen.add(event):
            print(event.type, info.ticket.ticket_id, event.key, old)
