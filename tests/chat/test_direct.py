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


async def test_a_conversation_is_found_and_not_created(
    connect: Connect, alice: User, bob: User
) -> None:
    """Finding a direct conversation answers its id to both people, or null, and creates none."""
    a, b = await connect(alice), await connect(bob)
    for recipient in (bob.id, alice.id, "nobody"):
        found = await a.do("chat:conversation_find", recipientId=recipient)
        assert found["conversationId"] is None
    assert (await a.do("chat:conversation_list"))["total"] == 0
    ids = {}
    for product in ({}, {"productId": "p-1"}):
        opened = await a.do("chat:conversation_open", recipientId=bob.id, **product)
        ids[str(product)] = opened["conversation"]["id"]
    for device, other in ((a, bob), (b, alice)):
        for product in ({}, {"productId": "p-1"}, {"productId": "p-2"}):
            found = await device.do("chat:conversation_find", recipientId=other.id, **product)
            assert found["conversationId"] == ids.get(str(product))


async def test_a_list_may_have_one_type_alone(connect: Connect, alice: User, bob: User) -> None:
    """A list of conversations by type has those alone, and counts those alone."""
    a = await connect(alice)
    opened = await a.do("chat:conversation_open", recipientId=bob.id)
    made = await a.do("group:create", title="Climbers", participantIds=[bob.id])
    ids = {"direct": opened["conversation"]["id"], "group": made["conversation"]["id"]}
    for kind, conversation_id in ids.items():
        page = await a.do("chat:conversation_list", type=kind)
        assert [each["id"] for each in page["conversations"]] == [conversation_id]
        assert page["total"] == 1
    assert (await a.do("chat:conversation_list"))["total"] == 2
