"""Run it: PERISKOPE_WEBHOOK_KEY=... PORT=8000 python aiohttp_app.py"""

import os

from aiohttp import web

from periskope_async import webhooks

KEYS = webhooks.signing_keys()
seen = webhooks.Seen()


async def hook(request: web.Request) -> web.Response:
    try:
        event = webhooks.parse(await request.read(), request.headers, KEYS)
    except webhooks.SignatureError:
        raise web.HTTPBadRequest from None
    if seen.add(event):
        print(event.type, event.key)
    return web.Response()


app = web.Application()
app.router.add_post("/hook", hook)
if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), print=None)
