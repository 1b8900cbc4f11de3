"""Profile pictures, many at once (``messaging-api.md``, "Batch Profile Pictures")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from marshmallow import ValidationError, fields

from chatserver.schemas.fields import MAX_SEQ, Many, OneOf, UserId, Whole
from chatserver.schemas.resources import Time
from chatserver.schemas.table import Command, Rest

MAX_PICTURES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureOf:
    """Whose picture. ``id`` is a text or a whole number, as the main back end has it."""

    type: Literal["user", "community"]
    id: str | int


class Pictured(fields.Field[PictureOf]):
    """An object ``{type, id}``; other fields in it are ignored."""

    json_schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "description": "An object `{type, id}`; other fields in it are ignored.",
        "properties": {
            "type": {"type": "string", "enum": ["user", "community"]},
            "id": {
                "anyOf": [
                    {"type": "string", "minLength": 1, "maxLength": 64},
                    {"type": "integer", "format": "int64", "minimum": 0, "maximum": MAX_SEQ},
                ]
            },
        },
        "required": ["type", "id"],
    }
    kind = OneOf("user", "community")
    text = UserId()
    number = Whole()

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> PictureOf:
        if not isinstance(value, dict):
            raise ValidationError("Must be an object.")
        found: dict[str, Any] = {}
        wrong: dict[str, Any] = {}
        given = value.get("id")
        of_id = self.text if isinstance(given, str) else self.number
        for name, field in (("type", self.kind), ("id", of_id)):
            if name not in value:
                wrong[name] = ["Missing."]
                continue
            try:
                found[name] = field.deserialize(value[name])
            except ValidationError as error:
                wrong[name] = error.messages
        if wrong:
            raise ValidationError(wrong)
        return PictureOf(**found)


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturesAsk:
    """Whose pictures; the answer has them in the same order."""

    items: Annotated[tuple[PictureOf, ...], Many(Pictured(), 0, MAX_PICTURES, distinct=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture.

    ``default``: there is none, so show a stand-in. ``error``: the server could not find out now.
    """

    type: Literal["user", "community"]
    id: str | int
    has_picture: bool
    default: bool
    url: str | None = None
    error: Literal["UNAVAILABLE"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """``status`` is always "ok": a picture that fails does not fail the others."""

    items: tuple[Picture, ...]
    timestamp: Time
    status: Literal["ok"] = "ok"


COMMANDS = (
    Command(
        "user:profile_pictures",
        takes=PicturesAsk,
        gives=Pictures,
        rows=lambda cmd: len(cmd.items),
        rest=(Rest("POST", "/api/profile-pictures/batch"),),
        doc="The profile pictures of up to 50 users and communities; a failure is that picture's alone. Each "
        "counts as a command.",
    ),
)
