"""Variables of how much one person, address or program may do."""

from chatserver.config.variables.variable import DAY_MS, Variable

LIMITS: tuple[Variable, ...] = (
    Variable(
        "MESSAGE_RATE_LIMIT",
        "240",
        "Messages per 60 s and user; twice as many where the text has over 500 characters.",
        1,
        1_000_000,
    ),
    Variable(
        "CLIENT_MESSAGE_RATE_LIMIT",
        "",
        "The same per connection.",
        1,
        1_000_000,
        shown="that of `MESSAGE_RATE_LIMIT`",
    ),
    Variable(
        "COMMAND_RATE_LIMIT",
        "",
        "Commands per 60 s and user, messages and refused ones included; large ones, large answers (a command for "
        "each 32 KiB), lists out of many (for each 200 contacts or conversations) and connections that miss much "
        "(for each 20 events and conversations) count as several. 0 is no limit.",
        0,
        100_000_000,
        shown="25 times `MESSAGE_RATE_LIMIT`: `6000`",
    ),
    Variable(
        "SEARCH_RATE_LIMIT",
        "30",
        "Searches per 60 s and user, each page of one; 0 is no limit.",
        0,
        1_000_000,
    ),
    Variable(
        "IP_RATE_LIMIT",
        "3000",
        "REST requests and new connections per address (IPv6: per /64, and 16 times as many per /48) in "
        "`IP_RATE_WINDOW`; 0 is no limit.",
        0,
        100_000_000,
    ),
    Variable(
        "EXTERNAL_PUSH_RATE",
        "10000",
        "Pushes per second and process that other programs may cause by Redis, one per connection;"
        " one over 4 KiB counts as several; 0 is no limit.",
        0,
        100_000_000,
    ),
    Variable("IP_RATE_WINDOW", "900000", "See `IP_RATE_LIMIT`, ms.", 1000, DAY_MS),
    Variable(
        "CONVERSATIONS_PER_HOUR",
        "100",
        "New direct conversations that one user may open in an hour; existing ones do not count. 0 is no limit.",
        0,
        1_000_000,
    ),
    Variable(
        "MAX_CONVERSATIONS",
        "5000",
        "Conversations of one user: direct ones that they opened, not those that others opened with them, and "
        "groups. 0 is no limit.",
        0,
        1_000_000,
    ),
    Variable(
        "GROUPS_PER_DAY",
        "50",
        "Groups that one user may create in 24 hours; 0 is no limit.",
        0,
        1_000_000,
    ),
    Variable(
        "JOINS_PER_HOUR",
        "10",
        "How often one user may be added to one group in an hour; 0 is no limit.",
        0,
        1_000_000,
    ),
    Variable(
        "MAX_REACTIONS",
        "1000",
        "Most people who may react to one message; 0 is no limit.",
        0,
        1_000_000,
    ),
    Variable("MAX_PINS", "1000", "Most pins of one conversation; 0 is no limit.", 0, 1_000_000),
    Variable(
        "MAX_BLOCKS", "10000", "Most people whom one user may block; 0 is no limit.", 0, 1_000_000
    ),
    Variable(
        "MAX_KEPT_ANSWERS",
        "1000",
        "About how many answers to one user's `requestId`s are kept; then the oldest are forgotten. 0 is no "
        "limit.",
        0,
        1_000_000,
    ),
    Variable(
        "PRESENCE_MAX_MEMBERS",
        "100",
        "Groups with more members do not make their members contacts.",
        0,
        10_000,
    ),
    Variable("GROUP_MAX_MEMBERS", "10000", "Most members that a group may allow.", 2, 100_000),
    Variable(
        "PRESENCE_GRACE",
        "60000",
        "How long a user whose last connection dropped stays online, ms.",
        0,
        DAY_MS,
    ),
    Variable(
        "PRESENCE_LEASE",
        "30000",
        "With Redis: the users of a process that crashed stay online for up to this and the grace, "
        "ms.",
        500,
        DAY_MS,
    ),
    Variable(
        "PRESENCE_INTERVAL",
        "5000",
        "Contacts are told once in this time that somebody came or went, ms; at its end they are told the last "
        "state. 0 is no limit.",
        0,
        600_000,
    ),
    Variable(
        "TYPING_INTERVAL",
        "1000",
        "The others are told once in this time that somebody goes on typing, ms; four changes pass in it. 0 is no "
        "limit.",
        0,
        600_000,
    ),
)
