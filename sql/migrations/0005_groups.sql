-- Groups: creating one, and who is in it. As in 0003: lock the stream, look with a younger snapshot, write.
-- Every function answers one row: a verdict ('done', or why not), the people that the verdict is about, and
-- the seqs of the events that were written, none where nothing changed.

-- Higher may remove lower. The index lists a group's members as a roster shows them, without a sort.
CREATE FUNCTION role_rank(role text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE role WHEN 'owner' THEN 3 WHEN 'admin' THEN 2 WHEN 'moderator' THEN 1 ELSE 0 END
$$;
CREATE INDEX participants_roster ON participants (conversation_id, role_rank(role) DESC, joined_seq, user_id)
    WHERE left_seq IS NULL;

-- The people meant by `ids`, each once and as the directory spells them, and the ids that are nobody's.
CREATE FUNCTION find_people(ids text[], OUT found text[], OUT unknown text[]) LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(DISTINCT u.user_id) FILTER (WHERE u.user_id IS NOT NULL), '{}'),
        coalesce(array_agg(DISTINCT a.id) FILTER (WHERE u.user_id IS NULL), '{}')
    FROM unnest(ids) AS a (id) LEFT JOIN LATERAL directory_users(ARRAY[a.id]) u ON true
$$;

-- Those of `ids` with a block between them and `person`, whoever of the two blocked.
CREATE FUNCTION blocked_among(person text, ids text[]) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(DISTINCT b.user_id), '{}') FROM directory_blocks_of(person) b
    WHERE b.user_id = ANY (ids)
$$;

-- What an event that shows its group keeps of it, as it stood then: the log must not tell a person who was
-- removed since what has become of it, and who replays it in order ends with what is.
CREATE FUNCTION group_state(c conversations) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('title', c.title, 'description', c.description, 'max_members', c.max_members,
        'member_count', c.member_count, 'is_active', c.is_active, 'settings', c.settings)
$$;

