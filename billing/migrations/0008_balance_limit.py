"""The limit that moves from the wallet begin with, what the application's role may not do to what was told, and maker and
checker of corrections, as plain SQL in billing/sql/corrections.sql.
"""

from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.db import migrations

from wallet.ids import new_id

GUARDS = Path(__file__).parent.parent / "sql" / "corrections.sql"
ENDING = "approved_by_id, approved_by_name, approved_at, credited_order_id, withdrawn_by_id, withdrawn_at"


def add_limit(apps, schema_editor):
    limits = apps.get_model("billing", "TopUpLimit").objects.using(schema_editor.connection.alias)
    limits.create(
        id=new_id(),
        method="BALANCE",
        currency="USD",
        minimum=Decimal(1),
        maximum=Decimal(100000),
        presets=[Decimal(amount) for amount in ("50", "100", "200", "500", "1000")],
    )


def keep_history(apps, schema_editor):
    role = schema_editor.quote_name(settings.DATABASES["default"]["USER"])
    schema_editor.execute(
        "REVOKE DELETE, TRUNCATE ON billing_correction, billing_autofill, billing_notice, billing_noticemail,"
        f" billing_callback, billing_callbackendpoint FROM {role}"
    )
    schema_editor.execute(f"REVOKE UPDATE ON billing_notice FROM {role}")


def guard_corrections(apps, schema_editor):
    schema_editor.execute(GUARDS.read_text("utf-8"), params=None)
    connection = schema_editor.connection
    role = settings.DATABASES["default"]["USER"]
    if role == connection.settings_dict["USER"]:
        return  # one role for everything: nothing can be taken from an owner
    name = connection.ops.quote_name(role)
    schema_editor.execute(f"REVOKE UPDATE ON billing_correction FROM {name}")
    schema_editor.execute(f"GRANT UPDATE ({ENDING}) ON billing_correction TO {name}")


class Migration(migrations.Migration):
    dependencies = [("billing", "0007_products")]
    operations = [
        migrations.RunPython(add_limit, migrations.RunPython.noop),
        migrations.RunPython(keep_history, migrations.RunPython.noop),
        migrations.RunPython(guard_corrections, migrations.RunPython.noop),
        migrations.RunSQL(
            """
            ALTER TABLE billing_autofill ADD CONSTRAINT auto_fill_of_organisation UNIQUE (organisation_id, id);
            ALTER TABLE billing_order
                ADD CONSTRAINT order_auto_fill_of_organisation FOREIGN KEY (organisation_id, auto_fill_id)
                    REFERENCES billing_autofill (organisation_id, id);
            """,
            """
            ALTER TABLE billing_order DROP CONSTRAINT order_auto_fill_of_organisation;
            ALTER TABLE billing_autofill DROP CONSTRAINT auto_fill_of_organisation;
            """,
        ),
    ]
