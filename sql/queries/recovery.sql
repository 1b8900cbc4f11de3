-- name: streams_of
-- Every stream that each of the people $1 has a part in: each membership of a conversation, past ones too, and the
-- personal stream, with the seq after which they have missed it, and their place in $1; at most $4 of each (null: all).
-- $2 has a snapshot of each (or null), $3 an object of exact positions by conversation id and 'me' (or null); without
-- either, the position that their devices received counts. Everybody has a row, be it one without a stream.
--
-- Of a membership that has ended its end alone counts, so of these nothing is looked for in the log. (OFFSET 0: a
-- snapshot is read once, not once per stream; LIMIT: each person by the indexes, however many are asked for.)
SELECT asked.position, pg_current_snapshot()::text AS snapshot, m.*
FROM unnest($1::text[], $2::text[], $3::jsonb[]) WITH ORDINALITY AS asked (person, snapshot, positions, position)
CROSS JOIN LATERAL (SELECT asked.snapshot::pg_snapshot AS snapshot, asked.positions OFFSET 0) given
LEFT JOIN LATERAL (
    SELECT mine.room, mine.is_direct, mine.last_seq, mine.joined_seq, mine.left_seq, mine.pruned_seq, seen.seq AS seen_seq,
        -- Nothing of the stream that is left in the log was visible: was what is no longer left?
        seen.seq IS NULL AND mine.pruned_seq > 0
            AND NOT pg_visible_in_snapshot((SELECT pruned_xact FROM log_epoch), given.snapshot) AS too_old
    FROM (
        SELECT 'conversation:' || c.id AS room, c.type = 'direct' AS is_direct, c.id AS stream_id, c.id::text AS key, c.last_seq, c.last_xact,
            c.pruned_seq, p.joined_seq, p.left_seq, p.left_xact, p.delivered_seq
        FROM participants p JOIN conversations c ON c.id = p.conversation_id
        WHERE p.user_id = asked.person AND (c.is_active OR p.left_seq IS NOT NULL)
        UNION ALL
        SELECT 'user:' || s.user_id, false, s.stream_id, 'me', s.last_seq, s.last_xact, s.pruned_seq, 1, NULL, NULL,
            s.delivered_seq
        FROM personal_streams s WHERE s.user_id = asked.person
    ) mine CROSS JOIN LATERAL (
        SELECT CASE
            WHEN given.positions IS NOT NULL
                -- What is not listed is replayed from the join point, unless it is over and done with.
                THEN coalesce((given.positions ->> mine.key)::int8, mine.left_seq, mine.joined_seq - 1)
            WHEN given.snapshot IS NULL THEN mine.delivered_seq
            WHEN mine.left_seq IS NOT NULL THEN mine.left_seq - 1
            WHEN pg_visible_in_snapshot(mine.last_xact, given.snapshot) THEN mine.last_seq
            ELSE shown_seq(mine.stream_id, mine.last_seq, mine.pruned_seq, mine.joined_seq, given.snapshot)
            END AS seq
        OFFSET 0) seen  -- looked for once, not once per mention
    WHERE mine.left_seq IS NULL OR given.snapshot IS NULL OR NOT pg_visible_in_snapshot(mine.left_xact, given.snapshot)
    LIMIT $4
) m ON true;
