"""Payments lie in the organisation of their order, and nobody deletes what Stripe told us."""

from django.conf import settings
from django.db import migrations


def keep_history(apps, schema_editor):
    role = schema_editor.quote_name(settings.DATABASES["default"]["USER"])
    schema_editor.execute(f"REVOKE DELETE, TRUNCATE ON payments_payment, payments_inboxevent FROM {role}")


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial"), ("billing", "0002_limits_and_history")]
    operations = [
        migrations.RunPython(keep_history, migrations.RunPython.noop),
        migrations.RunSQL(
            """
            ALTER TABLE payments_payment ADD CONSTRAINT payment_in_its_organisation
                FOREIGN KEY (organisation_id, order_id) REFERENCES billing_order (organisation_id, id);
            ALTER TABLE payments_payment ADD CONSTRAINT payment_credits_in_its_organisation
                FOREIGN KEY (organisation_id, credited_order_id) REFERENCES billing_order (organisation_id, id);
            """,
            """
            ALTER TABLE payments_payment DROP CONSTRAINT payment_in_its_organisation;
            ALTER TABLE payments_payment DROP CONSTRAINT payment_credits_in_its_organisation;
            """,
        ),
    ]
