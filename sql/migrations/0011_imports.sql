-- What was moved in from another chat system, by what it was called there.

-- One row for each conversation (source_id is a group's old id, or the two people and the product with a character U+0001
-- between them), and one for each name that it had there. `messages` is how many the source had, and `carried` how many of
-- them are here. The importer passes over what is here, so that it may be run again.
CREATE TABLE imported_conversations (
    system text NOT NULL,
    source_id text COLLATE "C" NOT NULL,
    conversation_id uuid NOT NULL,
    messages bigint NOT NULL DEFAULT 0,
    carried bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (system, source_id)
);
