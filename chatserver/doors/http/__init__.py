"""What all HTTP answers share: the server, its middleware, answers and errors, probes and documents."""

from chatserver.doors.http import (
    app_page,
    documents,
    etags,
    expectations,
    middleware,
    payload,
    push_key,
    server,
)
from chatserver.doors.http.address import client_address, network_of
from chatserver.doors.http.answers import answer, bearer_token, failure, json_text, refusal
from chatserver.doors.http.app_page import AppPage
from chatserver.doors.http.connection import HttpConnection
from chatserver.doors.http.connections import Times
from chatserver.doors.http.cors import Cors
from chatserver.doors.http.demo_tokens import DemoTokens
from chatserver.doors.http.lasting import SOCKETIO_PATH, Lasting, LastingPath, upgrades
from chatserver.doors.http.open_connections import OpenConnections
from chatserver.doors.http.origin import is_own_origin
from chatserver.doors.http.probes import Probes

__all__ = [
    "SOCKETIO_PATH",
    "AppPage",
    "Cors",
    "DemoTokens",
    "HttpConnection",
    "Lasting",
    "LastingPath",
    "OpenConnections",
    "Probes",
    "Times",
    "answer",
    "app_page",
    "bearer_token",
    "client_address",
    "documents",
    "etags",
    "expectations",
    "failure",
    "is_own_origin",
    "json_text",
    "middleware",
    "network_of",
    "payload",
    "push_key",
    "refusal",
    "server",
    "upgrades",
]
