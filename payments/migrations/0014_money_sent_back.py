"""The line by which money that was sent back left the bank, with its guard in payments/sql/returns.sql."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

SQL = Path(__file__).parent.parent / "sql" / "returns.sql"


def guard(apps, schema_editor):
    schema_editor.execute(SQL.read_text("utf-8"), params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0014_giving_way'),
        ('payments', '0013_events_of_charges'),
        ('wallet', '0007_read_posting'),
    ]

    operations = [
        migrations.AddField(
            model_name='allocation',
            name='sends',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sent_as', to='payments.allocation', verbose_name='sends back'),
        ),
        migrations.AlterField(
            model_name='allocation',
            name='kind',
            field=models.CharField(choices=[('CREDITED', 'Credited'), ('RETURNED', 'Sent back'), ('SENT', 'Money sent back, as the bank shows it'), ('SAME', 'The same money as another line'), ('REFUND', 'A refund'), ('BOUNCED', 'A refund that came back'), ('PAYOUT', 'A payout of Stripe'), ('CHARGE', 'Charge or interest of the bank'), ('EXCHANGE', 'Exchange of currencies')], max_length=8, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='deskact',
            name='kind',
            field=models.CharField(choices=[('LOOKED', 'Looked at it'), ('LOOKED_AT_SLIP', 'Looked at the slip'), ('TOOK', 'Took it'), ('GAVE_BACK', 'Gave it back'), ('FOUND', 'Gave the received facts'), ('WITHDREW', 'Withdrew it'), ('APPROVED', 'Approved'), ('REJECTED', 'Rejected'), ('KEPT', 'Kept the money until the rest arrives'), ('RETURNED', 'Recorded that it was sent back'), ('SENT', 'Recognised it as money sent back'), ('SAME', 'Recognised it as the money of another line'), ('PAYOUT', 'Recognised it as a payout of Stripe'), ('HOUSE', "Said that it is the house's own money"), ('REFUND_PAID', 'Recorded it as a refund paid'), ('REFUND_RETURNED', 'Recorded it as a refund that came back')], max_length=16, verbose_name='act'),
        ),
        migrations.AddConstraint(
            model_name='allocation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'SENT'), ('sends__isnull', False)), models.Q(models.Q(('kind', 'SENT'), _negated=True), ('sends__isnull', True)), _connector='OR'), name='allocation_sent_names_what'),
        ),
        migrations.RunPython(guard, migrations.RunPython.noop),
    ]
