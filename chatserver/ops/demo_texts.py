"""What the people of the demo say to each other."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoLine:
    """What somebody says: as a reply to the line so many before, and with the reactions of others."""

    user: str
    text: str
    to: int | None = None
    reactions: tuple[tuple[str, str], ...] = ()


DemoLines = Sequence[DemoLine]

GROUP = "Weekend at the lake"
GROUP_DESCRIPTION = "Cabin from Friday evening to Sunday. Plans, lists and who drives whom."
ANNOUNCEMENT = "The cabin is booked! Keys are with Mrs Hansen at number 12, from 17:00 on Friday."
IN_GROUP = (
    DemoLine("alice", "Packing list: sleeping bag, towel, warm jumper, torch, something for breakfast.",
         reactions=(("bob", "👍"), ("carol", "👍"), ("dave", "🎒"))),
    DemoLine("carol", "I can drive on Friday, three seats free. @bob do you need one?"),
    DemoLine("bob", "Yes please! I am done at four.", to=1, reactions=(("carol", "🚗"),)),
    DemoLine("dave", "I come by train on Saturday morning, the 9:12."),
    DemoLine("alice", "@dave I can pick you up at the station."),
    DemoLine("dave", "Lovely, thank you", to=1, reactions=(("alice", "❤️"),)),
    DemoLine("carol", "Does the cabin have a stove, or do we bring the camping one?"),
    DemoLine("alice", "It has two plates and an oven from 1970. It works if you talk to it nicely.",
         reactions=(("bob", "😂"), ("carol", "😂"), ("dave", "😂"))),
    DemoLine("bob", "Then I make the goulash. Who does not eat meat?"),
    DemoLine("dave", "Me. But I bring a pumpkin and make soup."),
    DemoLine("carol", "The forecast: https://www.yr.no/en — sun on Saturday, showers on Sunday."),
    DemoLine("bob", "So we swim on Saturday and play cards on Sunday.", reactions=(("alice", "🏊"),)),
)  # fmt: skip
UNREAD_IN_GROUP = (
    ("carol", "I also bring the big kettle."),
    ("dave", "@alice is there a boat at the cabin?"),
)
PRODUCT = (
    DemoLine("dave", "Hello! Is the bicycle still there?"),
    DemoLine("alice", "It is. Frame 54 cm, serviced in spring, one scratch on the left fork."),
    DemoLine("dave", "Would you take 280 for it?"),
    DemoLine("alice", "Let us say 300, with the pump and the lock.", to=1),
    DemoLine("dave", "Deal. Can I try it on Thursday, after six?", reactions=(("alice", "👍"),)),
    DemoLine("alice", "Thursday is good. I write you the address that morning."),
)
UNREAD_OF_BOB = ("Are you there?", "I found the photos from last summer")
LAST = "Call me when you can 🙂"

# What two friends come to speak of, one after the other: what it is, when, and what comes of it.
_TOPICS = (
    ("the concert", "on Friday", "two tickets in row nine", "🎵"),
    ("the bread recipe", "tomorrow", "a crust like from the bakery", "🍞"),
    ("my bicycle", "after work", "a new chain", "🚲"),
    ("the film about the lighthouse", "tonight", "goose bumps until the end", "🎬"),
    ("the garden", "at the weekend", "the first tomatoes", "🍅"),
    ("the language course", "on Monday", "all of the past tense", "📚"),
    ("the climbing hall", "on Wednesday", "the blue route, without falling", "🧗"),
    ("the flea market", "on Sunday", "a lamp for nine euros", "💡"),
    ("the new office", "next week", "a desk at the window", "🏢"),
    ("the choir", "on Thursday", "the solo in the second piece", "🎤"),
    ("the train to Bergen", "in May", "seven hours of mountains", "🚆"),
    ("your sister's wedding", "in June", "a speech of three minutes", "💐"),
    ("the swimming pool", "early tomorrow", "forty lengths", "🏊"),
    ("the broken window", "this afternoon", "an offer from the glazier", "🔨"),
    ("the quiz night", "on Tuesday", "second place by one point", "🏆"),
    ("the hike", "on Saturday", "a view over three valleys", "🥾"),
    ("the soup kitchen", "on Sunday evening", "a hundred and twenty bowls", "🍲"),
    ("the photo album", "before Easter", "the best forty of nine hundred", "📷"),
    ("the old radio", "when it rains", "one station, in Portuguese", "📻"),
    ("the neighbour's cat", "while they are away", "a friend for life", "🐈"),
)  # fmt: skip


def long_talk() -> DemoLines:
    """Return what Alice and Bob have said to each other: some two hundred and forty lines."""
    lines: list[DemoLine] = []
    for number, (topic, when, outcome, sign) in enumerate(_TOPICS):
        one, other = ("alice", "bob") if number % 2 == 0 else ("bob", "alice")
        lines += [
            DemoLine(one, f"Have you thought about {topic}?"),
            DemoLine(other, "I have, this very morning."),
            DemoLine(other, f"How about {when}?", reactions=((one, "👍"),)),
            DemoLine(one, f"{when[0].upper()}{when[1:]} suits me."),
            DemoLine(one, "Do you want me to bring anything?"),
            DemoLine(other, "Only yourself, and good shoes."),
            DemoLine(other, f"Last time I came without, and we spoke of nothing else. {sign}"),
            DemoLine(one, "I remember! You had the ones with the holes.", to=1),
            DemoLine(other, "They are retired now."),
            DemoLine(one, f"So: {topic}, {when}. It is in my calendar."),
            DemoLine(other, f"And? In the end it was {outcome}!", reactions=((one, sign),)),
            DemoLine(one, "I would do it again at once.", to=1),
        ]
    return lines
