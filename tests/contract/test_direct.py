"""Two people chat: the main way, with the stock python-socketio client."""

from tests.conftest import Connect, User


async def test_a_message_reaches_every_device_of_both(
    connect: Connect, alice: User, bob: User
) -> None:
    """A message reaches every device of every participant, the sender's own included, and is acked."""
    a1, a2, b1, b2 = [await connect(user) for user in (alice, alice, bob, bob)]
    opened = await a1.do("chat:conversation_open", recipientId=bob.id)
    conversation = opened["conversation"]
    sent = await a1.do("chat:message_send", conversationId=conversation["id"], content="Hello!")
    for device in (a1, a2, b1, b2):
        created = await device.expect("chat:conversation_created")
        assert (created["conversationId"], created["seq"], created["by"]) == (
            conversation["id"],
            1,
            alice.id,
        )
        received = await device.expect("chat:message_received")
        assert received["conversationId"] == received["conversation_id"] == conversation["id"]
        assert received["seq"] == 2
        assert {**received, "conversationId": None} == {**sent["message"], "conversationId": None}
