from collections.abc import AsyncIterator

from aiohttp import web

from periskope_async import NotFoundError, PeriskopeClient, PeriskopeError

CLIENT = web.AppKey("CLIENT", PeriskopeClient)


async def periskope(app: web.Application) -> AsyncIterator[None]:
    async with PeriskopeClient(timeout=5, deadline=10) as app[CLIENT]:
        yield


async def ticket(request: web.Request) -> web.Response:
    try:
        info = await request.app[CLIENT].tickets.get(request.match_info["ticket_id"])
    except NotFoundError:
        raise web.HTTPNotFound from None
    except PeriskopeError as error:
        raise (web.HTTPServiceUnavailable if error.retryable else web.HTTPBadGateway) from error
    return web.json_response(info.to_dict())  # the service's JSON again


def make_app(_arguments: list[str] | None = None) -> web.Application:
    app = web.Application()
    app.cleanup_ctx.append(periskope)
    app.router.add_get("/tickets/{ticket_id}", ticket)
    return app
