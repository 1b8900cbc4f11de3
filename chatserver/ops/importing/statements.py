"""What an import asks of the chat's database.

These are not among the named queries: no server runs them, and each is about a batch of conversations.
"""

from __future__ import annotations

PATIENCE = (
    "SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', '0', true), "
    "set_config('idle_in_transaction_session_timeout', '0', true)"
)
ALONE = "SELECT pg_advisory_xact_lock($1::int8)"

# The pair's lock stands for a conversation that does not exist yet. Imports take turns, and nobody else locks more
# than one pair.
LOCK_PAIRS = "SELECT lock_pair(a.low, a.high) FROM unnest($1::text[], $2::text[]) AS a (low, high)"

# Which of the direct conversations there are. (Look-ups are LATERAL with a LIMIT: by the index, whatever the
# planner believes of the tables.)
STANDING_DIRECT = """
SELECT a.position, c.id, c.last_seq, c.last_number, c.is_active
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS a (low, high, product, position)
CROSS JOIN LATERAL (
    SELECT * FROM conversations x WHERE x.type = 'direct' AND x.user_low = a.low AND x.user_high = a.high
        AND x.product_id = directory_product_id(a.product) LIMIT 1) c
"""
LOCK_TALKS = """
SELECT FROM (SELECT DISTINCT a.id FROM unnest($1::uuid[]) AS a (id) ORDER BY a.id) a
CROSS JOIN LATERAL (SELECT FROM conversations c WHERE c.id = a.id FOR UPDATE) locked
"""
IMPORTED = """
SELECT i.source_id, i.messages, i.carried FROM unnest($2::text[]) AS a (id)
CROSS JOIN LATERAL (
    SELECT * FROM imported_conversations x WHERE x.system = $1 AND x.source_id = a.id LIMIT 1) i
"""
TAKEN_TALKS = """
SELECT c.id FROM unnest($1::uuid[]) AS a (id)
CROSS JOIN LATERAL (SELECT x.id FROM conversations x WHERE x.id = a.id LIMIT 1) c
"""
TAKEN_MESSAGES = """
SELECT m.id FROM unnest($1::uuid[]) AS a (id)
CROSS JOIN LATERAL (SELECT x.id FROM messages x WHERE x.id = a.id LIMIT 1) m
"""
NAMES = "SELECT user_id, username FROM directory_users($1)"

# Tables that are copied into, and their columns.
SIDES: dict[str, tuple[str, ...]] = {
    "reactions": ("conversation_id", "message_id", "user_id", "reaction", "created_at"),
    "message_deletions": ("conversation_id", "user_id", "seq"),
    "pins": ("conversation_id", "message_id", "pinned_by", "pinned_at"),
    "conversation_blocks": ("conversation_id", "blocked_by_user_id", "created_at"),
}

_TALKS = """
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::int4[], $10::int4[], $11::bool[], $12::timestamptz[], $13::timestamptz[], $14::int8[], $15::int8[],
        $16::int8[], $17::int8[])
    AS a (id, type, product, low, high, title, description, creator, most, members, is_active, created_at, said_at,
          said_seq, number, last, pruned)
"""
NEW_TALKS = f"""
INSERT INTO conversations (id, type, product_id, user_low, user_high, title, description, created_by, max_members,
    member_count, is_active, created_at, last_message_at, last_message_seq, last_number, last_seq, last_xact,
    pruned_seq)
SELECT a.id, a.type, directory_product_id(a.product), a.low, a.high, a.title, a.description, a.creator, a.most,
    a.members, a.is_active, date_trunc('milliseconds', a.created_at), a.said_at, a.said_seq, a.number, a.last,
    pg_current_xact_id(), a.pruned
{_TALKS}
"""
# The same parameters: a conversation that was opened and not spoken in is given its history.
STANDING_TALKS = f"""
UPDATE conversations c SET last_message_at = a.said_at, last_message_seq = a.said_seq, last_number = a.number,
    last_seq = a.last, last_xact = pg_current_xact_id(), pruned_seq = a.pruned
{_TALKS}
WHERE c.id = a.id AND a.type = 'direct'
"""  # noqa: S608 - of constants

