-- Groups: creating one, who is in it, roles, what it is called, and its end.
--
-- Every function answers one row: a verdict ('done', or why not), the people that the verdict is about, and the seqs of the
-- events that were written, none where nothing changed.

-- Higher may remove lower.
CREATE FUNCTION role_rank(role text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE role WHEN 'owner' THEN 3 WHEN 'admin' THEN 2 WHEN 'moderator' THEN 1 ELSE 0 END
$$;
-- A group's members as a roster shows them, without a sort.
CREATE INDEX participants_roster ON participants (uuid_send(conversation_id), role_rank(role) DESC, joined_seq, (user_id || ''))
    WHERE left_seq IS NULL;

-- What an event that shows its group keeps of it, as it stood then: the log must not tell a person who was
-- removed since what has become of it, and who replays it in order ends with what is.
CREATE FUNCTION group_state(c conversations) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('title', c.title, 'description', c.description, 'max_members', c.max_members,
        'member_count', c.member_count, 'is_active', c.is_active, 'settings', c.settings)
$$;

-- Creates a group of the caller and `others`, at most `most` people: one event, however many they are. One person creates
-- `per_day` groups, and everybody has `most_conversations`; 0 is no limit. verdict: 'done', 'unknown', 'blocked', 'crowded'
-- (people are in too many), 'full', 'too_many_conversations' or 'too_soon' (then with the seconds to wait). There is nothing
-- to lock yet: a block that commits while this runs is ordered after it, and inside a group blocks change nothing.
CREATE FUNCTION create_group(
    new_id uuid, caller text, new_title text, new_description text, others text[], most integer,
    per_day integer, most_conversations integer
) RETURNS TABLE (verdict text, people text[], first_seq bigint, last_seq bigint, wait double precision)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    members text[];
    moment timestamptz;
    created conversations;
BEGIN
    SELECT array_remove(p.known, caller), p.unknown INTO members, people FROM find_people(others) p;
    IF people <> '{}' THEN
        verdict := 'unknown';
        RETURN NEXT;
        RETURN;
    END IF;
    people := blocked_among(caller, members);
    IF people <> '{}' THEN
        verdict := 'blocked';
        RETURN NEXT;
        RETURN;
    END IF;
    IF cardinality(members) + 1 > most THEN
        verdict := 'full';
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT c.verdict, c.wait INTO verdict, wait
    FROM check_opening(caller, 'group', per_day, interval '1 day', most_conversations) c;
    IF verdict IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    people := full_among(members, most_conversations);
    IF people <> '{}' THEN
        verdict := 'crowded';
        RETURN NEXT;
        RETURN;
    END IF;
    moment := this_moment();
    INSERT INTO conversations (id, type, title, description, created_by, max_members, member_count,
                               created_at, last_seq, last_xact)
    VALUES (new_id, 'group', new_title, new_description, caller, most, cardinality(members) + 1,
            moment, 1, pg_current_xact_id())
    RETURNING * INTO created;
    INSERT INTO participants (conversation_id, user_id, joined_seq, role, can_add_members, joined_at, in_group)
    SELECT new_id, caller, 1, 'owner', true, moment, true
    UNION ALL SELECT new_id, m, 1, 'member', false, moment, true FROM unnest(members) m;
    INSERT INTO events (stream_id, seq, xact, kind, actor_id, payload, created_at)
    VALUES (new_id, 1, pg_current_xact_id(), 'group:created', caller,
            jsonb_build_object('joined', caller || members, 'conversation', group_state(created)), moment);
    verdict := 'done';
    people := members;
    first_seq := 1;
    last_seq := 1;
    RETURN NEXT;
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

-- Adds people to a group: one event each, in the order of their ids. Those who are members already stay as they are, without an
-- event. Nobody is added who is in `most_conversations`, or who was `per_hour` times within the hour: being added and
-- removed again and again reaches them as pushes. 0 is no limit. verdict: 'done' (people are those asked for), 'not_found',
-- 'no_group', 'denied', 'unknown', 'blocked', 'full', 'crowded' or 'too_soon' (then with the seconds to wait; people are
-- those to blame).
CREATE FUNCTION add_members(caller text, group_id uuid, asked text[], per_hour integer, most_conversations integer)
RETURNS TABLE (verdict text, people text[], first_seq bigint, last_seq bigint, wait double precision)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    standing record;
    meant record;
    fresh text[];
    moment timestamptz;
BEGIN
    SELECT * INTO standing FROM lock_group(caller, group_id);
    moment := this_moment();
    SELECT * INTO meant FROM find_people(asked);
    fresh := ARRAY(
        SELECT f FROM unnest(meant.known) f
        WHERE (SELECT p.user_id FROM participants p WHERE p.conversation_id = group_id
               AND p.user_id = f AND p.left_seq IS NULL LIMIT 1) IS NULL);
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
        END;
    END IF;
    IF verdict IS NULL THEN
        SELECT array_agg(last.user_id), extract(epoch FROM max(last.since) + interval '1 hour' - moment)
        INTO people, wait
        FROM unnest(fresh) AS f (id) CROSS JOIN LATERAL (
            SELECT p.user_id, p.joins, coalesce(p.joins_since, p.joined_at) AS since FROM participants p
            WHERE p.conversation_id = group_id AND p.user_id = f.id ORDER BY p.joined_seq DESC LIMIT 1) last
        WHERE per_hour > 0 AND last.joins >= per_hour AND last.since > moment - interval '1 hour';
        IF people IS NOT NULL THEN
            verdict := 'too_soon';
        ELSE
            people := full_among(fresh, most_conversations);
            verdict := CASE WHEN people <> '{}' THEN 'crowded' ELSE 'done' END;
        END IF;
    END IF;
    IF verdict = 'done' THEN
        people := meant.known;
    END IF;
    IF verdict <> 'done' OR fresh = '{}' THEN
        RETURN NEXT;
        RETURN;
    END IF;
    first_seq := (standing.state).last_seq + 1;
    last_seq := (standing.state).last_seq + cardinality(fresh);
    INSERT INTO participants (conversation_id, user_id, joined_seq, role, joined_at, in_group, joins, joins_since)
    SELECT group_id, f.id, (standing.state).last_seq + f.nth, 'member', moment, true,
        CASE WHEN last.since > moment - interval '1 hour' THEN last.joins + 1 ELSE 1 END,
        CASE WHEN last.since > moment - interval '1 hour' THEN last.since ELSE moment END
    FROM unnest(fresh) WITH ORDINALITY AS f (id, nth)
    LEFT JOIN LATERAL (
        SELECT p.joins, coalesce(p.joins_since, p.joined_at) AS since FROM participants p
        WHERE p.conversation_id = group_id AND p.user_id = f.id ORDER BY p.joined_seq DESC LIMIT 1) last ON true;
    -- Of the memberships that ended, the last one tells all that is asked of them later. In the order in which others
    -- lock them.
    FOR n IN 1 .. cardinality(fresh) LOOP
        PERFORM FROM participants p
        WHERE p.conversation_id = group_id AND p.user_id = fresh[n] AND p.left_seq IS NOT NULL
            AND p.joined_at < moment - interval '1 hour'
        ORDER BY p.joined_seq FOR UPDATE;
        CONTINUE WHEN NOT FOUND;
        DELETE FROM participants p
        WHERE p.conversation_id = group_id AND p.user_id = fresh[n] AND p.left_seq IS NOT NULL
            AND p.joined_at < moment - interval '1 hour' AND p.joined_seq < (
            SELECT max(later.joined_seq) FROM participants later
            WHERE later.conversation_id = group_id AND later.user_id = fresh[n] AND later.left_seq IS NOT NULL);
    END LOOP;
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

-- Ends a membership, in a group whose lock is held: the interval ends with the event that tells of it, whose seq it returns.
CREATE FUNCTION end_membership(group_id uuid, member text, event_kind text, actor text) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    last bigint;
BEGIN
    UPDATE conversations c SET member_count = c.member_count - 1 WHERE c.id = group_id;
    last := append_to_conversation(group_id, event_kind, actor, NULL, jsonb_build_object('left', ARRAY[member]));
    UPDATE participants p SET left_seq = last, left_xact = pg_current_xact_id()
    WHERE p.conversation_id = group_id AND p.user_id = member AND p.left_seq IS NULL;
    RETURN last;
END
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

-- Locks a group and says how the caller and a person whom they name stand in it, in a change that takes the
-- role `needed`. verdict is NULL where the two may be looked at further, else that of lock_group, 'denied',
-- 'self' where they are one, or 'no_member'. `people` is the person named, as the directory spells them.
CREATE FUNCTION lock_member(
    caller text, group_id uuid, asked text, needed text,
    OUT verdict text, OUT people text[], OUT role text, OUT target text, OUT target_role text,
    OUT target_adds boolean
) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    standing record;
BEGIN
    SELECT * INTO standing FROM lock_group(caller, group_id);
    role := standing.role;
    target := coalesce((SELECT u.user_id FROM directory_users(ARRAY[asked]) u), asked);
    people := ARRAY[target];
    SELECT p.role, p.can_add_members INTO target_role, target_adds FROM participants p
    WHERE p.conversation_id = group_id AND p.user_id = target AND p.left_seq IS NULL;
    verdict := coalesce(standing.verdict, CASE
        WHEN role_rank(role) < role_rank(needed) THEN 'denied'
        WHEN target = caller THEN 'self'
        WHEN target_role IS NULL THEN 'no_member'
    END);
END
$$;

-- Gives a member another role, in a group whose owner asks: a higher one by a promotion, a lower one by a
-- demotion. Those who have it already keep it, without an event. An admin may add members; those who become members
-- again may not. verdict: 'done', 'not_found', 'no_group', 'denied', 'self', 'no_member', 'is_higher' or
-- 'is_lower', as their role is already.
CREATE FUNCTION set_member_role(caller text, group_id uuid, asked text, wanted text, event_kind text)
RETURNS TABLE (verdict text, people text[], first_seq bigint, last_seq bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    named record;
    rise integer;
BEGIN
    SELECT * INTO named FROM lock_member(caller, group_id, asked, 'owner');
    people := named.people;
    rise := role_rank(wanted) - role_rank(named.target_role);
    verdict := coalesce(named.verdict, CASE
        WHEN event_kind = 'group:member_promoted' AND rise < 0 THEN 'is_higher'
        WHEN event_kind = 'group:member_demoted' AND rise > 0 THEN 'is_lower'
        ELSE 'done'
    END);
    IF verdict = 'done' AND rise <> 0 THEN
        UPDATE participants p SET role = wanted,
            can_add_members = CASE wanted WHEN 'admin' THEN true WHEN 'member' THEN false ELSE p.can_add_members END
        WHERE p.conversation_id = group_id AND p.user_id = named.target AND p.left_seq IS NULL;
        first_seq := append_to_conversation(group_id, event_kind, caller, NULL,
                                            jsonb_build_object('user', named.target, 'role', wanted));
        last_seq := first_seq;
    END IF;
    RETURN NEXT;
END
$$;

-- Lets a member add members, or not any more: by an admin or the owner, and of a lower role than theirs. Admins
-- may in any case. What stands already stays, without an event.
-- verdict: 'done', 'not_found', 'no_group', 'denied', 'self', 'no_member', or 'is_admin'.
CREATE FUNCTION permit_member(caller text, group_id uuid, asked text, may_add boolean)
RETURNS TABLE (verdict text, people text[], first_seq bigint, last_seq bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    named record;
BEGIN
    SELECT * INTO named FROM lock_member(caller, group_id, asked, 'admin');
    people := named.people;
    verdict := coalesce(named.verdict, CASE
        WHEN role_rank(named.target_role) >= role_rank(named.role) THEN 'denied'
        WHEN named.target_role = 'admin' AND NOT may_add THEN 'is_admin'
        ELSE 'done'
    END);
    IF verdict = 'done' AND named.target_adds <> may_add THEN
        UPDATE participants p SET can_add_members = may_add
        WHERE p.conversation_id = group_id AND p.user_id = named.target AND p.left_seq IS NULL;
        first_seq := append_to_conversation(
            group_id, 'group:member_updated', caller, NULL,
            jsonb_build_object('user', named.target, 'role', named.target_role, 'can_add_members', may_add));
        last_seq := first_seq;
    END IF;
    RETURN NEXT;
END
$$;

-- Makes a member the owner; the owner until now becomes an admin. Nobody can be made the owner whom the
-- directory does not know: the group could never change hands again.
-- verdict: 'done', 'not_found', 'no_group', 'denied', 'self' or 'no_member'.
CREATE FUNCTION transfer_group(caller text, group_id uuid, asked text)
RETURNS TABLE (verdict text, people text[], first_seq bigint, last_seq bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    named record;
    person text;
BEGIN
    SELECT * INTO named FROM lock_member(caller, group_id, asked, 'owner');
    people := named.people;
    verdict := coalesce(named.verdict, CASE
        WHEN EXISTS (SELECT FROM directory_users(people)) THEN 'done' ELSE 'no_member'
    END);
    IF verdict = 'done' THEN
        -- Receipts lock members' rows too, several at once: all lock them in this order.
        FOREACH person IN ARRAY ARRAY[least(caller COLLATE "C", named.target COLLATE "C"),
                                      greatest(caller COLLATE "C", named.target COLLATE "C")] LOOP
            UPDATE participants p SET can_add_members = true, role = CASE person WHEN caller THEN 'admin' ELSE 'owner' END
            WHERE p.conversation_id = group_id AND p.user_id = person AND p.left_seq IS NULL;
        END LOOP;
        first_seq := append_to_conversation(group_id, 'group:owner_changed', caller, NULL,
                                            jsonb_build_object('user', named.target, 'role', 'owner'));
        last_seq := first_seq;
    END IF;
    RETURN NEXT;
END
$$;

-- Changes what a group is called, what it is about, and how many it may have; what is NULL stays. By an admin or
-- the owner. One event, whose size has nothing to do with that of the group; none where nothing changes.
-- verdict: 'done', 'not_found', 'no_group', 'denied', or 'too_many' members for the new maximum.
CREATE FUNCTION update_group(
    caller text, group_id uuid, new_title text, new_description text, new_most integer
) RETURNS TABLE (verdict text, people text[], first_seq bigint, last_seq bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    standing record;
    old conversations;
    new conversations;
BEGIN
    SELECT * INTO standing FROM lock_group(caller, group_id);
    old := standing.state;
    new := old;
    new.title := coalesce(new_title, old.title);
    new.description := coalesce(new_description, old.description);
    new.max_members := coalesce(new_most, old.max_members);
    people := '{}';
    verdict := coalesce(standing.verdict, CASE
        WHEN role_rank(standing.role) < role_rank('admin') THEN 'denied'
        -- A maximum that stands already may be lower than the members are: theirs came before it.
        WHEN new.max_members < old.member_count AND new.max_members <> old.max_members THEN 'too_many'
        ELSE 'done'
    END);
    IF verdict = 'done' AND new IS DISTINCT FROM old THEN
        UPDATE conversations c SET title = new.title, description = new.description, max_members = new.max_members
        WHERE c.id = group_id;
        first_seq := append_to_conversation(group_id, 'group:info_updated', caller, NULL,
                                            jsonb_build_object('conversation', group_state(new)));
        last_seq := first_seq;
    END IF;
    RETURN NEXT;
END
$$;

-- Ends a group: its last event ends every membership, so everybody hears of it, and nobody is a member of it
-- any more. What was said in it stays in the database alone. Only the owner may.
-- verdict: 'done', 'not_found', 'no_group' or 'denied'.
CREATE FUNCTION delete_group(caller text, group_id uuid)
RETURNS TABLE (verdict text, people text[], first_seq bigint, last_seq bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    standing record;
    ended conversations;
    members text[];
BEGIN
    SELECT * INTO standing FROM lock_group(caller, group_id);
    people := '{}';
    verdict := coalesce(standing.verdict, CASE standing.role WHEN 'owner' THEN 'done' ELSE 'denied' END);
    IF verdict = 'done' THEN
        -- In the order in which receipts lock several members' rows.
        members := ARRAY(
            SELECT p.user_id FROM participants p
            WHERE p.conversation_id = group_id AND p.left_seq IS NULL ORDER BY p.user_id FOR UPDATE);
        UPDATE conversations c SET is_active = false, member_count = 0 WHERE c.id = group_id
        RETURNING * INTO ended;
        first_seq := append_to_conversation(
            group_id, 'group:deleted', caller, NULL,
            jsonb_build_object('left', members, 'conversation', group_state(ended)));
        last_seq := first_seq;
        UPDATE participants p SET left_seq = first_seq, left_xact = pg_current_xact_id()
        WHERE p.conversation_id = group_id AND p.left_seq IS NULL;
    END IF;
    RETURN NEXT;
END
$$;
