"""Run it: PERISKOPE_WEBHOOK_KEY=... REDIS_URL=redis://localhost uvicorn --workers 4 fastapi_redis:app"""

import os

import redis.asyncio
from fastapi import FastAPI, HTTPException, Request

from periskope_async import webhooks

app = FastAPI()
KEYS = webhooks.signing_keys()
seen = redis.asyncio.from_url(os.environ["REDIS_URL"])
A_DAY = 24 * 3600  # seconds


@app.post("/hook")
async def hook(request: Request) -> None:
    try:
        event = webhooks.parse(await request.body(), request.headers, KEYS)
    except webhooks.SignatureError:
        raise HTTPException(400) from None
    if await seen.set(event.key, 1, nx=True, ex=A_DAY):
        print(event.type, event.key)
