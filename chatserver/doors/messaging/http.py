"""What the messaging system serves over HTTP: its WebSocket, two routes, and the probes."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from aiohttp import web

from chatserver.core.caller import Session
from chatserver.core.encoding import dumps
from chatserver.core.errors import ChatError
from chatserver.core.times import iso_now
from chatserver.doors.http import bearer_token, expectations, json_text, payload, refusal
from chatserver.doors.messaging import errors, shapes
from chatserver.gate import Gate
from chatserver.schemas.conversations import ConversationListAsk
from chatserver.schemas.messaging import (
    CONVERSATIONS,
    MOST,
    PICTURES,
    USUAL,
    MessagingConversations,
    MessagingFailure,
    MessagingPage,
)
from chatserver.schemas.profile_pictures import PicturesAsk
from chatserver.schemas.wire import Loader, camel, to_wire
from chatserver.sessions import Authenticator

Responder = Callable[[web.Request, Session], Awaitable[web.Response]]

_LIST = Loader(ConversationListAsk).fields
_PICTURES = Loader(PicturesAsk).fields
# Their system has no archive: what somebody has archived by the main door is listed too.
_DIRECT = {"type": "direct", "archived": None}


class MessagingRest:
    """Turns the messaging system's requests into commands, and answers into its own shapes.

    Args:
        max_payload_size: of a body, in bytes.
    """

    def __init__(self, gate: Gate, authenticator: Authenticator, max_payload_size: int) -> None:
        self._gate = gate
        self._authenticator = authenticator
        self._max_payload_size = max_payload_size

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(
                CONVERSATIONS,
                self._guarded(self._conversations),
                expect_handler=expectations.check,
            ),
            web.post(
                PICTURES,
                self._guarded(self._pictures),
                expect_handler=expectations.check,
            ),
        ]

    async def _conversations(self, request: web.Request, session: Session) -> web.Response:
        """Answer a page of direct conversations; groups are listed by ``get_user_groups``."""
        asked = await self._read(request, session, _LIST)
        limit, offset = asked.get("limit"), asked.get("offset")
        asked["limit"] = min(max(limit, 1), MOST) if type(limit) is int else limit or USUAL
        asked["offset"] = max(offset, 0) if type(offset) is int else offset or 0
        page = await self._ask(session, "chat:conversation_list", asked | _DIRECT)
        cards = tuple(shapes.card(card, session.user.id) for card in page.conversations)
        found = MessagingConversations(
            conversations=cards,
            pagination=MessagingPage(
                limit=page.pagination.limit,
                offset=page.pagination.offset,
                count=len(cards),
                has_more=page.pagination.has_more,
                total=page.total,
            ),
            timestamp=iso_now(),
        )
        return self._answer(session, to_wire(found))

    async def _pictures(self, request: web.Request, session: Session) -> web.Response:
        asked = await self._read(request, session, _PICTURES)
        return self._answer(
            session, to_wire(await self._ask(session, "user:profile_pictures", asked))
        )

    async def _read(
        self, request: web.Request, session: Session, known: payload.Fields
    ) -> dict[str, Any]:
        weigh = partial(self._gate.weigh, session)
        given = await payload.read(request, known, self._max_payload_size, weigh)
        return {camel(name) if name in known else name: item for name, item in given.items()}

    async def _ask(self, session: Session, name: str, asked: Mapping[str, Any]) -> Any:
        answer = await self._gate.ask(session, name, asked)
        if answer.error is not None:
            raise answer.error
        return answer.value

    def _answer(self, session: Session, body: Mapping[str, Any]) -> web.Response:
        """Make an answer, which counts by its size."""
        text = dumps(body)
        self._gate.weigh_answer(session, len(text))
        return json_text(text)

    def _guarded(self, respond: Responder) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Look at the token before anything else: nobody's body is read before."""

        async def guarded(request: web.Request) -> web.Response:
            try:
                session = await self._authenticator.authenticate(
                    bearer_token(request), str(uuid.uuid4()), lasting=False
                )
                return await respond(request, session)
            except ChatError as error:
                return refusal(error, to_wire(_failure(error)))

        return guarded


def _failure(error: ChatError) -> MessagingFailure:
    said = errors.refused(error)
    return MessagingFailure(
        message=said["message"],
        details=said["details"],
        code=said["code"],
        timestamp=iso_now(),
        requires_auth=said.get("requiresAuth"),
        retry_after=said.get("retryAfter"),
        error_id=said.get("errorId"),
        fields=said.get("fields"),
    )
