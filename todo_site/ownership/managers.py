"""The owned manager: a query that is not bound to one user does not compile to SQL.

The user id is a value on the query object, not a filter: filters can be bypassed by OR, cleared or merged. The value
becomes ``(the WHERE so far) AND user_id = x`` when the query compiles.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal, Self, cast

from asgiref.sync import sync_to_async
from django.db import models
from django.db.models import sql
from django.db.models.lookups import Exact
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.constants import ROW_COUNT
from django.db.models.sql.where import AND, NothingNode, WhereNode

from .compiled_queries import CompiledQuery, Parameter

OWNER = "user_id"


class UserIdRequired(Exception):
    """Raised for an owned query without a user, or with a second user. The message says how to correct the call."""


def require_user_id(user_id: Any, model: type[models.Model]) -> str:
    """Return ``user_id`` if it is a non-empty string or a Parameter. Raise UserIdRequired otherwise."""
    if (isinstance(user_id, str) and user_id) or isinstance(user_id, Parameter):
        return cast(str, user_id)
    name = model.__name__
    raise UserIdRequired(
        f"{name} rows belong to one user, and {user_id!r:.40} is not a user id. "
        f"Call {name}.objects.for_user(request.user.id) with the id of a signed-in user."
    )


class OwnedQueryMixin(sql.Query):
    """Shared by all kinds of owned query: refuse to compile without a user."""

    user_id: str | None = None

    def get_compiler(self, using: str | None = None, connection: Any = None, elide_empty: bool = True) -> SQLCompiler:
        bound = self.clone()
        if self.user_id is None and self.is_empty():
            bound.where = WhereNode([NothingNode()])  # none() stays empty, whatever it was combined with
        else:
            owner = require_user_id(self.user_id, self.get_meta().model)
            column: Any = self.get_meta().get_field("user")
            is_owner: Any = Exact(column.get_col(bound.get_initial_alias()), owner)
            bound.where = WhereNode([bound.where, is_owner], AND)
        # Bypass our get_compiler(): the clone is already bound.
        compiler: SQLCompiler = sql.Query.get_compiler(bound, using, connection, elide_empty)
        return compiler

    def chain(self, klass: type[sql.Query] | None = None) -> Any:
        # QuerySet.update() chains to a plain UpdateQuery, which would lose this class and its check.
        return super().chain(OWNED_KINDS[klass] if klass else None)

    def combine(self, rhs: sql.Query, connector: str) -> None:
        require_same_user(self, rhs)
        super().combine(rhs, connector)


class OwnedQuery(OwnedQueryMixin, sql.Query):
    """SELECT of one user's rows."""


class OwnedUpdateQuery(OwnedQueryMixin, sql.UpdateQuery):
    """UPDATE of one user's rows."""


class OwnedDeleteQuery(OwnedQueryMixin, sql.DeleteQuery):
    """DELETE of one user's rows."""


OWNED_KINDS: dict[type[sql.Query], type[sql.Query]] = {
    sql.Query: OwnedQuery,
    sql.UpdateQuery: OwnedUpdateQuery,
    sql.DeleteQuery: OwnedDeleteQuery,
}


def require_same_user(left: sql.Query, right: sql.Query) -> None:
    """Raise UserIdRequired unless both queries are bound to the same user."""
    users = {getattr(query, "user_id", None) for query in (left, right)}
    if len(users) > 1 or None in users:
        raise UserIdRequired(
            f"Two {left.get_meta().object_name} querysets can be combined only when both are bound to the same user: "
            "call for_user() with the same id on each of them."
        )


