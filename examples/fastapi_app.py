import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Body, FastAPI, Request
from fastapi.responses import JSONResponse

from periskope_async import PeriskopeClient, PeriskopeError, TicketInfo, TicketRow, answer_for


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with PeriskopeClient(timeout=5, deadline=10) as app.state.periskope:
        yield


app = FastAPI(lifespan=lifespan)


@app.exception_handler(PeriskopeError)
async def failed(request: Request, error: PeriskopeError) -> JSONResponse:
    status, detail, headers = answer_for(error)
    if status >= 500:
        logging.getLogger(__name__).error("%s: %s", request.url.path, error)
    return JSONResponse({"detail": detail}, status, headers)


@app.get("/tickets/{ticket_id}")
async def ticket(ticket_id: str, request: Request) -> TicketInfo:
    return await request.app.state.periskope.tickets.get(ticket_id)


@app.get("/tickets")
async def tickets(request: Request, limit: int = 20) -> list[TicketRow]:
    return [row async for row in request.app.state.periskope.tickets.list(limit=limit)]


@app.post("/seen")
async def seen(info: Annotated[TicketInfo, Body()]) -> str:
    return info.ticket.ticket_id
