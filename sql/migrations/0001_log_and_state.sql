-- The log and the state it explains. docs/ARCHITECTURE.md ("State") says why each table has its shape.
--
-- User ids are opaque and belong to the main back end: text, compared byte by byte (COLLATE "C"), so
-- that "lower user" means the same on every machine. No foreign keys on messages and events: their
-- only writers hold the conversation's row lock, which proves more than a key would, for less.

-- One row. An offset is valid within one generation of one cluster; a restore or a move opens a new one.
CREATE TABLE log_epoch (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    generation integer NOT NULL DEFAULT 1,
    system_identifier bigint NOT NULL,
    timeline integer NOT NULL,
    pruned_xact xid8 NOT NULL DEFAULT '0'
);
INSERT INTO log_epoch (system_identifier, timeline)
SELECT system_identifier, timeline_id FROM pg_control_system(), pg_control_checkpoint();

-- A conversation is a stream of events. Its row lock is the order of its events: fillfactor leaves room
-- for the update that every event makes here to stay on its page, and no index covers what it changes.
CREATE TABLE conversations (
    id uuid PRIMARY KEY,
    type text NOT NULL CHECK (type IN ('direct', 'group')),
    product_id text COLLATE "C" NOT NULL DEFAULT '',
    user_low text COLLATE "C",
    user_high text COLLATE "C",
    title text,
    description text,
    created_by text COLLATE "C" NOT NULL,
    max_members integer,
    member_count integer NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    last_message_at timestamptz,
    last_message_seq bigint NOT NULL DEFAULT 0,
    last_number bigint NOT NULL DEFAULT 0,
    last_seq bigint NOT NULL DEFAULT 0,
    last_xact xid8 NOT NULL,
    pruned_seq bigint NOT NULL DEFAULT 0,
    CHECK ((type = 'direct') = (user_low IS NOT NULL AND user_high IS NOT NULL)),
    CHECK (user_low < user_high),
    CHECK ((type = 'group') = (title IS NOT NULL))
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX conversations_direct ON conversations (user_low, user_high, product_id)
    WHERE type = 'direct';

-- A person's own stream: what they hid, deleted for themselves, blocked.
CREATE TABLE personal_streams (
    user_id text COLLATE "C" PRIMARY KEY,
    stream_id uuid NOT NULL UNIQUE,
    last_seq bigint NOT NULL DEFAULT 0,
    last_xact xid8 NOT NULL,
    delivered_seq bigint NOT NULL DEFAULT 0,
    pruned_seq bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- One row per membership, which is an interval of the conversation's events: from joined_seq (the event
-- of joining) to left_seq (the event of leaving, included). A person who is added again gets a new row.
-- read_seqs holds exactly the events read; contiguous reads collapse into one range. receipt_xact is the
-- transaction that last changed what was received or read, for a client that asks what changed meanwhile.
CREATE TABLE participants (
    conversation_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    joined_seq bigint NOT NULL,
    left_seq bigint,
    left_xact xid8,
    role text NOT NULL CHECK (role IN ('owner', 'admin', 'moderator', 'member')),
    can_add_members boolean NOT NULL DEFAULT false,
    joined_at timestamptz NOT NULL,
    hidden_seq bigint NOT NULL DEFAULT 0,
    hidden_number bigint NOT NULL DEFAULT 0,
    delivered_seq bigint NOT NULL DEFAULT 0,
    read_seqs int8multirange NOT NULL DEFAULT '{}',
    receipt_xact xid8,
    marked_unread_seq bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (conversation_id, user_id, joined_seq)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX participants_present ON participants (conversation_id, user_id)
    WHERE left_seq IS NULL;
CREATE INDEX participants_of_user ON participants (user_id, conversation_id);

-- number is dense within the conversation (1, 2, 3 …): totals and offset pages become arithmetic.
-- The sealed body (text, end-to-end ciphertext, metadata, mentions) is NULL once erased, and so is the
-- fingerprint that would still say something about it; the row stays as the tombstone and keeps the
-- client's id, so that a late retry of an erased message does not bring it back.
CREATE TABLE messages (
    conversation_id uuid NOT NULL,
    seq bigint NOT NULL,
    number bigint NOT NULL,
    id uuid NOT NULL,
    sender_id text COLLATE "C" NOT NULL,
    message_type text NOT NULL CHECK (message_type IN ('text', 'image', 'file', 'voice', 'system')),
    version smallint NOT NULL,
    key_id text NOT NULL,
    nonce bytea,
    ciphertext bytea,
    reply_to_message_id uuid,
    client_message_id text COLLATE "C",
    fingerprint bytea,
    is_announcement boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    edited_at timestamptz,
    deleted_at timestamptz,
    deleted_by text COLLATE "C",
    PRIMARY KEY (conversation_id, seq),
    CHECK ((ciphertext IS NULL) = (deleted_at IS NOT NULL))
);
CREATE UNIQUE INDEX messages_number ON messages (conversation_id, number);
CREATE UNIQUE INDEX messages_id ON messages (id);
CREATE UNIQUE INDEX messages_client_id ON messages (conversation_id, sender_id, client_message_id)
    WHERE client_message_id IS NOT NULL;

-- Append-only, kept 30 days. xact lets a reader ask "what became visible since my snapshot", which a
-- counter cannot answer: transactions commit out of order.
CREATE TABLE events (
    stream_id uuid NOT NULL,
    seq bigint NOT NULL,
    xact xid8 NOT NULL,
    kind text NOT NULL,
    actor_id text COLLATE "C" NOT NULL,
    message_id uuid,
    payload jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    PRIMARY KEY (stream_id, seq)
);
CREATE INDEX events_xact ON events (xact);

-- requestId of every mutation but sending: the answer kept holds ids and counts, never text.
CREATE TABLE requests (
    user_id text COLLATE "C" NOT NULL,
    command text NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    answer jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, command, request_id)
);
CREATE INDEX requests_age ON requests (created_at);

CREATE TABLE reactions (
    conversation_id uuid NOT NULL,
    message_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    reaction text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, message_id, user_id)
);

CREATE TABLE message_deletions (
    conversation_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (conversation_id, user_id, seq)
);

CREATE TABLE pins (
    conversation_id uuid NOT NULL,
    message_id uuid NOT NULL,
    pinned_by text COLLATE "C" NOT NULL,
    pinned_at timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, message_id)
);

CREATE TABLE conversation_blocks (
    conversation_id uuid NOT NULL,
    blocked_by_user_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, blocked_by_user_id)
);
