"""The limits a new site begins with, and what the application's role may not do to orders and their timeline."""

from decimal import Decimal

from django.conf import settings
from django.db import migrations

from wallet.ids import new_id

_FIRST_LIMITS = [
    ("CARD", "USD", "5", "10000", ["50", "100", "200", "500", "1000"]),
]


def add_first_limits(apps, schema_editor):
    limits = apps.get_model("billing", "TopUpLimit").objects.using(schema_editor.connection.alias)
    for method, currency, minimum, maximum, presets in _FIRST_LIMITS:
        limits.create(
            id=new_id(),
            method=method,
            currency=currency,
            minimum=Decimal(minimum),
            maximum=Decimal(maximum),
            presets=[Decimal(amount) for amount in presets],
        )


def keep_history(apps, schema_editor):
    role = schema_editor.quote_name(settings.DATABASES["default"]["USER"])
    schema_editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON billing_orderevent FROM {role}")
    schema_editor.execute(f"REVOKE DELETE, TRUNCATE ON billing_order, billing_flag, billing_ordermail FROM {role}")


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [
        migrations.RunPython(add_first_limits, migrations.RunPython.noop),
        migrations.RunPython(keep_history, migrations.RunPython.noop),
        # An event, a flag and a following order lie in the organisation of their order.
        migrations.RunSQL(
            """
            ALTER TABLE billing_orderevent ADD CONSTRAINT order_event_in_its_organisation
                FOREIGN KEY (organisation_id, order_id) REFERENCES billing_order (organisation_id, id);
            ALTER TABLE billing_flag ADD CONSTRAINT flag_in_its_organisation
                FOREIGN KEY (organisation_id, order_id) REFERENCES billing_order (organisation_id, id);
            ALTER TABLE billing_order ADD CONSTRAINT order_follows_in_its_organisation
                FOREIGN KEY (organisation_id, follows_id) REFERENCES billing_order (organisation_id, id);
            """,
            """
            ALTER TABLE billing_orderevent DROP CONSTRAINT order_event_in_its_organisation;
            ALTER TABLE billing_flag DROP CONSTRAINT flag_in_its_organisation;
            ALTER TABLE billing_order DROP CONSTRAINT order_follows_in_its_organisation;
            """,
        ),
    ]
