"""The journal on SQLite, version 2: the views that the triggers of owned tables insert into, and the append-only rules.

The functions ``journal_...()`` are registered on every connection of the site (todo_site.web.database.sqlite3). A
program that does not register them cannot write to an owned table.
"""

from __future__ import annotations

from todo_site.ownership.database.triggers import CANONICAL


def netstring(value: str) -> str:
    return f"coalesce(length(CAST({value} AS BLOB)) || ':' || {value} || ',', '~')"


def newest(column: str, owner: str) -> str:
    return f"(SELECT {column} FROM task_event WHERE user_id = {owner} ORDER BY number DESC LIMIT 1)"


def allowed(verb: str, owner: str) -> str:
    """Return the condition that the owner's newest entry has this verb and was written by this action."""
    action = "replace(journal_setting('app.action'), '-', '')"
    return f"coalesce({newest(f"verb = '{verb}' AND batch = {action}", owner)}, 0)"


UUID, TIME = CANONICAL["uuid"], CANONICAL["time"]
ACTION = "nullif(journal_setting('app.action'), '')"
UNDOES = "nullif(journal_setting('app.undoes'), '')"
STAFF = f"CASE WHEN {ACTION} IS NULL THEN journal_person() ELSE journal_setting('app.staff') END"

ONLY_TEXTS = "RAISE(ABORT, 'only a list of texts can be journalled')"

LIST = f"""(
    SELECT length(CAST(items AS BLOB)) || ':' || items || ']' FROM (
        SELECT coalesce(group_concat(item, ''), '') AS items FROM (
            SELECT CASE one.type WHEN 'text' THEN {netstring("one.atom")} ELSE {ONLY_TEXTS} END AS item
            FROM json_each(side.value) AS one ORDER BY one.key)))"""

# The changed columns in the byte order of their names.
FIELDS = f"""(
    SELECT coalesce(group_concat(part, ''), '') FROM (
        SELECT {netstring("field.key")} || (
            SELECT group_concat(CASE side.type WHEN 'array' THEN {LIST}
            WHEN 'object' THEN {ONLY_TEXTS} ELSE {netstring("side.atom")} END, '')
            FROM json_each(field.value) AS side) AS part
        FROM json_each(NEW.changes) AS field ORDER BY field.key))"""


def create_head(user_table: str) -> str:
    return f"""INSERT INTO journal_head (user_id, number, hash, version)
    SELECT NEW.user_id, coalesce({newest("number", "NEW.user_id")}, 0), coalesce({newest("hash", "NEW.user_id")}, ''), 0
    WHERE NOT EXISTS (SELECT 1 FROM journal_head WHERE user_id = NEW.user_id)
        AND EXISTS (SELECT 1 FROM {user_table} WHERE id = NEW.user_id);"""


def append_entry(user_table: str) -> str:
    # A trigger has no variables: id, time and salt, which are used twice, come from the INSERT into the view.
    # LIMIT 1 OFFSET 0: otherwise SQLite copies the expression of the sub-query and hashes the fields twice.
    # The last SELECT: the conflict clause of the outer statement, such as INSERT OR IGNORE, replaces those inside.
    return f"""CREATE TRIGGER journal_append INSTEAD OF INSERT ON journal_note
BEGIN
    {create_head(user_table)}

    INSERT INTO task_event (id, user_id, number, task_id, verb, changes, at, staff, reason, request_id, batch, undoes,
                            table_name, form, salt, fields_hash, hash)
    SELECT NEW.id, NEW.user_id, next.number, NEW.task_id, NEW.verb, NEW.changes, NEW.at, {STAFF},
        journal_setting('app.reason'), journal_setting('app.request_id'), replace({ACTION}, '-', ''),
        replace({UNDOES}, '-', ''), NEW.table_name, 2, NEW.salt, next.fields_hash,
        journal_sha256({netstring("next.previous")} || '1:2,' || {netstring(UUID("NEW.id"))}
        || {netstring("NEW.user_id")} || {netstring("next.number")} || {netstring("NEW.table_name")}
        || {netstring(UUID("NEW.task_id"))} || {netstring("NEW.verb")} || {netstring(TIME("NEW.at"))}
        || {netstring(f"({STAFF})")} || {netstring("journal_setting('app.reason')")}
        || {netstring("journal_setting('app.request_id')")} || {netstring(ACTION)} || {netstring(UNDOES)}
        || '64:' || next.fields_hash || ',')
    FROM (
        SELECT number + 1 AS number, hash AS previous,
            journal_sha256({netstring(UUID("NEW.salt"))} || {FIELDS}) AS fields_hash
        FROM journal_head WHERE user_id = NEW.user_id
        LIMIT 1 OFFSET 0) AS next;

    SELECT RAISE(ABORT, 'the journal entry could not be written')
    WHERE NOT EXISTS (
        SELECT 1 FROM task_event JOIN journal_head USING (user_id)
        WHERE task_event.id = NEW.id AND task_event.number = journal_head.number + 1);

    UPDATE journal_head SET (number, hash) = (SELECT number, hash FROM task_event WHERE id = NEW.id)
    WHERE user_id = NEW.user_id;
END"""


def refuse_update(columns: list[str]) -> str:
    """Allow one update: after a purge entry that names the entry's number, changes become {} and the salt NULL."""
    same = sorted(set(columns) - {"changes", "salt"})
    old, new = (", ".join(f'{row}."{column}"' for column in same) for row in ("OLD", "NEW"))
    is_named = f"""EXISTS (
        SELECT 1 FROM json_each({newest("changes", "OLD.user_id")}, '$.emptied[1]')
        WHERE value = CAST(OLD.number AS TEXT))"""
    return f"""CREATE TRIGGER append_only_update BEFORE UPDATE ON task_event
WHEN NOT (NEW.changes = '{{}}' AND NEW.salt IS NULL AND ({old}) IS ({new})
    AND {allowed("purge", "OLD.user_id")} AND {newest("task_id", "OLD.user_id")} = OLD.task_id AND {is_named})
BEGIN SELECT RAISE(ABORT, 'task_event is append-only'); END"""


def objects(user_table: str, columns: list[str]) -> dict[tuple[str, str], str]:
    """Return all views and triggers of the journal, by kind and name. ``columns`` are those of task_event."""
    is_erased = allowed("erase", f"{user_table}.id")
    statements = (
        "CREATE VIEW journal_note AS SELECT id, at, salt, user_id, table_name, task_id, verb, changes FROM task_event",
        "CREATE VIEW journal_version AS SELECT user_id FROM journal_head",
        # The owners whose deletions are journalled: the account stays, and its data is not being erased.
        f"CREATE VIEW journal_kept AS SELECT id AS user_id FROM {user_table} WHERE NOT {is_erased}",
        append_entry(user_table),
        f"""CREATE TRIGGER journal_raise_version INSTEAD OF INSERT ON journal_version
BEGIN
    {create_head(user_table)}
    UPDATE journal_head SET version = version + 1 WHERE user_id = NEW.user_id;
END""",
        """CREATE TRIGGER append_only_delete BEFORE DELETE ON task_event
WHEN EXISTS (SELECT 1 FROM journal_kept WHERE user_id = OLD.user_id)
BEGIN SELECT RAISE(ABORT, 'task_event is append-only'); END""",
        refuse_update(columns),
    )
    found = {}
    for statement in statements:
        _create, kind, name, *_rest = statement.split()
        found[kind.lower(), name] = statement
    return found
