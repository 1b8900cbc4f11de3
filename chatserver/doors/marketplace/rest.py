"""The six routes of the marketplace system, on the commands of the main door."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from chatserver.core.caller import Session
from chatserver.core.encoding import dumps
from chatserver.core.errors import ChatError, ErrorCode, denied, invalid
from chatserver.doors.http import etags, expectations, json_text
from chatserver.doors.http import payload as http_payload
from chatserver.doors.marketplace import shapes, words
from chatserver.doors.marketplace.credentials import Credentials
from chatserver.doors.marketplace.failures import failure
from chatserver.doors.marketplace.own import OwnConversation
from chatserver.gate import Gate, LatePayload
from chatserver.resources import Abouts, Directory, Existence
from chatserver.schemas import marketplace
from chatserver.schemas.blocks import BlockState, ConversationBlock
from chatserver.schemas.conversations import (
    ConversationFound,
    ConversationGiven,
    ConversationListAsk,
    ConversationPage,
)
from chatserver.schemas.history import History, HistoryAsk
from chatserver.schemas.marketplace import MarketBlock, MarketRoute
from chatserver.schemas.messages import MessageSend, MessageSent
from chatserver.schemas.receipts import Receipt, Updated
from chatserver.schemas.wire import Loader, camel, to_wire
from chatserver.sessions import Authenticator

Responder = Callable[[web.Request, Session], Awaitable[web.Response]]
Payload = dict[str, Any]
Given = TypeVar("Given")

_LIST = Loader(ConversationListAsk).fields
# Their system has no archive: what somebody has archived by the main door is listed too.
_DIRECT = {"type": "direct", "archived": None}
_HISTORY = Loader(HistoryAsk).fields
_SEND = Loader(MessageSend).fields
_READ = Loader(Receipt).fields
_BLOCK = Loader(ConversationBlock).fields


class MarketplaceRest:
    """Turns the marketplace system's requests into commands, and answers into its own shapes.

    Args:
        max_payload_size: of a body, in bytes.
    """

    def __init__(
        self,
        gate: Gate,
        authenticator: Authenticator,
        credentials: Credentials,
        directory: Directory,
        abouts: Abouts,
        existence: Existence,
        max_payload_size: int,
    ) -> None:
        self._gate = gate
        self._authenticator = authenticator
        self._credentials = credentials
        self._directory = directory
        self._abouts = abouts
        self._existence = existence
        self._max_payload_size = max_payload_size

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            self._route(marketplace.CONVERSATIONS, self._conversations),
            self._route(marketplace.CONVERSATION, self._conversation),
            self._route(marketplace.BLOCK, self._block),
            self._route(marketplace.MESSAGES, self._messages),
            self._route(marketplace.SEND, self._send),
            self._route(marketplace.MARK_READ, self._mark_read),
        ]

    def _route(self, route: MarketRoute, respond: Responder) -> web.RouteDef:
        async def guarded(request: web.Request) -> web.Response:
            try:
                session = await self._authenticator.authenticate(
                    self._credentials.token(request), str(uuid.uuid4()), lasting=False
                )
                return await respond(request, session)
            except ChatError as error:
                return failure(error)

        # Whatever stands there is the field's value, braces too: the schema says what is wrong.
        path = route.path.replace("}", ":[^/]+}")
        # web.get answers HEAD as well.
        if route.method == "GET":
            return web.get(path, guarded, expect_handler=expectations.check)
        return web.route(route.method, path, guarded, expect_handler=expectations.check)

    # -- conversations ----------------------------------------------------------------------------

    async def _conversations(self, request: web.Request, session: Session) -> web.Response:
        payload = await self._read(request, session, _LIST)
        payload = {"limit": marketplace.CONVERSATIONS.page} | payload | _DIRECT
        page = await self._ask(session, "chat:conversation_list", payload, ConversationPage)
        others = [shapes.other_than(card, session.user.id) for card in page.conversations]
        people = await self._directory.names(others)
        body = [
            to_wire(shapes.conversation(card, people[other]))
            for card, other in zip(page.conversations, others, strict=True)
        ]
        cursor = page.pagination.next_cursor
        links = {} if cursor is None else _next({"limit": payload["limit"], "cursor": cursor})
        return self._answer(request, session, body, headers=links)

    async def _conversation(self, request: web.Request, session: Session) -> web.Response:
        named = request.match_info["conversationId"]
        own = self._own(session, {"conversationId": named})
        card = await self._ask(session, "chat:conversation_get", own, ConversationGiven)
        other = next(user for user in own.about.users if user != session.user.id)
        people = await self._directory.names([other])
        body = shapes.conversation(card.conversation, people[other])
        return self._answer(request, session, to_wire(body))

    async def _block(self, request: web.Request, session: Session) -> web.Response:
        named = request.match_info["conversationId"]
        payload = await self._read(request, session, _BLOCK)
        own = self._own(session, payload | {"conversationId": named})
        state = await self._ask(session, "chat:conversation_block", own, BlockState)
        body = MarketBlock(
            conversation_id=named.lower(), blocked=state.blocked, blocked_by=state.blocked_by
        )
        return self._answer(request, session, to_wire(body))

    # -- messages ---------------------------------------------------------------------------------

    async def _messages(self, request: web.Request, session: Session) -> web.Response:
        payload = _without_blanks(await self._read(request, session, _HISTORY))
        addressee = {name: payload.pop(name, None) for name in ("recipientId", "productId")}
        if "conversationId" not in payload:
            if addressee["recipientId"] is None:
                raise self._refused(
                    session, invalid("conversationId", "Give conversationId or recipientId.")
                )
            found = await self._ask(session, "chat:conversation_find", addressee, ConversationFound)
            if found.conversation_id is None:
                return self._answer(request, session, [])
            payload["conversationId"] = found.conversation_id
        most = marketplace.MESSAGES.page
        limit = payload.setdefault("limit", most)
        if isinstance(limit, int) and limit > most:
            raise self._refused(session, invalid("limit", f"Must be from 1 to {most}."))
        own = self._own(session, payload)
        history = await self._ask(session, "chat:history", own, History)
        people = await self._directory.names(own.about.users)
        shown = [
            words.message(message, own.about.by(people[message.sender_id]))
            for message in history.messages
        ]
        body = [message for message in shown if message is not None]
        before = history.pagination.next_before_seq
        conversation_id = payload["conversationId"]
        more = {"conversationId": conversation_id, "limit": limit, "beforeSeq": before}
        return self._answer(request, session, body, headers={} if before is None else _next(more))

    async def _send(self, request: web.Request, session: Session) -> web.Response:
        payload = words.payload(words.SEND, await self._read(request, session, _SEND))
        asked = self._own(session, payload) if "conversationId" in payload else payload
        try:
            sent = await self._ask(session, "chat:message_send", asked, MessageSent)
        except ChatError as error:
            raise words.in_their_words(error) from None
        headers = {"Idempotency-Replayed": "true"} if sent.duplicate else {}
        if sent.message is None:
            # A retry of somebody who may not see the message any more.
            return self._answer(request, session, {"id": sent.message_id}, 201, headers)
        about = await self._abouts.of(UUID(sent.message.conversation_id))
        body = words.message(sent.message, about.by(session.user)) or {"id": sent.message_id}
        return self._answer(request, session, body, 201, headers)

    async def _mark_read(self, request: web.Request, session: Session) -> web.Response:
        payload = await self._read(request, session, _READ)
        message_ids = payload.get("messageIds")
        if message_ids is None:
            raise self._refused(session, invalid("messageIds", "Missing."))
        if message_ids == []:
            return self._answer(request, session, to_wire(Updated(updated_count=0)))
        try:
            updated = await self._ask(session, "chat:message_read", payload, Updated)
        except ChatError as error:
            if error.code is not ErrorCode.RESOURCE_NOT_FOUND:
                raise
            if await self._existence.are_messages([UUID(named) for named in message_ids]):
                raise denied("You are not a participant of the conversation") from None
            raise invalid("messageIds", "Names a message that does not exist.") from None
        return self._answer(request, session, to_wire(updated))

    # -- what they share --------------------------------------------------------------------------

    async def _read(
        self, request: web.Request, session: Session, known: http_payload.Fields
    ) -> Payload:
        """Read the request's fields, in camelCase, with ``Idempotency-Key`` among them."""
        weigh = partial(self._gate.weigh, session)
        given = await http_payload.read(request, known, self._max_payload_size, weigh)
        payload = {camel(name) if name in known else name: item for name, item in given.items()}
        http_payload.take_idempotency_key(request, payload, known)
        return payload

    async def _ask(
        self, session: Session, name: str, payload: Payload | LatePayload, gives: type[Given]
    ) -> Given:
        answered = await self._gate.ask(session, name, payload)
        if answered.error is not None:
            raise answered.error
        assert isinstance(answered.value, gives)  # the command's row says so
        return answered.value

    def _own(self, session: Session, payload: Payload) -> OwnConversation:
        return OwnConversation(self._abouts, session.user.id, payload)

    def _refused(self, session: Session, error: ChatError) -> ChatError:
        """Return the error, which counts as a command; where that is one too many, the limit's."""
        return self._gate.refuse(session, error).error or error

    def _answer(
        self,
        request: web.Request,
        session: Session,
        body: object,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> web.Response:
        text = dumps(body)
        self._gate.weigh_answer(session, len(text))
        response = json_text(text, status, headers)
        return (
            etags.answer(request, response, text) if request.method in ("GET", "HEAD") else response
        )


def _without_blanks(payload: Payload) -> Payload:
    """Return a payload without the ids that are blank or null, which pages send for those they lack."""
    ids = ("conversationId", "recipientId", "productId")
    return {
        name: item for name, item in payload.items() if name not in ids or item not in ("", None)
    }


def _next(query: Mapping[str, object]) -> dict[str, str]:
    """Return the header that names the next page (RFC 8288), since a bare array has no place for it."""
    return {"Link": f'<?{urlencode(query)}>; rel="next"'}
