"""Banks' numbers as they are compared; which transfer a line is kept for; when a declaration was corrected."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

WRITTEN = (
    "abcdefghijklmnopqrstuvwxyz"
    "\uff21\uff22\uff23\uff24\uff25\uff26\uff27\uff28\uff29\uff2a\uff2b\uff2c\uff2d"
    "\uff2e\uff2f\uff30\uff31\uff32\uff33\uff34\uff35\uff36\uff37\uff38\uff39\uff3a"
    "\uff41\uff42\uff43\uff44\uff45\uff46\uff47\uff48\uff49\uff4a\uff4b\uff4c\uff4d"
    "\uff4e\uff4f\uff50\uff51\uff52\uff53\uff54\uff55\uff56\uff57\uff58\uff59\uff5a"
    "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19"
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u200b\u200c\u200d\u2028\u2029\u202f\u205f\u3000"
)
MEANT = 3 * "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + "0123456789"

KEPT_IN_ITS_ORGANISATION = """
ALTER TABLE payments_bankline ADD CONSTRAINT bank_line_kept_in_its_organisation
    FOREIGN KEY (held_by_id, kept_for_id) REFERENCES payments_transfer (organisation_id, id)
"""


def folded(field, *, length):
    return models.GeneratedField(
        db_persist=True,
        expression=models.Func(
            models.F(field),
            models.Value(WRITTEN),
            models.Value(MEANT),
            function="TRANSLATE",
            output_field=models.CharField(),
        ),
        output_field=models.CharField(max_length=length),
    )


def grant(_apps, schema_editor):
    connection = schema_editor.connection
    role = settings.DATABASES["default"]["USER"]
    if role != connection.settings_dict["USER"]:
        name = connection.ops.quote_name(role)
        schema_editor.execute(f"GRANT UPDATE (kept_for_id) ON payments_bankline TO {name}")
        schema_editor.execute(f"GRANT UPDATE (corrected_at) ON payments_transfer TO {name}")


class Migration(migrations.Migration):
    dependencies = [("payments", "0006_sorted_lines")]

    operations = [
        migrations.RemoveIndex(model_name="bankline", name="bank_line_by_reference"),
        migrations.RemoveIndex(model_name="bankline", name="bank_line_by_number"),
        migrations.RemoveIndex(model_name="transfer", name="transfer_by_bank_number"),
        migrations.AddField(
            model_name="bankline", name="folded_number", field=folded("bank_reference", length=100)
        ),
        migrations.AddField(model_name="transfer", name="folded_number", field=folded("bank_number", length=60)),
        migrations.AddField(
            model_name="transfer",
            name="corrected_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="corrected"),
        ),
        migrations.AddField(
            model_name="bankline",
            name="kept_for",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="payments.transfer",
                verbose_name="kept for",
            ),
        ),
        migrations.AddIndex(
            model_name="bankline",
            index=models.Index(
                condition=models.Q(("allocated__lt", models.F("amount")), ("direction", "IN")),
                fields=["amount"],
                name="bank_line_with_rest",
            ),
        ),
        migrations.AddIndex(
            model_name="bankline", index=models.Index(fields=["folded_number"], name="bank_line_by_number")
        ),
        migrations.AddIndex(
            model_name="transfer", index=models.Index(fields=["folded_number"], name="transfer_by_number")
        ),
        migrations.RunSQL(KEPT_IN_ITS_ORGANISATION, migrations.RunSQL.noop),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
