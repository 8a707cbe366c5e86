"""What the journal notes, that nothing changes it, and what can be undone by it."""

from __future__ import annotations

import random
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from tasks.merge import EditConflict
from tasks.models import Task
from tasks.querysets import TaskQuerySet
from todo_site.account_deletion import erase_rows
from todo_site.better_auth.models import User
from todo_site.better_auth.tests.factories import make_user
from todo_site.journal.models import CannotUndo, ChangeContext, JournalEntry

pytestmark = pytest.mark.django_db

HERE = ChangeContext("r1")


@pytest.fixture
def tasks(alice: User) -> TaskQuerySet:
    return Task.objects.for_user(alice.id)


def journal(user: User) -> list[JournalEntry]:
    return list(JournalEntry.objects.for_user(user.id).order_by("number"))


def verbs(user: User) -> list[str]:
    return [entry.verb for entry in journal(user)]


def add(tasks: TaskQuerySet, title: str, description: str | None = None) -> Task:
    entry = tasks.add(Task(user_id=tasks.owner, title=title, description=description), HERE)
    return tasks.get(pk=str(entry.task_id))


def rows(tasks: TaskQuerySet) -> list[tuple[object, ...]]:
    return sorted(tasks.values_list("id", "user_id", "title", "description", "status", "created_at", "updated_at"))


def test_notes_each_verb_with_what_it_changed(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk", "2 l")
    tasks.edit(task.id, {"title": "Oat milk", "description": "2 l"}, task.version, HERE)
    tasks.filter(pk=task.id).set_status("completed", HERE)
    tasks.filter(pk=task.id).set_status("pending", HERE)
    tasks.filter(pk=task.id).move_to_trash(HERE)
    tasks.undo(journal(alice)[-1].pk, HERE)
    entries = journal(alice)
    assert verbs(alice) == ["create", "edit", "complete", "reopen", "delete", "restore"]
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert {entry.task_id for entry in entries} == {task.id}
    assert {entry.request_id for entry in entries} == {"r1"}
    assert entries[0].changes["title"] == [None, "Milk"]
    assert entries[1].changes.keys() == {"title", "updated_at"}
    assert entries[1].changes["title"] == ["Milk", "Oat milk"]
    assert entries[2].changes["status"] == ["pending", "completed"]
    assert entries[5].undoes == entries[4].pk


def test_notes_nothing_where_nothing_changes(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    assert tasks.edit(task.id, {"title": "Milk", "description": None}, task.version, HERE) == []
    assert tasks.filter(pk=task.id).set_status("pending", HERE) == []
    assert rows(tasks)[0][6] == task.updated_at
    assert verbs(alice) == ["create"]


def test_gives_the_entries_of_one_action_one_batch(alice: User, tasks: TaskQuerySet) -> None:
    for n in range(3):
        add(tasks, f"Task {n}")
    entries = tasks.set_status("completed", HERE)
    assert len({entry.batch for entry in entries}) == 1
    assert entries[0].batch is not None
    assert {entry.batch for entry in journal(alice)[:3]} == {None}
    tasks.undo(entries[0].batch, HERE)
    assert tasks.pending().count() == 3


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE task_event SET verb = 'edit' WHERE user_id = %s",
        "DELETE FROM task_event WHERE user_id = %s",
        "DELETE FROM task_event WHERE user_id = %s AND number = 1",
    ],
)
def test_lets_nobody_change_an_entry_or_take_one_out(alice: User, tasks: TaskQuerySet, sql: str) -> None:
    add(tasks, "Milk")
    add(tasks, "Bread")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [alice.id])
    assert verbs(alice) == ["create", "create"]


def test_goes_with_its_owner(alice: User, bob: User, tasks: TaskQuerySet) -> None:
    add(tasks, "Milk")
    add(Task.objects.for_user(bob.id), "Bob's")
    User.objects.filter(pk=alice.id).delete()
    assert journal(alice) == []
    assert verbs(bob) == ["create"]


