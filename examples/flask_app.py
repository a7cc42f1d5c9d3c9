import atexit

from flask import Flask, jsonify

from periskope_sync import NotFoundError, PeriskopeClient, PeriskopeError

app = Flask(__name__)
periskope = PeriskopeClient(timeout=5, deadline=10)  # nothing is opened before the first call
atexit.register(periskope.close)


@app.errorhandler(NotFoundError)
def not_found(error: NotFoundError):
    return jsonify(detail=error.message), 404


@app.errorhandler(PeriskopeError)
def upstream(error: PeriskopeError):
    return jsonify(detail=error.message, trace_id=error.trace_id), 503 if error.retryable else 502


@app.get("/tickets/<ticket_id>")
def ticket(ticket_id: str):
    return jsonify(periskope.tickets.get(ticket_id).to_dict())
