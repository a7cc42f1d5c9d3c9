import atexit

from flask import Flask, jsonify

from periskope_sync import PeriskopeClient, PeriskopeError, answer_for

app = Flask(__name__)
periskope = PeriskopeClient(timeout=5, deadline=10)  # nothing is opened before the first call
atexit.register(periskope.close)


@app.errorhandler(PeriskopeError)
def failed(error: PeriskopeError):
    status, detail, headers = answer_for(error)
    if status >= 500:
        app.logger.error("%s", error)
    return jsonify(detail=detail), status, headers


@app.get("/tickets/<ticket_id>")
def ticket(ticket_id: str):
    return jsonify(periskope.tickets.get(ticket_id).to_dict())
