"""A main back end: it has the people and their passwords, and gives those who are signed in a token for the chat.

pip install aiohttp PyJWT && JWT_SECRET=… python backend.py, beside a chat server with the same JWT_SECRET.
"""

import base64
import os
import secrets
import time
import uuid

import jwt
from aiohttp import web

SECRET = base64.b64decode(os.environ["JWT_SECRET"])
CHAT = os.environ.get("CHAT_URL", "http://localhost:3001")
# Yours are in a table, by hashes. The chat server finds the same people in its directory.
PASSWORDS = {"alice": "rabbit", "bob": "builder"}
sessions = {}
HEAD = "<!doctype html><meta charset=utf-8><title>Shop</title>"
FORM = """<form method=post action=/login>
<input name=user> <input name=password type=password> <button>Sign in</button></form>"""
HOME = """<p>Hello! <button>Chat</button> <output></output><script>
document.querySelector("button").onclick = async () => {
  const { token } = await (await fetch("/chat-token", { method: "POST" })).json();
  const headers = { Authorization: `Bearer ${token}` };
  const list = await (await fetch("%s/api/conversations", { headers })).json();
  document.querySelector("output").textContent = `You have ${list.total} conversations.`;
};</script>"""


def user_of(request):
    return sessions.get(request.cookies.get("session"))


async def home(request):
    page = HOME % CHAT if user_of(request) else FORM
    return web.Response(text=HEAD + page, content_type="text/html")


async def login(request):
    form = await request.post()
    user, password = str(form.get("user")), str(form.get("password"))
    expected = PASSWORDS.get(user, secrets.token_hex())
    if not secrets.compare_digest(expected.encode(), password.encode()):
        raise web.HTTPUnauthorized(text="No such user, or another password.")
    session, response = secrets.token_urlsafe(), web.HTTPSeeOther("/")
    sessions[session] = user
    response.set_cookie("session", session, httponly=True, samesite="Strict")
    return response


async def chat_token(request):
    user = user_of(request)
    if user is None:
        raise web.HTTPUnauthorized
    now = int(time.time())
    # A quarter of an hour: clients ask for the next one in time. By its jti it can be revoked.
    claims = {"sub": user, "jti": str(uuid.uuid4()), "iat": now, "exp": now + 900}
    return web.json_response({"token": jwt.encode(claims, SECRET, "HS256")})


app = web.Application()
app.add_routes([web.get("/", home), web.post("/login", login), web.post("/chat-token", chat_token)])
web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