_MEMBERS = """
FROM unnest($1::uuid[], $2::text[], $3::int8[], $4::text[], $5::bool[], $6::bool[], $7::timestamptz[], $8::int8[],
        $9::int8[], $10::int8[], $11::text[])
    AS a (conversation, person, left_seq, role, may_add, in_group, joined_at, hidden_seq, hidden_number, delivered,
          read)
"""
# The end of a membership that ended elsewhere is told to nobody: it is older than every snapshot.
NEW_MEMBERS = f"""
INSERT INTO participants (conversation_id, user_id, joined_seq, left_seq, left_xact, role, can_add_members,
    in_group, joined_at, hidden_seq, hidden_number, delivered_seq, read_seqs, receipt_xact)
SELECT a.conversation, a.person, 1, a.left_seq, CASE WHEN a.left_seq IS NOT NULL THEN '0'::xid8 END, a.role,
    a.may_add, a.in_group, a.joined_at, a.hidden_seq, a.hidden_number, a.delivered, a.read::int8multirange,
    pg_current_xact_id()
{_MEMBERS}
"""
STANDING_MEMBERS = f"""
UPDATE participants p SET hidden_seq = greatest(p.hidden_seq, a.hidden_seq),
    hidden_number = greatest(p.hidden_number, a.hidden_number), delivered_seq = a.delivered,
    read_seqs = p.read_seqs + a.read::int8multirange, receipt_xact = pg_current_xact_id()
{_MEMBERS}
WHERE p.conversation_id = a.conversation AND p.user_id = a.person AND p.left_seq IS NULL
"""  # noqa: S608 - of constants

# The event after the history: the members' devices that are connected join by it.
EVENTS = """
INSERT INTO events (stream_id, seq, xact, kind, actor_id, payload, created_at)
SELECT c.id, c.last_seq, pg_current_xact_id(),
    CASE c.type WHEN 'direct' THEN 'chat:conversation_created' ELSE 'group:created' END, c.created_by,
    jsonb_build_object('joined', coalesce((
        SELECT jsonb_agg(p.user_id) FROM participants p
        WHERE p.conversation_id = c.id AND p.left_seq IS NULL), '[]'))
        || CASE c.type WHEN 'direct' THEN '{}' ELSE jsonb_build_object('conversation', group_state(c)) END,
    this_moment()
FROM unnest($1::uuid[]) AS a (id)
CROSS JOIN LATERAL (SELECT * FROM conversations x WHERE x.id = a.id AND x.is_active LIMIT 1) c
"""

# Several at once, in the order in which `prune_events` locks them.
LOCK_PERSONAL = """
SELECT FROM (
    SELECT s.user_id FROM unnest($1::text[]) AS a (id)
    CROSS JOIN LATERAL (SELECT * FROM personal_streams x WHERE x.user_id = a.id LIMIT 1) s
    ORDER BY s.stream_id
) known JOIN LATERAL (SELECT FROM personal_streams x WHERE x.user_id = known.user_id FOR UPDATE) locked ON true
"""
HIDDEN = """
SELECT append_personal(a.person, 'chat:conversation_deleted',
    jsonb_build_object('conversationId', a.conversation, 'upToSeq', a.seq))
FROM unnest($1::text[], $2::uuid[], $3::int8[]) AS a (person, conversation, seq)
"""
REMEMBER = """
INSERT INTO imported_conversations (system, source_id, conversation_id, messages, carried)
SELECT $1, a.source_id, a.conversation, a.messages, a.carried
FROM unnest($2::text[], $3::uuid[], $4::int8[], $5::int8[]) AS a (source_id, conversation, messages, carried)
ON CONFLICT DO NOTHING
"""
# A client that comes back has seen nothing of what was imported since, and is told to reload it.
PRUNED = "UPDATE log_epoch SET pruned_xact = greatest(pruned_xact, pg_current_xact_id())"

STANDING_BLOCKS = """
SELECT a.position FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS a (blocker, blocked, position)
WHERE EXISTS (SELECT FROM directory_blocks_of(a.blocker) b WHERE b.by_me AND b.user_id = a.blocked)
"""
BLOCK = "SELECT verdict FROM set_user_block($1, $2, true)"
