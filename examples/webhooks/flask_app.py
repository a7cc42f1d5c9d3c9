"""Run it: PERISKOPE_WEBHOOK_KEY=... gunicorn --threads 8 flask_app:app"""

from flask import Flask, abort, request

from periskope_sync import webhooks

app = Flask(__name__)
KEYS = webhooks.signing_keys()
seen = webhooks.Seen()


@app.post("/hook")
def hook() -> str:
    try:
        event = webhooks.parse(request.get_data(), request.headers, KEYS)
    except webhooks.SignatureError:
        abort(400)
    if seen.add(event):
        print(event.type, event.key)
    return ""
