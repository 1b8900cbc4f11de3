"""What other programs publish: messages in the format of python-socketio's managers."""

from typing import Any

import orjson


def stranger(**changes: Any) -> bytes:
    """A push that a stock manager would publish, with changes."""
    message = {
        "method": "emit",
        "event": "promo",
        "data": [{"a": [1]}],
        "binary": False,
        "namespace": "/",
        "room": "user:a",
        "skip_sid": None,
        "callback": None,
        "host_id": "stranger",
    }
    return orjson.dumps(message | changes)
