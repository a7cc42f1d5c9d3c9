"""Run it: PERISKOPE_WEBHOOK_KEY=... gunicorn --threads 8 django_sync:application"""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from periskope_sync import webhooks

KEYS = webhooks.signing_keys()
seen = webhooks.Seen()


@csrf_exempt
def hook(request: HttpRequest) -> HttpResponse:
    try:
        event = webhooks.parse(request.body, request.headers, KEYS)
    except webhooks.SignatureError:
        return HttpResponseBadRequest()
    if seen.add(event):
        print(event.type, event.key)
    return HttpResponse()


urlpatterns = [path("hook", hook)]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"])  # a project has settings of its own
application = get_wsgi_application()
