"""A difference keeps the facts that its words are told from, so that each reader has them in his own language."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("payments", "0011_closes"),
    ]

    operations = [
        migrations.AddField(
            model_name="difference",
            name="facts",
            field=models.JSONField(blank=True, db_default={}, default=dict, verbose_name="facts"),
        ),
    ]
