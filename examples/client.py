"""A chat client. To run it: pip install "python-socketio[asyncio_client]" && python client.py TOKEN [URL]"""

import asyncio
import os
import sys
import uuid

import socketio

token = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("CHAT_TOKEN")
url = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("CHAT_URL", "http://localhost:3001")
sio = socketio.AsyncClient()


@sio.on("connect_error")
def refused(error):
    print("Not connected:", error, file=sys.stderr)


@sio.on("session:ready")
def ready(session):
    print("Connected as", session["user"]["displayName"])


@sio.on("chat:message_received")
def received(message):
    print(f"{message['sender_username']}: {message['content']}")


async def ask(command, payload):
    ack = await sio.call(command, payload, timeout=5)
    if not ack["success"]:
        raise RuntimeError(f"{command}: {ack['error']['code']}, {ack['error']['message']}")
    return ack


async def main():
    # recovery=False: handlers take one argument, since this client cannot use offsets.
    auth = {"token": token, "recovery": False}
    try:
        await sio.connect(url, auth=auth, wait_timeout=5)
    except socketio.exceptions.ConnectionError:
        sys.exit(1)
    opened = await ask("chat:conversation_open", {"recipientId": "bob"})
    hello = {"conversationId": opened["conversation"]["id"], "content": "Hello, Bob!"}
    # The message's name: sent again under it, it is no second message.
    await ask("chat:message_send", hello | {"clientMessageId": str(uuid.uuid4())})
    await sio.wait()


asyncio.run(main())
