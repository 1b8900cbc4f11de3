"""What belongs to what, whether one or many."""

import random

from chatserver.core.index import Index


def test_as_sets() -> None:
    """Whatever is added and taken away, a key has what a set would have, and says when that is one or none."""
    chance = random.Random(7)
    index: Index[int] = Index()
    sets: dict[int, set[str]] = {}
    for _ in range(2_000):
        key, text = chance.randrange(3), chance.choice("abcd")
        found = sets.setdefault(key, set())
        if chance.random() < 0.5:
            found.add(text)
            assert index.add(key, text) is (len(found) == 1)
        else:
            assert index.discard(key, text) is (found == {text})
            found.discard(text)
        assert sorted(index.of(key)) == sorted(found)
        assert sorted(index) == [k for k in sorted(sets) if sets[k]]
