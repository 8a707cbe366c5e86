"""The writes of one task, compiled once. Each returns the id and the title of the task that it changed."""

from __future__ import annotations

from functools import cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.db.models import BooleanField, F, Func, Q

from todo_site.journal.models import JournalEntry
from todo_site.ownership.compiled_queries import CompiledQuery, Parameter

if TYPE_CHECKING:
    from .models import Task
    from .querysets import TaskQuerySet

RETURNED = ("id", "title")
EDITED = {"title", "description", "status"}


class IsDistinct(Func):
    """Whether two values differ. NULL is a value."""

    template = "(%(expressions)s)"
    arg_joiner = " IS DISTINCT FROM "
    output_field = BooleanField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, arg_joiner=" IS NOT ")


def parameters(model: type[Task], *names: str) -> dict[str, Any]:
    fields = {field.name: field for field in model._meta.concrete_fields}
    return {name: Parameter(name, fields[name]) for name in names}


def time_parameter(model: type[Task], name: str) -> Any:
    return Parameter(name, model._meta.get_field("updated_at"))


def one_task(model: type[Task], using: str) -> TaskQuerySet:
    values = parameters(model, "user", "id")
    return model.objects.for_user(values["user"]).using(using).filter(pk=values["id"])


@cache
def insert(model: type[Task], using: str) -> CompiledQuery:
    """Return the INSERT of a task whose id is in no entry of its owner: a task in the trash is not added again."""
    values = parameters(model, "user", "id")
    entries = JournalEntry.objects.for_user(values["user"]).using(using).filter(task_id=values["id"])
    return one_task(model, using).insert_query(*RETURNED, unless=entries)


@cache
def change_status(model: type[Task], using: str) -> CompiledQuery:
    new = parameters(model, "status")
    changed = one_task(model, using).exclude(**new)
    return changed.update_query(*RETURNED, **new, updated_at=time_parameter(model, "now"))


@cache
def edit(model: type[Task], using: str) -> CompiledQuery:
    """Return the UPDATE of a task that has the version of the form and other fields."""
    new = parameters(model, *sorted(EDITED))
    differs = reduce(or_, (Q(IsDistinct(F(name), value)) for name, value in new.items()))
    changed = one_task(model, using).filter(differs, updated_at=time_parameter(model, "version"))
    return changed.update_query(*RETURNED, **new, updated_at=time_parameter(model, "now"))


@cache
def delete(model: type[Task], using: str) -> CompiledQuery:
    return one_task(model, using).delete_query(*RETURNED)
