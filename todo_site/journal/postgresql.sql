-- The journal on PostgreSQL, version 2: the functions that the triggers of owned tables call. operations.InstallJournal
-- runs this file. {user_table} is the table of users, {owner} the type of the ids in it: uuid or text.
--
-- One statement of a request on an owned table runs, in this order:
--   BEFORE STATEMENT  journal_lock_owner()                        locks the head of the owner in app.user_id
--   BEFORE ROW        owned_identity()                            refuses changes of id, owner and time of creation
--   AFTER STATEMENT   journal_inserted(), _updated(), _deleted()  append one entry for each row by journal_append()


-- Canonical form -------------------------------------------------------------------------------------------------
-- LANGUAGE sql functions without a sub-select are inlined. One that calls a STABLE function must be STABLE itself.

CREATE FUNCTION journal_netstring(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN value IS NULL THEN '~' ELSE octet_length(value)::text || ':' || value || ',' END
$$;

CREATE FUNCTION journal_time(value timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_char(value AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

CREATE FUNCTION journal_time_of_day(value time) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_char(value::interval, 'HH24:MI:SS.US')
$$;

-- The canonical text of a value of to_jsonb(row), which depends on the session's time zone and drops zeros in times.
CREATE FUNCTION journal_value(value jsonb, is_time boolean, is_time_of_day boolean) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN jsonb_typeof(value) IN ('array', 'object') THEN value
                WHEN is_time THEN to_jsonb(journal_time((value #>> '{}')::timestamptz))
                WHEN is_time_of_day THEN to_jsonb(journal_time_of_day((value #>> '{}')::time))
                ELSE to_jsonb(value #>> '{}') END
$$;

-- {column: [from, to]} of the columns that differ. A row that does not exist is NULL.
CREATE FUNCTION journal_changes(old_row jsonb, new_row jsonb, columns text[], times text[], times_of_day text[])
RETURNS jsonb LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    changes jsonb := '{}'; name text; old_value jsonb; new_value jsonb;
BEGIN
    FOREACH name IN ARRAY columns LOOP
        IF NOT coalesce(new_row, old_row) ? name THEN  -- renamed or dropped: the arguments of a trigger do not follow
            RAISE EXCEPTION 'journalled column % does not exist', name USING ERRCODE = 'undefined_column';
        END IF;
        old_value := nullif(old_row -> name, 'null');
        new_value := nullif(new_row -> name, 'null');
        IF old_value IS DISTINCT FROM new_value THEN
            changes := changes || jsonb_build_object(name, jsonb_build_array(
                journal_value(old_value, name = ANY (times), name = ANY (times_of_day)),
                journal_value(new_value, name = ANY (times), name = ANY (times_of_day))));
        END IF;
    END LOOP;
    RETURN changes;
END $$;

-- A list ends with "]" in place of the comma: ["a"] and the text "1:a," differ. Other JSON has no canonical form.
CREATE FUNCTION journal_list(value jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    items text;
BEGIN
    IF jsonb_typeof(value) <> 'array' OR jsonb_path_exists(value, 'strict $[*] ? (@.type() != "string")') THEN
        RAISE EXCEPTION 'only a list of texts can be journalled' USING ERRCODE = 'data_exception';
    END IF;
    SELECT coalesce(string_agg(journal_netstring(item), '' ORDER BY place), '') INTO items
        FROM jsonb_array_elements_text(value) WITH ORDINALITY AS list (item, place);
    RETURN octet_length(items)::text || ':' || items || ']';
END $$;

CREATE FUNCTION journal_text(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN jsonb_typeof(value) IN ('array', 'object') THEN journal_list(value)
                ELSE journal_netstring(value #>> '{}') END
$$;

CREATE FUNCTION journal_fields(changes jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN coalesce((
        SELECT string_agg(journal_netstring(key) || journal_text(value -> 0) || journal_text(value -> 1), ''
                          ORDER BY key COLLATE "C")
        FROM jsonb_each(changes)), '');
END $$;

CREATE FUNCTION journal_sha256(value text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT encode(sha256(convert_to(value, 'UTF8')), 'hex')
$$;

-- The random salt keeps anybody from confirming a guessed text after the changes and the salt were removed.
CREATE FUNCTION journal_fields_hash(salt uuid, changes jsonb) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT journal_sha256(journal_netstring(salt::text) || journal_fields(changes))
$$;

-- All that the hash of an entry covers, except the previous hash.
CREATE FUNCTION journal_header(
    form smallint, id uuid, user_id text, number bigint, table_name text, row_id uuid, verb text, at timestamptz,
    staff text, reason text, request_id text, action uuid, undoes uuid, fields_hash text
) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT journal_netstring(form::text) || journal_netstring(id::text) || journal_netstring(user_id)
        || journal_netstring(number::text) || journal_netstring(table_name) || journal_netstring(row_id::text)
        || journal_netstring(verb) || journal_netstring(journal_time(at)) || journal_netstring(staff)
        || journal_netstring(reason) || journal_netstring(request_id) || journal_netstring(action::text)
        || journal_netstring(undoes::text) || journal_netstring(fields_hash)
$$;

-- The chain: journal_chain(hash before the first, header) OVER (ORDER BY number).
CREATE FUNCTION journal_next_hash(previous text, first text, header text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN journal_sha256(journal_netstring(coalesce(previous, first)) || header);
END $$;
CREATE AGGREGATE journal_chain(first text, header text) (SFUNC = journal_next_hash, STYPE = text);


-- The head of a journal, and its lock ----------------------------------------------------------------------------

ALTER TABLE journal_head SET (fillfactor = 50);  -- each write updates its row: leave room for heap-only tuples

CREATE FUNCTION journal_owner() RETURNS {owner} LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('app.user_id', true), '')::{owner}
$$;

-- Lock the head of a journal up to the end of the transaction, and create it if it is missing. NULL: no such user.
CREATE FUNCTION journal_lock_head(owner {owner}) RETURNS journal_head LANGUAGE plpgsql AS $$
DECLARE
    head journal_head;
BEGIN
    LOOP
        SELECT * INTO head FROM journal_head WHERE user_id = owner FOR UPDATE;
        IF FOUND OR NOT EXISTS (SELECT FROM {user_table} WHERE id = owner) THEN
            RETURN head;
        END IF;
        -- Entries may be older than their head. A second writer waits here, and then finds the row by the SELECT above.
        INSERT INTO journal_head (user_id, number, hash) VALUES (
            owner,
            coalesce((SELECT number FROM task_event WHERE user_id = owner ORDER BY number DESC LIMIT 1), 0),
            coalesce((SELECT hash FROM task_event WHERE user_id = owner ORDER BY number DESC LIMIT 1), ''))
        ON CONFLICT (user_id) DO NOTHING;
    END LOOP;
END $$;

-- For requests. What reads the journal before it writes calls this in a statement of its own: the snapshot of a
-- statement is older than the lock that its own BEFORE trigger takes.
CREATE FUNCTION journal_lock() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$
    SELECT (journal_lock_head(journal_owner())).number
$$;

-- Heads are locked before rows, so that two writers of one owner cannot deadlock. A statement outside a request names
-- no owner: journal_append() locks the heads.
CREATE FUNCTION journal_lock_owner() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    owner {owner} := journal_owner();
BEGIN
    IF owner IS NOT NULL THEN
        PERFORM journal_lock_head(owner);
    END IF;
    RETURN NULL;
END $$;


-- Appending entries ----------------------------------------------------------------------------------------------

CREATE TYPE journal_line AS (row_id uuid, verb text, changes jsonb);

CREATE FUNCTION journal_append(owner {owner}, source text, lines journal_line[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    head       journal_head := journal_lock_head(owner);
    moment     timestamptz := clock_timestamp();  -- after the lock, so that times follow numbers
    action     uuid := nullif(current_setting('app.action', true), '')::uuid;
    undoes     uuid := nullif(current_setting('app.undoes', true), '')::uuid;
    request_id text := coalesce(current_setting('app.request_id', true), '');
    reason     text := coalesce(current_setting('app.reason', true), '');
    staff      text := CASE WHEN action IS NULL THEN 'database role ' || session_user
                            ELSE coalesce(current_setting('app.staff', true), '') END;
BEGIN
    IF head IS NULL THEN
        RAISE EXCEPTION 'there is no user % to journal for', owner USING ERRCODE = 'foreign_key_violation';
    END IF;
    WITH line AS (
        SELECT gen_random_uuid() AS id, gen_random_uuid() AS salt, head.number + place AS number, row_id, verb, changes
        FROM unnest(lines) WITH ORDINALITY AS line (row_id, verb, changes, place)
    ), entry AS MATERIALIZED (  -- otherwise the fields are hashed twice
        SELECT *, journal_fields_hash(salt, changes) AS fields_hash FROM line
    ), written AS (
        INSERT INTO task_event AS e (id, user_id, number, task_id, verb, changes, at, staff, reason, request_id,
                                     batch, undoes, table_name, form, salt, fields_hash, hash)
        SELECT entry.id, owner, entry.number, row_id, verb, changes, moment, staff, reason, request_id, action, undoes,
               source, 2, salt, fields_hash,
               journal_chain(head.hash, journal_header(
                   2::smallint, entry.id, owner::text, entry.number, source, row_id, verb, moment, staff, reason,
                   request_id, action, undoes, fields_hash)) OVER (ORDER BY entry.number)
        FROM entry
        RETURNING e.number, e.hash
    )
    UPDATE journal_head
    SET (number, hash) = (SELECT written.number, written.hash FROM written ORDER BY written.number DESC LIMIT 1)
    WHERE user_id = owner;
END $$;


-- Triggers of owned tables ---------------------------------------------------------------------------------------
-- The arguments are lists of columns: those whose change is an entry; those that an entry also contains; those of
-- both that are times; those that are times of day.
--
-- enable_nestloop: PL/pgSQL keeps the plan of the first statement, which has one row; a later one may have thousands.
-- The setting holds for everything inside. Nothing below joins with a large table: it is looked up by key in a function.
-- An array is one value, and a value is limited to 1 GB: entries are appended in portions of 1,000.

CREATE FUNCTION journal_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET enable_nestloop = off AS $$
DECLARE
    columns text[] := TG_ARGV[0]::text[] || TG_ARGV[1]::text[];
    times text[] := TG_ARGV[2]; times_of_day text[] := TG_ARGV[3];
    wanted text := current_setting('app.verb', true);
    verb text := CASE WHEN wanted IN ('import', 'restore') THEN wanted ELSE 'create' END;
    portion record;
BEGIN
    FOR portion IN
        SELECT user_id, array_agg(line ORDER BY place) AS lines
        FROM (SELECT user_id,
                     ROW(id, verb, journal_changes(NULL, to_jsonb(a), columns, times, times_of_day))::journal_line AS line,
                     row_number() OVER (PARTITION BY user_id ORDER BY created_at, id) AS place
              FROM after a) AS lines
        GROUP BY user_id, place / 1000 ORDER BY user_id, place / 1000
    LOOP
        PERFORM journal_append(portion.user_id, TG_TABLE_NAME, portion.lines);
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION journal_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET enable_nestloop = off AS $$
DECLARE
    journalled text[] := TG_ARGV[0]; further text[] := TG_ARGV[1];
    times text[] := TG_ARGV[2]; times_of_day text[] := TG_ARGV[3];
    portion record;
BEGIN
    FOR portion IN
        SELECT user_id,
               array_agg(ROW(id, CASE WHEN changes - further - 'status' <> '{}' THEN 'edit'
                                      WHEN changes #>> '{status,1}' = 'completed' THEN 'complete'
                                      ELSE 'reopen' END, changes)::journal_line ORDER BY place)
                   FILTER (WHERE changes ?| journalled) AS lines,
               bool_or(differs) AS differs
        FROM (SELECT a.user_id, a.id, to_jsonb(b) <> to_jsonb(a) AS differs,
                     journal_changes(to_jsonb(b), to_jsonb(a), journalled || further, times, times_of_day) AS changes,
                     row_number() OVER (PARTITION BY a.user_id ORDER BY a.created_at, a.id) AS place
              FROM before b JOIN after a USING (id)) AS changed
        GROUP BY user_id, place / 1000 ORDER BY user_id, place / 1000
    LOOP
        IF portion.lines IS NOT NULL THEN
            PERFORM journal_append(portion.user_id, TG_TABLE_NAME, portion.lines);
        ELSIF portion.differs THEN
            PERFORM journal_raise_version(portion.user_id);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION journal_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET enable_nestloop = off AS $$
DECLARE
    columns text[] := TG_ARGV[0]::text[] || TG_ARGV[1]::text[];
    times text[] := TG_ARGV[2]; times_of_day text[] := TG_ARGV[3];
    portion record;
BEGIN
    FOR portion IN
        SELECT user_id, array_agg(line ORDER BY place) AS lines
        FROM (SELECT user_id,
                     ROW(id, 'delete', journal_changes(to_jsonb(b), NULL, columns, times, times_of_day))::journal_line AS line,
                     row_number() OVER (PARTITION BY user_id ORDER BY created_at, id) AS place
              FROM before b
              WHERE user_id IN (SELECT o.user_id FROM (SELECT DISTINCT user_id FROM before) AS o
                                WHERE journal_is_kept(o.user_id))) AS lines
        GROUP BY user_id, place / 1000 ORDER BY user_id, place / 1000
    LOOP
        PERFORM journal_append(portion.user_id, TG_TABLE_NAME, portion.lines);
    END LOOP;
    RETURN NULL;
END $$;

-- Whether a deletion is to be journalled: the account stays, and its data is not being erased.
CREATE FUNCTION journal_is_kept(owner {owner}) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM {user_table} WHERE id = owner) AND journal_allows(owner) IS DISTINCT FROM 'erase';
END $$;

-- Note a change that is no entry, so that an ETag made from the head changes.
CREATE FUNCTION journal_raise_version(owner {owner}) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM journal_lock_head(owner);
    UPDATE journal_head SET version = version + 1 WHERE user_id = owner;
END $$;

CREATE FUNCTION owned_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM journal_raise_version(user_id) FROM (SELECT DISTINCT user_id FROM after) AS owners;
    RETURN NULL;
END $$;

CREATE FUNCTION owned_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM journal_raise_version(user_id) FROM (SELECT DISTINCT user_id FROM before) AS owners;
    RETURN NULL;
END $$;

CREATE FUNCTION owned_identity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'id, owner and time of creation of a row in % never change', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION journal_no_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE of % is refused: it would leave no entry', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;


-- Append-only ----------------------------------------------------------------------------------------------------

-- Whether this transaction wrote a row, in a savepoint or not: any other visible row is of a transaction that ended.
CREATE FUNCTION journal_is_ours(writer xid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT pg_xact_status(
        ((pg_current_xact_id()::text::bigint >> 32 << 32) + writer::text::bigint)::text::xid8) = 'in progress'
$$;

-- 'erase' or 'purge' if that is the newest entry and this transaction wrote it. One look-up by key for each owner.
CREATE FUNCTION journal_allows(owner {owner}) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    newest record;
BEGIN
    SELECT verb, xmin AS writer INTO newest FROM task_event WHERE user_id = owner ORDER BY number DESC LIMIT 1;
    IF newest.verb IN ('erase', 'purge') AND journal_is_ours(newest.writer) THEN
        RETURN newest.verb;
    END IF;
    RETURN NULL;
END $$;

-- Entries are deleted with the account, or after an erase entry of this transaction, which is deleted last.
CREATE FUNCTION journal_refuse_delete() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    deleted record;
BEGIN
    FOR deleted IN SELECT user_id, bool_and(verb = 'erase') AS is_last FROM before GROUP BY user_id LOOP
        CONTINUE WHEN NOT EXISTS (SELECT FROM {user_table} WHERE id = deleted.user_id);
        CONTINUE WHEN journal_allows(deleted.user_id) = 'erase';
        CONTINUE WHEN deleted.is_last AND NOT EXISTS (SELECT FROM task_event WHERE user_id = deleted.user_id);
        RAISE EXCEPTION 'task_event is append-only' USING ERRCODE = 'restrict_violation';
    END LOOP;
    RETURN NULL;
END $$;

-- One update is allowed: after a purge entry of this transaction that names the entry's number, changes become {} and
-- the salt NULL.
CREATE FUNCTION journal_refuse_update() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET enable_nestloop = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM before b FULL JOIN after a USING (id)
        WHERE a.changes IS DISTINCT FROM '{}' OR a.salt IS NOT NULL
            OR to_jsonb(a) - '{changes,salt}'::text[] IS DISTINCT FROM to_jsonb(b) - '{changes,salt}'::text[]
            OR journal_allows(a.user_id) IS DISTINCT FROM 'purge'
            OR NOT (SELECT p.task_id = a.task_id AND p.changes #> '{emptied,1}' ? a.number::text
                    FROM task_event p WHERE p.user_id = a.user_id ORDER BY p.number DESC LIMIT 1)
    ) THEN
        RAISE EXCEPTION 'task_event is append-only' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER append_only_delete AFTER DELETE ON task_event REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse_delete();
CREATE TRIGGER append_only_update AFTER UPDATE ON task_event REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse_update();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON task_event
    FOR EACH STATEMENT EXECUTE FUNCTION journal_no_truncate();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_head
    FOR EACH STATEMENT EXECUTE FUNCTION journal_no_truncate();


-- Entries without a changed row, and erasing ---------------------------------------------------------------------

-- For requests: note that staff viewed a row, or the list (NULL). An erase entry of a request's own making would allow
-- deletions.
CREATE FUNCTION journal_note(verb text, row_id uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF verb IS DISTINCT FROM 'look' THEN
        RAISE EXCEPTION 'journal_note does not write %', verb USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM journal_append(journal_owner(), 'task', ARRAY[ROW(row_id, verb, '{}')::journal_line]);
END $$;

-- Delete an owner's rows in these tables and in the journal. It is not granted to the role of requests. The caller sets
-- statement_timeout in a statement before: set on a function, it does not limit the statement that calls it.
CREATE FUNCTION journal_erase(owner {owner}, tables regclass[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    owned regclass;
    head journal_head := journal_lock_head(owner);
BEGIN
    IF head IS NULL THEN
        RETURN;
    END IF;
    PERFORM journal_append(owner, 'task', ARRAY[ROW(NULL, 'erase', '{}')::journal_line]);
    FOREACH owned IN ARRAY tables LOOP
        EXECUTE format('DELETE FROM %s WHERE user_id = $1', owned) USING owner;
    END LOOP;
    DELETE FROM task_event WHERE user_id = owner AND verb <> 'erase';
    DELETE FROM task_event WHERE user_id = owner;
    DELETE FROM journal_head WHERE user_id = owner;
END $$;


-- Rights ---------------------------------------------------------------------------------------------------------

DO $$
DECLARE
    routine record;
BEGIN
    FOR routine IN SELECT oid::regprocedure AS name, prosecdef FROM pg_proc
                   WHERE pronamespace = current_schema()::regnamespace AND proname ~ '^(journal|owned)_'
    LOOP
        EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', routine.name);
        IF routine.prosecdef THEN
            EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp',
                           routine.name, current_schema());
        END IF;
    END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION journal_lock(), journal_note(text, uuid) TO {role};