-- Creates a group of the caller and `others`, at most `most` people: one event, however many they are.
-- verdict: 'done', 'unknown', 'blocked' or 'full'. There is nothing to lock yet: a block that commits
-- while this runs is ordered after it, and inside a group blocks change nothing.
CREATE FUNCTION create_group(
    new_id uuid, caller text, new_title text, new_description text, others text[], most integer
) RETURNS TABLE (verdict text, people text[], first_seq bigint, last_seq bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    members text[];
    moment CONSTANT timestamptz := date_trunc('milliseconds', clock_timestamp());
    created conversations;
BEGIN
    SELECT array_remove(p.found, caller), p.unknown INTO members, people FROM find_people(others) p;
    IF people <> '{}' THEN
        RETURN QUERY SELECT 'unknown', people, NULL::bigint, NULL::bigint;
        RETURN;
    END IF;
    people := blocked_among(caller, members);
    IF people <> '{}' THEN
        RETURN QUERY SELECT 'blocked', people, NULL::bigint, NULL::bigint;
        RETURN;
    END IF;
    IF cardinality(members) + 1 > most THEN
        RETURN QUERY SELECT 'full', people, NULL::bigint, NULL::bigint;
        RETURN;
    END IF;
    INSERT INTO conversations (id, type, title, description, created_by, max_members, member_count,
                               created_at, last_seq, last_xact)
    VALUES (new_id, 'group', new_title, new_description, caller, most, cardinality(members) + 1,
            moment, 1, pg_current_xact_id())
    RETURNING * INTO created;
    INSERT INTO participants (conversation_id, user_id, joined_seq, role, can_add_members, joined_at)
    SELECT new_id, caller, 1, 'owner', true, moment
    UNION ALL SELECT new_id, m, 1, 'member', false, moment FROM unnest(members) m;
    INSERT INTO events (stream_id, seq, xact, kind, actor_id, payload, created_at)
    VALUES (new_id, 1, pg_current_xact_id(), 'group:created', caller,
            jsonb_build_object('joined', caller || members, 'conversation', group_state(created)), moment);
    RETURN QUERY SELECT 'done', members, 1::bigint, 1::bigint;
END
$$;

-- Locks a group and says how the caller stands in it, by a snapshot younger than the lock: the first step
-- of everything that changes a group. verdict is NULL where the caller is a member, else 'not_found', or
-- 'no_group' for a direct conversation.
CREATE FUNCTION lock_group(caller text, group_id uuid, OUT verdict text, OUT role text, OUT may_add boolean,
                           OUT state conversations)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM conversations c WHERE c.id = group_id FOR UPDATE;
    SELECT c.* INTO state FROM conversations c WHERE c.id = group_id AND c.is_active;
    SELECT me.role, me.can_add_members OR role_rank(me.role) >= role_rank('admin') INTO role, may_add
    FROM participants me WHERE me.conversation_id = group_id AND me.user_id = caller AND me.left_seq IS NULL;
    verdict := CASE
        WHEN role IS NULL OR state.id IS NULL THEN 'not_found'
        WHEN state.type <> 'group' THEN 'no_group'
    END;
END
$$;

-- Adds people to a group: one event each, in the order of their ids. Who is a member already stays as they
-- are, without an event. verdict: 'done' (people are those asked for), 'not_found', 'no_group', 'denied',
-- 'unknown', 'blocked' or 'full' (people are those to blame).
CREATE FUNCTION add_members(caller text, group_id uuid, asked text[])
RETURNS TABLE (verdict text, people text[], first_seq bigint, last_seq bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    standing record;
    meant record;
    fresh text[];
    moment timestamptz;
BEGIN
    SELECT * INTO standing FROM lock_group(caller, group_id);
    moment := date_trunc('milliseconds', clock_timestamp());
    SELECT * INTO meant FROM find_people(asked);
    fresh := ARRAY(
        SELECT f FROM unnest(meant.found) f
        WHERE NOT EXISTS (SELECT FROM participants p WHERE p.conversation_id = group_id
                          AND p.user_id = f AND p.left_seq IS NULL));
    verdict := standing.verdict;
    IF verdict IS NULL AND NOT standing.may_add THEN
        verdict := 'denied';
    END IF;
    IF verdict IS NULL AND meant.unknown <> '{}' THEN
        verdict := 'unknown';
        people := meant.unknown;
    END IF;
    IF verdict IS NULL THEN
        people := blocked_among(caller, fresh);
        verdict := CASE
            WHEN people <> '{}' THEN 'blocked'
            WHEN fresh <> '{}'
                AND (standing.state).member_count + cardinality(fresh) > (standing.state).max_members THEN 'full'
            ELSE 'done'
        END;
    END IF;
    IF verdict = 'done' THEN
        people := meant.found;
    END IF;
    IF verdict <> 'done' OR fresh = '{}' THEN
        RETURN NEXT;
        RETURN;
    END IF;
    first_seq := (standing.state).last_seq + 1;
    last_seq := (standing.state).last_seq + cardinality(fresh);
    INSERT INTO participants (conversation_id, user_id, joined_seq, role, joined_at)
    SELECT group_id, f.id, (standing.state).last_seq + f.nth, 'member', moment
    FROM unnest(fresh) WITH ORDINALITY AS f (id, nth);
    INSERT INTO events (stream_id, seq, xact, kind, actor_id, payload, created_at)
    SELECT group_id, (standing.state).last_seq + f.nth, pg_current_xact_id(), 'group:member_added', caller,
        jsonb_build_object('joined', ARRAY[f.id], 'role', 'member', 'conversation',
            group_state(standing.state)
            || jsonb_build_object('member_count', (standing.state).member_count + f.nth)), moment
    FROM unnest(fresh) WITH ORDINALITY AS f (id, nth);
    UPDATE conversations c SET last_seq = c.last_seq + cardinality(fresh),
        member_count = c.member_count + cardinality(fresh), last_xact = pg_current_xact_id()
    WHERE c.id = group_id;
    RETURN NEXT;
END
$$;

-- Ends a membership, in a group whose lock is held: the interval ends with the event that tells of it.
CREATE FUNCTION end_membership(group_id uuid, member text, event_kind text, actor text)
RETURNS bigint LANGUAGE sql VOLATILE AS $$
    WITH bumped AS (
        UPDATE conversations c SET last_seq = c.last_seq + 1, member_count = c.member_count - 1,
            last_xact = pg_current_xact_id()
        WHERE c.id = group_id RETURNING c.last_seq
    ), gone AS (
        UPDATE participants p SET left_seq = bumped.last_seq, left_xact = pg_current_xact_id()
        FROM bumped WHERE p.conversation_id = group_id AND p.user_id = member AND p.left_seq IS NULL
    )
    INSERT INTO events (stream_id, seq, xact, kind, actor_id, payload, created_at)
    SELECT group_id, bumped.last_seq, pg_current_xact_id(), event_kind, actor,
        jsonb_build_object('left', ARRAY[member]), date_trunc('milliseconds', clock_timestamp())
    FROM bumped
    RETURNING seq
$$;

-- Removes a member of a lower role than the caller's, who is an admin or the owner. A person whom the
-- directory has forgotten can still be removed.
-- verdict: 'done', 'not_found', 'no_group', 'self', 'denied' or 'no_member'.
CREATE FUNCTION remove_member(caller text, group_id uuid, asked text)
RETURNS TABLE (verdict text, people text[], first_seq bigint, last_seq bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    standing record;
    target text := coalesce((SELECT u.user_id FROM directory_users(ARRAY[asked]) u), asked);
    target_role text;
BEGIN
    SELECT * INTO standing FROM lock_group(caller, group_id);
    SELECT p.role INTO target_role FROM participants p
    WHERE p.conversation_id = group_id AND p.user_id = target AND p.left_seq IS NULL;
    verdict := coalesce(standing.verdict, CASE
        WHEN target = caller THEN 'self'
        WHEN role_rank(standing.role) < role_rank('admin') THEN 'denied'
        WHEN target_role IS NULL THEN 'no_member'
        WHEN role_rank(target_role) >= role_rank(standing.role) THEN 'denied'
        ELSE 'done'
    END);
    people := ARRAY[target];
    IF verdict = 'done' THEN
        first_seq := end_membership(group_id, target, 'group:member_removed', caller);
        last_seq := first_seq;
    END IF;
    RETURN NEXT;
END
$$;

-- The caller leaves. verdict: 'done', 'not_found', 'no_group', or 'owner', who cannot.
CREATE FUNCTION leave_group(caller text, group_id uuid)
RETURNS TABLE (verdict text, people text[], first_seq bigint, last_seq bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    standing record;
BEGIN
    SELECT * INTO standing FROM lock_group(caller, group_id);
    verdict := coalesce(standing.verdict, CASE standing.role WHEN 'owner' THEN 'owner' ELSE 'done' END);
    people := ARRAY[caller];
    IF verdict = 'done' THEN
        first_seq := end_membership(group_id, caller, 'group:member_left', caller);
        last_seq := first_seq;
    END IF;
    RETURN NEXT;
END
$$;
