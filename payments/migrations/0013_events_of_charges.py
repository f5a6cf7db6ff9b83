"""An event of Stripe's names the Payment Intent that its object belongs to, so that a charge is found with its order."""

import json
import re

from django.db import migrations, models

BATCH = 500
KINDS = ("charge.", "refund.")
PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,100}")


def name_intents(apps, schema_editor):
    """Of what came before; the object of other events names its order itself. A batch is a transaction of its own."""
    events = apps.get_model("payments", "InboxEvent").objects.using(schema_editor.connection.alias)
    about = models.Q(type__startswith=KINDS[0]) | models.Q(type__startswith=KINDS[1])
    batch = list(events.filter(about).order_by("pk").only("raw", "payment_intent_id")[:BATCH])
    while batch:
        named = [event for event in batch if not event.payment_intent_id and name_intent(event)]
        events.bulk_update(named, ["payment_intent_id"])
        batch = list(events.filter(about, pk__gt=batch[-1].pk).order_by("pk").only("raw", "payment_intent_id")[:BATCH])


def name_intent(event):
    event.payment_intent_id = find_intent(bytes(event.raw))
    return event.payment_intent_id


def find_intent(raw):
    try:
        named = json.loads(raw)["data"]["object"]["payment_intent"]
        named = named["id"] if isinstance(named, dict) else named
        return named if PLAIN.fullmatch(named) else ""
    except (ValueError, RecursionError, KeyError, TypeError):
        return ""


class Migration(migrations.Migration):
    """No step locks the inbox for long, and each may be repeated after it was interrupted."""

    atomic = False

    dependencies = [
        ("payments", "0012_close_words"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE payments_inboxevent"
                    " ADD COLUMN IF NOT EXISTS payment_intent_id varchar(100) DEFAULT '' NOT NULL",
                    "ALTER TABLE payments_inboxevent DROP COLUMN payment_intent_id",
                ),
            ],
            state_operations=[
                migrations.AddField(
                    model_name="inboxevent",
                    name="payment_intent_id",
                    field=models.CharField(
                        blank=True, db_default="", default="", max_length=100, verbose_name="Payment Intent"
                    ),
                ),
            ],
        ),
        migrations.RunPython(name_intents, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS inbox_intent", migrations.RunSQL.noop),
                migrations.RunSQL(
                    "CREATE INDEX CONCURRENTLY inbox_intent ON payments_inboxevent (payment_intent_id)"
                    " WHERE payment_intent_id <> ''",
                    "DROP INDEX CONCURRENTLY IF EXISTS inbox_intent",
                ),
            ],
            state_operations=[
                migrations.AddIndex(
                    model_name="inboxevent",
                    index=models.Index(
                        condition=models.Q(("payment_intent_id", ""), _negated=True),
                        fields=["payment_intent_id"],
                        name="inbox_intent",
                    ),
                ),
            ],
        ),
    ]
