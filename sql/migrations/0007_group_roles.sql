-- Groups: roles, what a group is called, and its end. As in 0005: a function per change, which locks the group,
-- looks with a younger snapshot, writes, and answers one row.

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
-- demotion. Who has it already keeps it, without an event. An admin may add members; who becomes a member
-- again may not. verdict: 'done', 'not_found', 'no_group', 'denied', 'self', 'no_member', 'is_higher' or
-- 'is_lower', as their role is already.
CREATE FUNCTION set_member_role(caller text, group_id uuid, asked text, wanted text, event_kind text)
RETURNS TABLE (verdict text, people text[], first_seq bigint, last_seq bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    found record;
    rise integer;
BEGIN
    SELECT * INTO found FROM lock_member(caller, group_id, asked, 'owner');
    people := found.people;
    rise := role_rank(wanted) - role_rank(found.target_role);
    verdict := coalesce(found.verdict, CASE
        WHEN event_kind = 'group:member_promoted' AND rise < 0 THEN 'is_higher'
        WHEN event_kind = 'group:member_demoted' AND rise > 0 THEN 'is_lower'
        ELSE 'done'
    END);
    IF verdict = 'done' AND rise <> 0 THEN
        UPDATE participants p SET role = wanted,
            can_add_members = CASE wanted WHEN 'admin' THEN true WHEN 'member' THEN false ELSE p.can_add_members END
        WHERE p.conversation_id = group_id AND p.user_id = found.target AND p.left_seq IS NULL;
        first_seq := append_to_conversation(group_id, event_kind, caller, NULL,
                                            jsonb_build_object('user', found.target, 'role', wanted));
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
    found record;
BEGIN
    SELECT * INTO found FROM lock_member(caller, group_id, asked, 'admin');
    people := found.people;
    verdict := coalesce(found.verdict, CASE
        WHEN role_rank(found.target_role) >= role_rank(found.role) THEN 'denied'
        WHEN found.target_role = 'admin' AND NOT may_add THEN 'is_admin'
        ELSE 'done'
    END);
    IF verdict = 'done' AND found.target_adds <> may_add THEN
        UPDATE participants p SET can_add_members = may_add
        WHERE p.conversation_id = group_id AND p.user_id = found.target AND p.left_seq IS NULL;
        first_seq := append_to_conversation(
            group_id, 'group:member_updated', caller, NULL,
            jsonb_build_object('user', found.target, 'role', found.target_role, 'can_add_members', may_add));
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
    found record;
BEGIN
    SELECT * INTO found FROM lock_member(caller, group_id, asked, 'owner');
    people := found.people;
    verdict := coalesce(found.verdict, CASE
        WHEN EXISTS (SELECT FROM directory_users(people)) THEN 'done' ELSE 'no_member'
    END);
    IF verdict = 'done' THEN
        -- Receipts lock members' rows too, several at once: all lock them in this order.
        PERFORM FROM participants p
        WHERE p.conversation_id = group_id AND p.user_id IN (caller, found.target) AND p.left_seq IS NULL
        ORDER BY p.user_id FOR UPDATE;
        UPDATE participants p SET can_add_members = true,
            role = CASE p.user_id WHEN caller THEN 'admin' ELSE 'owner' END
        WHERE p.conversation_id = group_id AND p.user_id IN (caller, found.target) AND p.left_seq IS NULL;
        first_seq := append_to_conversation(group_id, 'group:owner_changed', caller, NULL,
                                            jsonb_build_object('user', found.target, 'role', 'owner'));
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
