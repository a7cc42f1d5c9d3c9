import asyncio
import atexit
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

if not settings.configured:  # in a project of yours: settings.py
    settings.configure(SECRET_KEY=os.urandom(20).hex(), ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__)
    django.setup()


@cache
def periskope() -> periskope_sync.PeriskopeClient:
    client = periskope_sync.PeriskopeClient(timeout=5, deadline=10)
    atexit.register(client.close)
    return client


def ticket(_: HttpRequest, ticket_id: str) -> JsonResponse:
    try:
        info = periskope().tickets.get(ticket_id)
    except periskope_sync.NotFoundError as error:
        return JsonResponse({"detail": error.message}, status=404)
    return JsonResponse(info.to_dict())


@cache
def awaited() -> periskope_async.PeriskopeClient:
    client = periskope_async.PeriskopeClient(timeout=5, deadline=10)
    atexit.register(lambda: asyncio.run(client.aclose()))
    return client


async def ticket_async(_: HttpRequest, ticket_id: str) -> JsonResponse:
    try:
        info = await awaited().tickets.get(ticket_id)
    except periskope_async.NotFoundError as error:
        return JsonResponse({"detail": error.message}, status=404)
    return JsonResponse(info.to_dict())


urlpatterns = [path("tickets/<ticket_id>", ticket), path("async/tickets/<ticket_id>", ticket_async)]
wsgi, asgi = get_wsgi_application(), get_asgi_application()
