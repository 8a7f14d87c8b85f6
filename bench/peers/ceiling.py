"""The ceiling: Flask and gunicorn, when nothing is done with a callback."""

from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.post("/callback")
def receive_callback() -> Response:
    """Parse the body, and answer."""
    request.get_json(force=True)
    return jsonify(ActionStatus="OK", ErrorInfo="", ErrorCode=0)