def test_erases_everything_of_its_owner_and_nothing_else(alice: User, bob: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    tasks.filter(pk=task.id).move_to_trash(HERE)
    add(tasks, "Bread")
    add(Task.objects.for_user(bob.id), "Bob's")
    assert erase_rows(alice.id) == {"tasks.Task": 1, "tasks.PendingImport": 0, "journal.JournalEntry": 3, "trash": 1}
    assert rows(tasks) == []
    assert journal(alice) == []
    assert verbs(bob) == ["create"]
    add(tasks, "New")
    with pytest.raises(IntegrityError), transaction.atomic():
        JournalEntry.objects.for_user(alice.id).delete()


def test_brings_a_task_back_as_it_was(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk", "2 l")
    tasks.filter(pk=task.id).set_status("completed", HERE)
    before = rows(tasks)
    (entry,) = tasks.filter(pk=task.id).move_to_trash(HERE)
    assert JournalEntry.objects.for_user(alice.id).in_trash().get() == entry
    tasks.undo(entry.pk, HERE)
    assert rows(tasks) == before
    assert not JournalEntry.objects.for_user(alice.id).in_trash().exists()


def test_undoes_once_however_often_it_is_asked(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    (entry,) = tasks.filter(pk=task.id).set_status("completed", HERE)
    assert len(tasks.undo(entry.pk, HERE)) == 1
    assert tasks.undo(entry.pk, HERE) == []
    assert tasks.get(pk=task.id).status == "pending"


def test_refuses_to_undo_what_was_changed_again(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    (first,) = tasks.edit(task.id, {"title": "Bread"}, task.version, HERE)
    tasks.edit(task.id, {"title": "Butter"}, tasks.get(pk=task.id).version, HERE)
    with pytest.raises(CannotUndo, match="Butter"):
        tasks.undo(first.pk, HERE)
    tasks.filter(pk=task.id).move_to_trash(HERE)
    with pytest.raises(CannotUndo, match="trash"):
        tasks.undo(first.pk, HERE)


def test_undoes_one_field_and_leaves_what_was_done_to_others(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    (edit,) = tasks.edit(task.id, {"title": "Bread"}, task.version, HERE)
    tasks.filter(pk=task.id).set_status("completed", HERE)
    tasks.undo(edit.pk, HERE)
    changed = tasks.get(pk=task.id)
    assert (changed.title, changed.status) == ("Milk", "completed")


def test_undoes_all_of_a_batch_or_nothing(alice: User, tasks: TaskQuerySet) -> None:
    one, _two = add(tasks, "One"), add(tasks, "Two")
    entries = tasks.set_status("completed", HERE)
    tasks.filter(pk=one.id).move_to_trash(HERE)
    before = rows(tasks)
    with pytest.raises(CannotUndo):
        tasks.undo(entries[0].batch or uuid.uuid4(), HERE)
    assert rows(tasks) == before


def test_merges_edits_of_different_fields(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk", "2 l")
    tasks.edit(task.id, {"title": "Oat milk", "description": "2 l"}, task.version, HERE)
    tasks.edit(task.id, {"title": "Milk", "description": "3 l"}, task.version, HERE)
    merged = tasks.get(pk=task.id)
    assert (merged.title, merged.description) == ("Oat milk", "3 l")


@pytest.mark.parametrize("version", [None, 0, 10**17])
def test_says_which_fields_two_edits_share(alice: User, tasks: TaskQuerySet, version: int | None) -> None:
    task = add(tasks, "Milk", "2 l")
    tasks.edit(task.id, {"title": "Oat milk", "description": "3 l"}, task.version, HERE)
    for typed_at in (task.version, version):
        with pytest.raises(EditConflict) as caught:
            tasks.edit(task.id, {"title": "Goat milk", "description": "3 l"}, typed_at, HERE)
        assert caught.value.fields == ["title"]
        assert caught.value.merged == {"title": "Goat milk", "description": "3 l"}
    assert tasks.get(pk=task.id).title == "Oat milk"


def test_gives_any_sequence_back_when_all_is_undone_in_reverse(alice: User, tasks: TaskQuerySet) -> None:
    chance = random.Random(20)
    add(tasks, "First")
    before = rows(tasks)
    done: list[uuid.UUID] = []
    while len(done) < 200:
        ids = list(tasks.values_list("pk", flat=True))
        picked = tasks.filter(pk__in=chance.sample(ids, min(len(ids), chance.choice([1, 1, 3]))))
        entries: list[JournalEntry] = []
        match chance.choice(["add", "edit", "status", "discard", "undo"]):
            case "add":
                entries = [tasks.add(Task(user_id=alice.id, title=f"T{chance.random()}"), HERE)]
            case "edit" if ids:
                task = tasks.get(pk=ids[0])
                wanted = {"title": f"E{chance.random()}", "description": chance.choice([None, "x", "y"])}
                entries = tasks.edit(task.id, wanted, task.version, HERE)
            case "status":
                entries = picked.set_status(chance.choice(["pending", "completed"]), HERE)
            case "discard":
                entries = picked.move_to_trash(HERE)
            case "undo" if done:
                try:
                    entries = tasks.undo(chance.choice(done), HERE)
                except CannotUndo:
                    continue
        if entries:
            done.append(entries[0].batch or entries[0].pk)
    for action in reversed(done):
        tasks.undo(action, HERE)
    assert rows(tasks) == before


def test_is_nobody_elses(alice: User, bob: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    (entry,) = tasks.filter(pk=task.id).move_to_trash(HERE)
    with pytest.raises(JournalEntry.DoesNotExist):
        Task.objects.for_user(bob.id).undo(entry.pk, HERE)
    assert journal(bob) == []
    assert rows(tasks) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_numbers_entries_without_a_gap_when_many_write_at_once() -> None:
    alice = make_user()
    task_id = uuid.uuid4()

    def send(n: int) -> None:
        tasks = Task.objects.for_user(alice.id)
        try:
            tasks.add(Task(user_id=alice.id, id=task_id, title="Once"), HERE)
            tasks.add(Task(user_id=alice.id, title=f"Task {n}"), HERE)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(20)))
    assert [entry.number for entry in journal(alice)] == list(range(1, 22))
    assert Task.objects.for_user(alice.id).filter(title="Once").count() == 1


# Pages


def test_offers_undo_on_the_next_page_and_takes_it_back(alice: User, alices: Client, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    page = alices.post(f"/tasks/{task.id}/delete/", {"next": "/?status=all"}, follow=True).text
    assert "Deleted “Milk”." in page
    (entry,) = JournalEntry.objects.for_user(alice.id).in_trash()
    assert f'action="/undo/{entry.pk}/"' in page
    undone = alices.post(f"/undo/{entry.pk}/", {"next": "/?status=all"})
    assert (undone.status_code, undone.headers["Location"]) == (303, f"/?status=all#task-{task.id}")
    assert tasks.get().title == "Milk"
    assert "was undone already" in alices.post(f"/undo/{entry.pk}/", follow=True).text


def test_keeps_a_message_about_the_longest_title(alice: User, alices: Client, tasks: TaskQuerySet) -> None:
    page = alices.post("/tasks/new/", {"title": "🎉" * 255}, follow=True).text
    assert "Added “🎉" in page


@pytest.mark.parametrize(("action", "left"), [("complete", [0, 2]), ("delete", [0, 0]), ("nonsense", [2, 0])])
def test_changes_the_selected_tasks(
    bob: User, alices: Client, tasks: TaskQuerySet, action: str, left: list[int]
) -> None:
    ids = [str(add(tasks, title).id) for title in ("One", "Two")]
    theirs = add(Task.objects.for_user(bob.id), "Bob's")
    page = alices.post("/tasks/bulk/", {"task": [*ids, str(theirs.id), "x"], "action": action}, follow=True).text
    assert [tasks.pending().count(), tasks.completed().count()] == left
    assert Task.objects.for_user(bob.id).get().status == "pending"
    assert ("2 tasks" in page) is (action != "nonsense")


def test_shows_the_trash_and_restores_from_it(alice: User, alices: Client, bobs: Client, tasks: TaskQuerySet) -> None:
    assert "The trash is empty" in alices.get("/trash/").text
    task = add(tasks, "Milk")
    tasks.move_to_trash(HERE)
    assert "Milk" in alices.get("/trash/").text
    assert "Milk" not in bobs.get("/trash/").text
    assert bobs.post(f"/trash/{task.id}/restore/").status_code == 404
    for _ in range(2):
        assert alices.post(f"/trash/{task.id}/restore/").headers["Location"] == "/trash/"
    assert tasks.get().id == task.id


def test_deletes_twice_as_once(alice: User, alices: Client, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    assert [alices.post(f"/tasks/{task.id}/delete/").status_code for _ in range(2)] == [303, 303]
    assert verbs(alice) == ["create", "delete"]


def test_shows_both_texts_of_an_edit_conflict_and_takes_the_choice(
    alice: User, alices: Client, tasks: TaskQuerySet
) -> None:
    task = add(tasks, "Milk", "2 l")
    form = {"title": "Mine <b>", "description": "kept\nas typed", "status": "pending", "version": task.version}
    tasks.edit(task.id, {"title": "Theirs"}, task.version, HERE)
    page = alices.post(f"/tasks/{task.id}/edit/", form)
    assert page.status_code == 409
    for words in ('value="Mine &lt;b&gt;" checked', 'value="Theirs"', "kept\nas typed"):
        assert words in page.text
    now = tasks.get()
    chosen = {**form, "version": now.version}
    assert alices.post(f"/tasks/{task.id}/edit/", chosen).status_code == 303
    assert (tasks.get().title, tasks.get().description) == ("Mine <b>", "kept\nas typed")


def test_keeps_an_edit_of_a_task_that_went_into_the_trash(
    alice: User, alices: Client, bobs: Client, tasks: TaskQuerySet
) -> None:
    task = add(tasks, "Milk")
    tasks.move_to_trash(HERE)
    form = {"title": "Typed", "description": "long text", "status": "pending", "version": task.version}
    page = alices.post(f"/tasks/{task.id}/edit/", form)
    assert page.status_code == 409
    assert "long text" in page.text
    assert alices.get(f"/tasks/{task.id}/edit/").status_code == 404
    assert bobs.post(f"/tasks/{task.id}/edit/", form).status_code == 404


def test_names_the_task_in_every_entry_of_the_history(alice: User, alices: Client, tasks: TaskQuerySet) -> None:
    there, deleted = add(tasks, "Milk"), add(tasks, "Bread")
    tasks.set_status("completed", HERE)
    tasks.filter(pk=deleted.id).move_to_trash(HERE)
    page = alices.get("/history/").text
    assert page.count(f'<a href="/tasks/{there.id}/"><bdi>Milk</bdi></a>') == 2
    assert page.count("<bdi>Bread</bdi>") == 3
    assert f"/tasks/{deleted.id}/" not in page


@pytest.mark.parametrize("path", ["/history/", "/trash/"])
def test_pages_through_the_journal(alice: User, alices: Client, tasks: TaskQuerySet, path: str) -> None:
    for n in range(60):
        add(tasks, f"Task {n}.")
    if path == "/trash/":
        tasks.move_to_trash(HERE)
    first = alices.get(path).text
    assert "Task 59." in first
    assert "Task 0." not in first
    before = first.split("?before=")[1].split('"')[0]
    assert "Task 0." in alices.get(f"{path}?before={before}").text
    for rubbish in ("x", "%00", "-1", "9" * 30):
        assert alices.get(f"{path}?before={rubbish}").status_code == 200


def test_refuses_to_undo_in_words(alice: User, alices: Client, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    (first,) = tasks.edit(task.id, {"title": "Bread"}, task.version, HERE)
    tasks.edit(task.id, {"title": "Butter"}, tasks.get().version, HERE)
    page = alices.post(f"/undo/{first.pk}/", {"next": f"/tasks/{task.id}/"}, follow=True).text
    assert "was changed again since" in page
    assert tasks.get().title == "Butter"
