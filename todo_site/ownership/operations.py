from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.operations.models import IndexOperation, ModelOperation

from .database.policies import VERSIONS
from .database.tables import OwnedTable
from .registry import Declaration

# ModelState.options becomes class Meta, which ignores names that begin with "_". Options survive
# ProjectState.clone() and RenameModel; an attribute of the state would not.
OPTION = "_ownership"


class SyncOwnership(ModelOperation):
    """Change what keeps a table to its owners, from one frozen declaration to another; None is nothing.

    Both ends are in the migration file: the operation needs no live class, can be reversed, and two of them add up.
    Only the table's name and the type of the owner's column come from the model state.
    """

    category = OperationCategory.ALTERATION

    def __init__(self, name: str, previous: Declaration | None, declaration: Declaration | None) -> None:
        self.previous = previous
        self.declaration = declaration
        super().__init__(name)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        kwargs = {"name": self.name, "previous": self.previous, "declaration": self.declaration}
        return type(self).__name__, [], kwargs

    def state_forwards(self, app_label: str, state: Any) -> None:
        options = state.models[app_label, self.name_lower].options
        options.pop(OPTION, None)
        if self.declaration is not None:
            options[OPTION] = self.declaration

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        self.change(app_label, schema_editor, to_state, self.previous, self.declaration)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        self.change(app_label, schema_editor, to_state, self.declaration, self.previous)

    def change(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        state: Any,
        old: Declaration | None,
        new: Declaration | None,
    ) -> None:
        model = state.apps.get_model(app_label, self.name)
        connection = schema_editor.connection
        if not self.allow_migrate_model(connection.alias, model):
            return
        for declaration, verb in ((old, "remove"), (new, "create")):
            if declaration:
                table = OwnedTable.from_declaration(model, declaration, connection)
                for statement in getattr(VERSIONS[declaration["version"]], verb)(table, connection):
                    schema_editor.execute(statement, params=None)

    def reduce(self, operation: Operation, app_label: str) -> Any:
        """Add up two changes of one model.

        ModelOptionOperation would let the later operation replace the earlier one: what must be removed first would
        be lost. It also drops an operation before DeleteModel, and with it the reverse.
        """
        if isinstance(operation, SyncOwnership) and operation.name_lower == self.name_lower:
            if operation.previous != self.declaration:
                return False
            if operation.declaration == self.previous:
                return []
            return [SyncOwnership(name=self.name, previous=self.previous, declaration=operation.declaration)]
        if isinstance(operation, FieldOperation) and operation.model_name_lower == self.name_lower:
            return not self.names_column_of(operation)
        if isinstance(operation, IndexOperation):
            return True  # keys and indexes do not depend on it, in either order
        return super().reduce(operation, app_label)

    def names_column_of(self, operation: FieldOperation) -> bool:
        fields = {operation.name_lower, getattr(operation, "new_name_lower", operation.name_lower)}
        ends = [declaration for declaration in (self.previous, self.declaration) if declaration]
        columns = {column.lower() for declaration in ends for column in declaration["journal"]}
        return bool(columns & {*fields, *(f"{name}_id" for name in fields)})

    def describe(self) -> str:
        return f"{'Remove' if self.declaration is None else 'Sync'} ownership of {self.name}"

    @property
    def migration_name_fragment(self) -> str:
        return f"{self.name_lower}_ownership"
