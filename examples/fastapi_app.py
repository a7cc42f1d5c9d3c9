from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Body, FastAPI, Request
from fastapi.responses import JSONResponse

from periskope_async import NotFoundError, PeriskopeClient, PeriskopeError, TicketInfo


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with PeriskopeClient(timeout=5, deadline=10) as app.state.periskope:
        yield


app = FastAPI(lifespan=lifespan)


@app.exception_handler(NotFoundError)
async def not_found(_: Request, error: NotFoundError) -> JSONResponse:
    return JSONResponse({"detail": error.message}, 404)


@app.exception_handler(PeriskopeError)
async def upstream(_: Request, error: PeriskopeError) -> JSONResponse:
    return JSONResponse({"detail": error.message, "trace_id": error.trace_id}, 503 if error.retryable else 502)


@app.get("/tickets/{ticket_id}")
async def ticket(ticket_id: str, request: Request) -> TicketInfo:
    return await request.app.state.periskope.tickets.get(ticket_id)


@app.post("/seen")
async def seen(info: Annotated[TicketInfo, Body()]) -> str:
    return info.ticket.ticket_id
