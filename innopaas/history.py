"""The audit trail of what staff edit: each tracked row's every change, kept by triggers of the database, for good.

Who and where come from the request (innopaas.middleware). What is changed elsewhere (a command, a migration, one's own
account page) is kept as well, and names nobody.
"""

from functools import cache
from typing import Any

import pghistory
import pgtrigger
from django.apps import apps
from django.conf import settings
from django.db import models
from pghistory.models import Event

from innopaas.apps import InnopaasConfig

APP = InnopaasConfig.name

BEGUN = "begin"
"""The label of rows that stood there before their changes were kept."""

_RESTRICT = """
DO $do$
DECLARE
    kept text;
BEGIN
    FOR kept IN SELECT table_name FROM information_schema.columns
                WHERE table_schema = 'public' AND column_name = 'pgh_label' AND table_name LIKE 'innopaas\\_%%'
    LOOP
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON public.%%I FROM %%I', kept, {role});
    END LOOP;
END
$do$;
"""


def track(model: type[models.Model], *events: pghistory.RowEvent, fields: tuple[str, ...] = ()) -> Any:
    """The table of a model's changes, one row per change; without names, of all fields, without events, every change.

    The first table and each later change of the fields is a migration of this app, which ends with `restrict`: that
    takes UPDATE and DELETE away. Never for a table that customers' money moves through: each write of a tracked row
    writes a second one.
    """
    name = "".join(word[0].upper() + word[1:] for word in model.__name__.split("_"))
    meta = type("Meta", (), {"proxy": True, "app_label": APP, "default_permissions": ()})
    owner = model._meta.auto_created  # noqa: SLF001  # public API; of a many-to-many table, whose rows are nobody's
    return pghistory.create_event_model(
        # The triggers belong to a proxy of ours, so that their migration is ours too, whoever the model belongs to.
        type(f"Tracked{name}", (model,), {"__module__": f"{APP}.models", "Meta": meta}),
        *(events or (pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())),
        fields=list(fields) or None,
        obj_field=None if owner else pghistory.ObjForeignKey(related_name="+"),  # type: ignore[arg-type]  # documented
        context_field=pghistory.ContextJSONField(),
        context_id_field=None,  # type: ignore[arg-type]  # documented
        append_only=True,
        model_name=f"{name}Event",
        app_label=APP,
        meta={"default_permissions": ()},
        abstract=False,
        level=pgtrigger.Row,
    )


def restrict(_apps: Any, schema_editor: Any) -> None:
    """For migrations: what the application's role has written here it can neither change nor delete."""
    connection, role = schema_editor.connection, settings.DATABASES["default"]["USER"]
    if role != connection.settings_dict["USER"]:  # from an owner nothing can be taken
        schema_editor.execute(_RESTRICT.replace("{role}", "%s"), [role])


def begin(apps: Any, schema_editor: Any, *, model: str) -> None:
    """For migrations: the rows there are already, so that the first change of each says what it was before."""
    into = apps.get_model(APP, f"{model}Event")._meta  # noqa: SLF001  # public API
    source = into.get_field("pgh_obj").related_model._meta  # noqa: SLF001  # as above
    columns = ", ".join(f'"{field.column}"' for field in into.fields if not field.name.startswith("pgh_"))
    schema_editor.execute(
        f'INSERT INTO "{into.db_table}" ({columns}, pgh_created_at, pgh_label, pgh_obj_id) '  # noqa: S608  # names of ours
        f'SELECT {columns}, now(), %s, "{source.pk.column}" FROM "{source.db_table}"',
        [BEGUN],
    )


@cache
def list_events() -> tuple[type[Event], ...]:
    """The tables of changes, one for each tracked model."""
    return tuple(model for model in apps.get_app_config(APP).get_models() if issubclass(model, Event))


def find_tracked(event: type[Event]) -> type[models.Model]:
    """The model whose changes the table holds."""
    tracked: Any = event.pgh_tracked_model
    model: type[models.Model] = tracked._meta.concrete_model  # noqa: SLF001  # public API
    return model


def is_edited_at(view_name: str) -> bool:
    """Whether this is an address of the admin that belongs to a tracked model."""
    return view_name.startswith(_prefixes())


@cache
def _prefixes() -> tuple[str, ...]:
    metas = [find_tracked(event)._meta for event in list_events()]  # noqa: SLF001  # public API
    return tuple(f"admin:{meta.app_label}_{meta.model_name}_" for meta in metas)