class OwnedQuerySet[M: models.Model](models.QuerySet[M]):
    """A queryset of rows that belong to one user each. Call ``for_user()`` first."""

    query: OwnedQuery

    def __init__(self, model: Any = None, query: Any = None, using: Any = None, hints: Any = None) -> None:
        super().__init__(model, query or OwnedQuery(model), using, hints)

    def for_user(self, user_id: str) -> Self:
        """Bind to the user with this id. Raise UserIdRequired unless it is one non-empty string, given once."""
        owner = require_user_id(user_id, self.model)
        bound = self.all()
        if bound.query.user_id not in (None, owner):
            raise UserIdRequired(
                f"This {self.model.__name__} queryset is already bound to another user. "
                f"Start again from {self.model.__name__}.objects.for_user()."
            )
        bound.query.user_id = owner
        return bound

    @property
    def owner(self) -> str:
        """Return the id of the user to whom this queryset is bound. Raise UserIdRequired if there is none."""
        return require_user_id(self.query.user_id, self.model)

    def counted(self) -> models.QuerySet[Any, Any]:
        """Return the number of rows, as a subquery of at most one row."""
        return self.order_by().values("user_id").annotate(n=models.Count("*")).values("n")

    def create(self, **kwargs: Any) -> M:
        self._refuse_other_owner(kwargs)
        return super().create(**{**kwargs, OWNER: self.owner})

    def bulk_create(self, objs: Iterable[M], batch_size: int | None = None) -> list[M]:  # type: ignore[override]
        """Insert rows of the bound user. No conflict arguments: an upsert has no WHERE that could filter by owner."""
        rows = list(objs)
        for row in rows:
            self._refuse_other_owner({OWNER: row.__dict__.get(OWNER)})
        self.owner  # noqa: B018  an empty list on an unbound queryset is a mistake too
        return super().bulk_create(rows, batch_size)

    async def abulk_create(self, objs: Iterable[M], batch_size: int | None = None) -> list[M]:  # type: ignore[override]
        return await sync_to_async(self.bulk_create)(objs, batch_size)

    def update(self, **kwargs: Any) -> int:
        """Update the rows and their time of change. The owner and the time of creation never change."""
        fixed = {"user", OWNER} | {field.name for field in self.model._meta.fields if is_creation_time(field)}
        if refused := fixed & kwargs.keys():
            raise ValueError(f"{', '.join(sorted(refused))} of a {self.model.__name__} cannot be changed.")
        for field in self.model._meta.fields:
            if getattr(field, "auto_now", False):
                kwargs.setdefault(field.name, field.pre_save(self.model(), add=False))
        return super().update(**kwargs)

    update.alters_data = True  # type: ignore[attr-defined]

    def insert_query(self, *returned: str, unless: OwnedQuerySet[Any]) -> CompiledQuery:
        """Return the INSERT of one row, which returns these fields of it. Its parameters are named like the fields.

        It inserts and returns nothing if ``unless`` has a row, or if somebody's row has the id: DO NOTHING changes no
        row, so it needs no owner.
        """
        require_same_user(self.query, unless.query)
        fields = [field for field in self.model._meta.concrete_fields if not field.generated]
        other = CompiledQuery.from_queryset(unless.order_by().values_list("pk"))
        values = tuple(self.owner if field.name == "user" else Parameter(field.name, field) for field in fields)
        quote = other.compiler.connection.ops.quote_name
        columns = ", ".join(quote(str(field.column)) for field in fields)
        text = (
            f"INSERT INTO {quote(self.model._meta.db_table)} ({columns})"
            f" SELECT {', '.join(['%s'] * len(fields))} WHERE NOT EXISTS ({other.sql}) ON CONFLICT DO NOTHING"
        )
        return self._returning(text, (*values, *other.params), returned)

    def update_query(self, *returned: str, **values: Any) -> CompiledQuery:
        """Return the UPDATE of the rows, which returns these fields of each. Give the time of the change too."""
        query = self.query.chain(sql.UpdateQuery)
        query.add_update_values(values)
        return self._returning(*self._compiled(query), returned)

    def delete_query(self, *returned: str) -> CompiledQuery:
        """Return the DELETE of the rows, which returns these fields of each."""
        return self._returning(*self._compiled(self.query.chain(sql.DeleteQuery)), returned)

    def _compiled(self, query: sql.Query) -> tuple[str, tuple[Any, ...]]:
        compiled = CompiledQuery.from_query(self, query)
        return compiled.sql, compiled.params

    def _returning(self, text: str, params: tuple[Any, ...], returned: tuple[str, ...]) -> CompiledQuery:
        """Return a write as a query for these fields: the converters of their SELECT fit the columns of RETURNING."""
        read = CompiledQuery.from_queryset(self.order_by().values_list(*returned))
        quote = read.compiler.connection.ops.quote_name
        fields = self.model._meta.concrete_fields
        columns = ", ".join(quote(str(field.column)) for field in fields if field.name in returned)
        return replace(read, sql=text and f"{text} RETURNING {columns}", params=params)

    def raw(self, *args: Any, **kwargs: Any) -> Any:
        raise UserIdRequired(
            f"raw() would bypass the owner of {self.model.__name__} rows: use for_user() and filter()."
        )

    def extra(self, *args: Any, **kwargs: Any) -> Any:
        raise UserIdRequired(
            f"extra() would bypass the owner of {self.model.__name__} rows: use annotate() and filter()."
        )

    def _raw_delete(self, using: str | None) -> int:
        # The only path without chain(): Django clones the query and sets its class itself.
        query = self.query.chain(sql.DeleteQuery)
        deleted: int = query.get_compiler(using).execute_sql(ROW_COUNT)
        return deleted

    _raw_delete.alters_data = True  # type: ignore[attr-defined]

    def union(self, *other_qs: models.QuerySet[Any, Any], all: bool = False) -> Self:  # noqa: A002  Django's name
        # Check before Django's shortcut for an empty left side, which returns the other querysets unchecked.
        for other in other_qs:
            require_same_user(self.query, other.query)
        return super().union(*other_qs, all=all)

    def _combinator_query(self, combinator: str, *other_qs: models.QuerySet[Any, Any], **kwargs: Any) -> Self:
        for other in other_qs:
            require_same_user(self.query, other.query)
        return super()._combinator_query(combinator, *other_qs, **kwargs)  # type: ignore[misc, no-any-return]

    def _check_operator_queryset(self, other: models.QuerySet[M], operator_: Literal["&", "|", "^"]) -> None:
        # Check before Django's shortcut for empty querysets, which returns the other side unchecked.
        require_same_user(self.query, other.query)
        super()._check_operator_queryset(other, operator_)  # type: ignore[misc]

    def _refuse_other_owner(self, values: dict[str, Any]) -> None:
        given = {OWNER: self.owner, **values}
        given_user = given.get("user")
        if given[OWNER] != self.owner or (given_user is not None and given_user.pk != self.owner):
            raise UserIdRequired(
                f"This {self.model.__name__} queryset can only create rows for the user it is bound to."
            )


def is_creation_time(field: models.Field[Any, Any]) -> bool:
    return bool(getattr(field, "auto_now_add", False))


OwnedManagerBase = models.Manager.from_queryset(OwnedQuerySet)


class OwnedManager[M: models.Model](OwnedManagerBase[M]):
    """The only manager of an owned model. Every query starts with ``Model.objects.for_user(request.user.id)``.

    A model with queryset methods of its own uses ``OwnedManager.from_queryset(ItsQuerySet)()``.
    """
