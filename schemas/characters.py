"""What a reader sees of a text: whether it shows anything, and the form in which a reaction is kept.

Sources: the Unicode Character Database 17 (``Default_Ignorable_Code_Point``, ``White_Space``) and UTS #51,
Unicode Emoji (``Emoji``, ``Emoji_Presentation``).
"""

import re
import unicodedata

# Default_Ignorable_Code_Point, as it stands in a class of a regular expression: joiners, directions, selectors,
# fillers, tags. They show nothing by themselves, and comparisons of names ignore them.
IGNORABLE = (
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff"
)
# All that shows nothing.
_BLANKS = (
    # Controls and white space.
    r"\0-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    f"{IGNORABLE}"
    # Blank by design, though Unicode counts them as letters, marks or symbols: braille without a dot, the marks
    # of interlinear text, an empty note head, fillers and blanks of Khitan and of hieroglyphs.
    r"\u2800\ufff9-\ufffb\U0001d159\U00016fe4\U00013430-\U00013442"
    # No characters at all.
    r"\ufdd0-\ufdef\ufffe\uffff"
)
_VISIBLE = re.compile(f"[^{_BLANKS}]")
# Tags are left: they make the flags of regions, at whose end one stands.
_EDGE = rf"(?:(?![\U000e0020-\U000e007f])[{_BLANKS}])+"
_EDGES = re.compile(rf"\A{_EDGE}|{_EDGE}\Z")

# Which of two looks of a character is meant: that of text, that of an emoji, one of several glyphs.
_SELECTORS = re.compile(r"[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# Emoji that look like text without a selector; digits do so inside keycaps alone. What is coloured by a skin
# tone needs none. New emoji are not made of this kind, so the list is complete.
_LIKE_TEXT = re.compile(
    r"(?:[#*0-9](?=\u20e3)|["
    r"\xa9\xae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u2328\u23cf\u23ed-\u23ef\u23f1\u23f2\u23f8-\u23fa"
    r"\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb\u25fc\u2600-\u2604\u260e\u2611\u2618\u261d\u2620\u2622\u2623\u2626\u262a"
    r"\u262e\u262f\u2638-\u263a\u2640\u2642\u265f\u2660\u2663\u2665\u2666\u2668\u267b\u267e\u2692\u2694-\u2697\u2699"
    r"\u269b\u269c\u26a0\u26a7\u26b0\u26b1\u26c8\u26cf\u26d1\u26d3\u26e9\u26f0\u26f1\u26f4\u26f7-\u26f9\u2702\u2708"
    r"\u2709\u270c\u270d\u270f\u2712\u2714\u2716\u271d\u2721\u2733\u2734\u2744\u2747\u2763\u2764\u27a1\u2934\u2935"
    r"\u2b05-\u2b07\u3030\u303d\u3297\u3299\U0001f170\U0001f171\U0001f17e\U0001f17f\U0001f202\U0001f237\U0001f321"
    r"\U0001f324-\U0001f32c\U0001f336\U0001f37d\U0001f396\U0001f397\U0001f399-\U0001f39b\U0001f39e\U0001f39f"
    r"\U0001f3cb-\U0001f3ce\U0001f3d4-\U0001f3df\U0001f3f3\U0001f3f5\U0001f3f7\U0001f43f\U0001f441\U0001f4fd\U0001f549"
    r"\U0001f54a\U0001f56f\U0001f570\U0001f573-\U0001f579\U0001f587\U0001f58a-\U0001f58d\U0001f590\U0001f5a5\U0001f5a8"
    r"\U0001f5b1\U0001f5b2\U0001f5bc\U0001f5c2-\U0001f5c4\U0001f5d1-\U0001f5d3\U0001f5dc-\U0001f5de\U0001f5e1"
    r"\U0001f5e3\U0001f5e8\U0001f5ef\U0001f5f3\U0001f5fa\U0001f6cb\U0001f6cd-\U0001f6cf\U0001f6e0-\U0001f6e5"
    r"\U0001f6e9\U0001f6f0\U0001f6f3](?![\U0001f3fb-\U0001f3ff]))"
)


def shows_something(text: str) -> bool:
    """Return whether a text has a visible character."""
    # Nearly every text begins like this, and a look at it costs a tenth of the search.
    return "!" <= text[:1] <= "~" or _VISIBLE.search(text) is not None


def or_empty(text: str) -> str:
    """Return the text, or an empty one where it has no visible character."""
    return text if shows_something(text) else ""


def one_form(reaction: str) -> str:
    """The one form of a reaction, however it was typed: composed (NFC), and each emoji fully qualified (UTS #51,
    ED-18), as emoji keyboards type it. ``❤`` and ``❤️`` are one reaction, and so are ``👍`` with and without a
    selector.
    """
    plain = _EDGES.sub("", _SELECTORS.sub("", reaction))
    return _LIKE_TEXT.sub("\\g<0>\ufe0f", unicodedata.normalize("NFC", plain))
