"""The pushes for which the messaging system has no word, and why."""

from chatserver.doors.words import Hidden

HIDDEN = (
    Hidden(
        push="chat:conversation_created",
        why="The messaging system tells nobody of a conversation in which nothing was said.",
    ),
    Hidden(
        push="chat:conversation_blocked",
        why="There is no word for it: what is sent is refused with `USER_BLOCKED`.",
    ),
    Hidden(
        push="chat:conversation_marked_unread",
        personal=True,
        why="There is no word for it: `unreadCount` says so where conversations are listed.",
    ),
    Hidden(
        push="chat:conversation_settings_updated",
        personal=True,
        why="There is no word for it: all conversations are listed, archived or not.",
    ),
    Hidden(
        push="chat:file_updated",
        why="Its `url` says so: before it is ready it is 404.",
    ),
    Hidden(push="chat:read_state", why="Messages are loaded with their `isRead`."),
    Hidden(push="group:member_updated", why="There is no word for the permission to add members."),
    Hidden(push="user:blocked", personal=True, why="There is no word for it."),
    Hidden(push="user:unblocked", personal=True, why="There is no word for it."),
    Hidden(push="session:ready", why="It is the answer to `authenticate`: `connected`."),
    Hidden(
        push="session:expiring",
        why="There is no word for it; another `authenticate` continues the session at any time.",
    ),
    Hidden(
        push="session:offset", why="These clients keep no offsets: their pongs say what arrived."
    ),
    Hidden(push="session:draining", why="The close code 1001 says so."),
    Hidden(push="error", why="It is told as `error`, or `auth_error`, before the end."),
)
