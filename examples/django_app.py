import asyncio
import atexit
import logging
import os
from functools import cache

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

import periskope_async
import periskope_sync
from periskope_sync import PeriskopeError, answer_for

if not settings.configured:  # in a project of yours: settings.py
    settings.configure(SECRET_KEY=os.urandom(20).hex(), ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__)
    django.setup()


def failed(error: PeriskopeError) -> JsonResponse:
    status, detail, headers = answer_for(error)
    if status >= 500:
        logging.getLogger(__name__).error("%s", error)
    return JsonResponse({"detail": detail}, status=status, headers=headers)


@cache
def periskope() -> periskope_sync.PeriskopeClient:
    client = periskope_sync.PeriskopeClient(timeout=5, deadline=10)
    atexit.register(client.close)
    return client


def ticket(_: HttpRequest, ticket_id: str) -> JsonResponse:
    try:
        return JsonResponse(periskope().tickets.get(ticket_id).to_dict())
    except PeriskopeError as error:
        return failed(error)


@cache
def awaited() -> periskope_async.PeriskopeClient:
    client = periskope_async.PeriskopeClient(timeout=5, deadline=10)
    atexit.register(lambda: asyncio.run(client.aclose()))
    return client


async def ticket_async(_: HttpRequest, ticket_id: str) -> JsonResponse:
    try:
        return JsonResponse((await awaited().tickets.get(ticket_id)).to_dict())
    except PeriskopeError as error:
        return failed(error)


urlpatterns = [path("tickets/<ticket_id>", ticket), path("async/tickets/<ticket_id>", ticket_async)]
wsgi, asgi = get_wsgi_application(), get_asgi_application()
