"""A chat client. To run it: pip install "python-socketio[asyncio-client]" && python client.py TOKEN [URL]"""

import asyncio
import contextlib
import os
import sys
import uuid

import socketio

token = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("CHAT_TOKEN")
url = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("CHAT_URL", "http://localhost:3001")
sio = socketio.AsyncClient()
me = asyncio.Queue()


@sio.on("connect_error")
def refused(error):
    print("Not connected:", error, file=sys.stderr)


@sio.on("session:ready")
def ready(session):
    print("Connected as", session["user"]["displayName"])
    me.put_nowait(session["user"]["userId"])


@sio.on("chat:message_received")
def received(message):
    print(f"{message['sender_username']}: {message['content']}")


async def ask(command, payload, attempts=10):
    # What is not answered, or could not be done just now, is asked again, after a reconnection too.
    while True:
        try:
            ack = await sio.call(command, payload, timeout=5)
        except (socketio.exceptions.TimeoutError, socketio.exceptions.BadNamespaceError):
            ack = {"success": False, "error": {"code": "no answer", "retryable": True}}
        if ack["success"]:
            return ack
        error, attempts = ack["error"], attempts - 1
        if not error["retryable"] or not attempts:
            raise RuntimeError(f"{command}: {error}")
        await asyncio.sleep(error.get("retryAfter", 1))


async def main():
    # recovery=False: handlers take one argument, since this client cannot use offsets.
    auth = {"token": token, "recovery": False}
    try:
        await sio.connect(url, auth=auth, wait_timeout=5)
    except socketio.exceptions.ConnectionError:
        sys.exit(1)
    # Bob greets Alice, and everybody else greets Bob.
    recipient = "alice" if await me.get() == "bob" else "bob"
    opened = await ask("chat:conversation_open", {"recipientId": recipient})
    hello = {
        "conversationId": opened["conversation"]["id"],
        "content": f"Hello, {recipient.title()}!",
    }
    # The message's name, made once: sent again under it, it is no second message.
    await ask("chat:message_send", hello | {"clientMessageId": str(uuid.uuid4())})
    await sio.wait()


with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C ends it
    asyncio.run(main())
