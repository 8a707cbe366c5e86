from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db.migrations import AddConstraint, RemoveConstraint
from django.db.migrations.autodetector import MigrationAutodetector, OperationDependency
from django.db.migrations.utils import resolve_relation

from . import registry
from .fields import OwnedReference, OwnerKey, OwnershipConstraint
from .operations import OPTION, SyncOwnership

KEY_ADDED: Any = "owner key added"
REFERENCES_REMOVED: Any = "owned references removed"


class OwnershipAutodetector(MigrationAutodetector):
    """Add SyncOwnership where a declaration differs from the migrations.

    What it removes goes before all operations of an app, what it creates goes after them: at every point, forwards
    and backwards, the declaration in the state names only columns that exist.
    """

    # Set by Django, and not in its types.
    new_model_keys: set[tuple[str, str]]
    kept_model_keys: set[tuple[str, str]]
    generated_operations: dict[str, list[Any]]

    def _sort_migrations(self) -> None:
        super()._sort_migrations()  # type: ignore[misc]
        self.generate_synced_ownership()

    def generate_synced_ownership(self) -> None:
        wanted = {
            (model._meta.app_label, str(model._meta.model_name)): model
            for model in registry.owned_models()
            if (model._meta.app_label, model._meta.model_name) in self.new_model_keys
        }
        renamed = {(app, old): (app, new) for (app, new), old in self.renamed_models.items()}
        seen = set()
        for key, old_state in self.from_state.models.items():
            if (declared := old_state.options.get(OPTION)) is None:
                continue
            new_key = renamed.get(key, key)
            model = wanted.get(new_key)
            before = self.declaration_before(declared, old_state, model)
            if before != declared:
                self.add_sync(key[0], old_state.name, declared, before, first=True)
            if model and before != (after := registry.frozen_declaration(model)):
                self.add_sync(new_key[0], model.__name__, before, after)
            seen.add(new_key)
        for key in sorted(wanted.keys() - seen):
            self.add_sync(key[0], wanted[key].__name__, None, registry.frozen_declaration(wanted[key]))

    def declaration_before(self, declared: dict[str, Any], old_state: Any, model: Any) -> dict[str, Any] | None:
        """Return what may exist while the app's other operations run; None is nothing."""
        if model is None or model.__name__.lower() != old_state.name_lower:
            return None
        old_table = old_state.options.get("db_table") or f"{old_state.app_label}_{old_state.name_lower}"
        if model._meta.db_table != old_table:
            return None
        columns = {field.column for field in model._meta.local_concrete_fields}
        return {**declared, "journal": [column for column in declared["journal"] if column in columns]}

    def add_sync(self, app_label: str, name: str, previous: Any, declaration: Any, *, first: bool = False) -> None:
        operation: Any = SyncOwnership(name=name, previous=previous, declaration=declaration)
        # Version 2 calls what this app installs. In its own migration the order is by hand.
        journal = OperationDependency("journal", "journalhead", None, OperationDependency.Type.CREATE)
        operation._auto_deps = [] if app_label == journal.app_label else [journal]
        operations = self.generated_operations.setdefault(app_label, [])
        operations.insert(0 if first else len(operations), operation)

    # The order of the composite keys: the unique key exists while a foreign key refers to it.

    def create_altered_constraints(self) -> None:
        """Keep the names of constraints that exist: a renamed model must not drop a key that others refer to."""
        for key in self.kept_model_keys:
            old_key = key[0], self.renamed_models.get(key, key[1])
            constraints = self.from_state.models[old_key].options["constraints"]
            old = [constraint for constraint in constraints if isinstance(constraint, OwnershipConstraint)]
            for new in self.to_state.models[key].options["constraints"]:
                for same in (one for one in old if isinstance(new, OwnershipConstraint) and new.same_as(one)):
                    new.name = same.name
        super().create_altered_constraints()

    def _detect_changes(self, convert_apps: Any = None, graph: Any = None) -> Any:
        # Django removes the constraints of deleted models from their state.
        self.old_constraints = {
            constraint.name: (key, constraint)
            for key, state in self.from_state.models.items()
            for constraint in state.options["constraints"]
        }
        return super()._detect_changes(convert_apps, graph)  # type: ignore[misc]

    def add_operation(self, app_label: str, operation: Any, dependencies: Any = None, beginning: bool = False) -> None:
        dependencies = list(dependencies or [])
        if isinstance(operation, AddConstraint) and isinstance(operation.constraint, OwnedReference):
            field = operation.constraint.field
            model = apps.get_model(app_label, operation.model_name)
            target: Any = model._meta.get_field(field).related_model
            created = OperationDependency.Type.CREATE
            dependencies.append(OperationDependency(app_label, operation.model_name, field, created))
            label, name = target._meta.app_label, target._meta.model_name
            dependencies.append(OperationDependency(label, name, None, KEY_ADDED))
        elif isinstance(operation, RemoveConstraint) and isinstance(self.old_constraints[operation.name][1], OwnerKey):
            for app in self.apps_that_refer_to(self.old_constraints[operation.name][0]):
                dependencies.append(OperationDependency(app, operation.model_name, None, REFERENCES_REMOVED))
        super().add_operation(app_label, operation, dependencies, beginning)

    def apps_that_refer_to(self, target: tuple[str, str]) -> Iterator[str]:
        for (app_label, model), constraint in self.old_constraints.values():
            if isinstance(constraint, OwnedReference):
                field: Any = self.from_state.models[app_label, model].fields[constraint.field]
                if resolve_relation(field.remote_field.model, app_label, model) == target:
                    yield app_label

    def check_dependency(self, operation: Any, dependency: Any) -> bool:
        if dependency.type == KEY_ADDED:
            return (
                isinstance(operation, AddConstraint)
                and isinstance(operation.constraint, OwnerKey)
                and operation.model_name_lower == dependency.model_name_lower
            )
        if dependency.type == REFERENCES_REMOVED:
            return isinstance(operation, RemoveConstraint) and isinstance(
                self.old_constraints[operation.name][1], OwnedReference
            )
        return super().check_dependency(operation, dependency)
