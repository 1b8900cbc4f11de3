"""Variables of notifications."""

from chatserver.config.variables.variable import DAY_MS, Variable

PUSH: tuple[Variable, ...] = (
    Variable(
        "VAPID_PUBLIC_KEY",
        "",
        "The public half of the key by which push services know this server, base64url; `chatserver vapid` prints "
        "a pair.",
        shown="not set: no Web Push",
    ),
    Variable("VAPID_PRIVATE_KEY", "", "Its private half, 32 bytes in base64url."),
    Variable(
        "VAPID_SUBJECT",
        "",
        "Whom push services may ask: `mailto:…` or `https://…`; required with the keys.",
    ),
    Variable(
        "FCM_CREDENTIALS",
        "",
        "A service account of Firebase: the path of its JSON, or the JSON.",
        shown="not set: no Firebase Cloud Messaging",
    ),
    Variable(
        "PUSH_HOOK_URL",
        "",
        "Your own push system, `https://host/path`, told of each notification by a signed POST; `http:` in "
        "development only.",
    ),
    Variable(
        "PUSH_HOOK_SECRET",
        "",
        "Signs what is sent there (Standard Webhooks): `whsec_` and 24 to 64 bytes in base64.",
    ),
    Variable(
        "PUSH_DELAY",
        "5000",
        "How long after a message people are notified who have not read it by then, ms.",
        0,
        DAY_MS,
    ),
    Variable(
        "PUSH_CONTENT",
        "off",
        "Whether notifications say who wrote what (`sender`, `preview`): `on` or `off`. It passes through the "
        "push services, and Firebase can read it.",
    ),
    Variable(
        "PUSH_PRIVATE_ADDRESSES",
        "off",
        "Whether push services may be at private addresses, on any port and by `http:`: for tests; production "
        "refuses `on`.",
    ),
)
