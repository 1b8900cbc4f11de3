"""People who use the marketplace system, and what they ask over REST."""

import itertools
from dataclasses import dataclass
from typing import Any

import asyncpg

from tests.conftest import User, token_for
from tests.support.http import Answer, request
from tests.support.servers import Server

API = "/marketplace/api"
_numbers = itertools.count(1)


async def market(
    server: Server, method: str, path: str, user: User | None = None, **options: Any
) -> Answer:
    """Ask one of the marketplace's routes."""
    return await request(method, f"{server.url}{API}{path}", user, **options)


async def asked(
    server: Server, method: str, path: str, user: User, *, status: int = 200, **options: Any
) -> Any:
    """The body of a request that must succeed."""
    answer = await market(server, method, path, user, **options)
    assert answer.status == status, (answer.status, answer.body)
    return answer.body


async def send(server: Server, user: User, **body: Any) -> dict[str, Any]:
    """A message posted by REST."""
    message = await asked(server, "POST", "/messages", user, status=201, json=body)
    assert isinstance(message, dict)
    return message


def refusal(answer: Answer) -> tuple[int, str]:
    """The status and code of a refusal, in the form that the system's clients read."""
    assert {"timestamp", "status", "error", "message", "code"} <= set(answer.body), answer.body
    assert answer.body["status"] == answer.status
    return answer.status, answer.body["code"]


@dataclass(frozen=True, slots=True)
class Trade:
    """The people and the product of the document's examples."""

    jane: User
    john: User
    product: str

    @property
    def places(self) -> dict[str, str]:
        """What is real, by the document's placeholders."""
        return {
            "user-uuid-1": self.jane.id,
            "user-uuid-2": self.john.id,
            "product-uuid": self.product,
        }


async def trade(db: "asyncpg.Pool[asyncpg.Record]") -> Trade:
    """Jane Smith and John Doe, and the camera that John sells, as nobody else has them."""
    number = next(_numbers)
    people = []
    for name in ("Jane Smith", "John Doe"):
        first = name.split()[0].lower()
        user_id = f"{first}-{number}-of-the-market"
        await db.execute(
            "INSERT INTO chat_users (user_id, username, email, display_name) VALUES ($1, $1, $2, $3)",
            user_id,
            f"{first}@example.com",
            name,
        )
        people.append(User(user_id, token_for(user_id)))
    product = f"camera-{number}"
    await db.execute(
        "INSERT INTO products (id, title, image) "
        "VALUES ($1, 'Vintage Camera', 'https://storage.../image.jpg')",
        product,
    )
    return Trade(*people, product)
