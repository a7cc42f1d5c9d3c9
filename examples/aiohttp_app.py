import logging
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.typedefs import Handler

from periskope_async import PeriskopeClient, PeriskopeError, answer_for

CLIENT = web.AppKey("CLIENT", PeriskopeClient)


async def periskope(app: web.Application) -> AsyncIterator[None]:
    async with PeriskopeClient(timeout=5, deadline=10) as app[CLIENT]:
        yield


def failed(error: PeriskopeError) -> web.Response:
    status, detail, headers = answer_for(error)
    if status >= 500:
        logging.getLogger(__name__).error("%s", error)
    return web.json_response({"detail": detail}, status=status, headers=headers)


@web.middleware
async def failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except PeriskopeError as error:
        return failed(error)


async def ticket(request: web.Request) -> web.Response:
    info = await request.app[CLIENT].tickets.get(request.match_info["ticket_id"])
    return web.json_response(info.to_dict())  # the service's JSON again


def make_app(_arguments: list[str] | None = None) -> web.Application:
    app = web.Application(middlewares=[failures])
    app.cleanup_ctx.append(periskope)
    app.router.add_get("/tickets/{ticket_id}", ticket)
    return app
