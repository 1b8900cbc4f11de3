"""What was read and received, as it is gathered message by message."""

from chatserver.ops.importing.reading import ReadMarks


def _ranges(text: str) -> list[tuple[int, int]]:
    """The ranges of an int8multirange, both ends included."""
    parts = text.strip("{}").replace("[", "").replace(")", "").split(",")
    numbers = [int(part) for part in parts if part]
    return [(low, high - 1) for low, high in zip(numbers[::2], numbers[1::2], strict=True)]


def test_a_read_message_covers_what_came_since_the_one_before() -> None:
    """Reading in order is one range, also where the reader's own messages lie in between."""
    marks = ReadMarks(["ann", "bob"])
    for seq in (2, 5, 6):
        marks.said(seq, "bob", is_read=True)
    for seq in (3, 4):
        marks.said(seq, "ann", is_read=False)
    marks.said(7, "bob", is_read=False)
    marks.said(9, "bob", is_read=True)
    assert marks.read("bob") == "{[1,7),[8,10)}"
    assert marks.read("ann") == "{}"


def test_what_waits_is_neither_received_nor_read() -> None:
    """What waits for somebody is unread whatever its flag says, and ends what they have received."""
    marks = ReadMarks(["ann"])
    for seq in range(2, 8):
        marks.said(seq, "ann", is_read=True)
    marks.not_delivered(4, "ann")
    marks.not_delivered(7, "ann")
    assert marks.read("ann") == marks.read_up_to("ann", 7) == "{[1,4),[5,7)}"
    assert marks.delivered("ann", 7, 8) == 3
    assert (marks.read_up_to("ann", 0), marks.delivered("bob", 7, 8)) == ("{}", 8)
    marks.not_told("bob")
    assert marks.delivered("bob", 7, 8) == 7


def test_the_gaps_have_an_end() -> None:
    """Past a thousand gaps what came before the latest ones counts as read, as with receipts."""
    marks = ReadMarks(["ann"])
    for seq in range(2, 5_000):
        marks.said(seq, "ann", is_read=seq % 2 == 0)
    ranges = _ranges(marks.read("ann"))
    assert len(ranges) <= 1_000
    assert ranges[0][0] == 1
    # The latest are exact.
    assert ranges[-500:] == [(seq, seq) for seq in range(4_000, 5_000, 2)]
