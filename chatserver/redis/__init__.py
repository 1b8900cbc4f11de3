"""Clients of Redis, scripts that run in order, and what keeps us from it in a line for people (`trouble`)."""

from chatserver.redis import trouble
from chatserver.redis.client import close_client, redis_client
from chatserver.redis.scripts import ScriptRunner
from chatserver.redis.topology import Node, Topology, discover
from chatserver.redis.wire import Wire

__all__ = [
    "Node",
    "ScriptRunner",
    "Topology",
    "Wire",
    "close_client",
    "discover",
    "redis_client",
    "trouble",
]
