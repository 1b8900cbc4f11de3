"""Another program that tells a person's devices something, through Redis. To run it:

pip install python-socketio redis && python emit.py USER EVENT JSON [REDIS_URL]
"""

import asyncio
import json
import sys

import socketio


async def main(user, event, data, redis_url="redis://localhost:6379"):
    # It only writes, and needs no token: those who reach your Redis are trusted with this.
    chat = socketio.AsyncRedisManager(redis_url, write_only=True)
    # The devices that are connected get it, once or never; an event's name is your own, such as order:shipped.
    await chat.emit(event, json.loads(data), room=f"user:{user}")
    await chat.redis.aclose()


asyncio.run(main(*sys.argv[1:]))
