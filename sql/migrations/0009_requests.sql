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
CREATE INDEX requests_of_user ON requests ((user_id || ''), created_at);
-- Those that an erased message takes along.
CREATE INDEX requests_of_edits ON requests ((answer ->> 'messageId')) WHERE command = 'chat:message_edit';
