"""Filters of the order list that somebody keeps, and the indexes that lists as filtered are read by."""

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

import wallet.ids


class Migration(migrations.Migration):
    dependencies = [("billing", "0011_disputes"), ("wallet", "0007_read_posting")]

    operations = [
        migrations.CreateModel(
            name="SavedFilter",
            fields=[
                (
                    "id",
                    models.UUIDField(default=wallet.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                ("address", models.CharField(max_length=2000, verbose_name="filters")),
                ("saved_at", models.DateTimeField(verbose_name="saved")),
                (
                    "member",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_filters",
                        to="wallet.member",
                        verbose_name="member",
                    ),
                ),
            ],
            options={
                "verbose_name": "saved filter",
                "verbose_name_plural": "saved filters",
                "constraints": [
                    models.UniqueConstraint(
                        models.F("member"),
                        django.db.models.functions.text.Lower("name"),
                        name="saved_filter_once_per_name",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("name", ""), _negated=True), models.Q(("address", ""), _negated=True)
                        ),
                        name="saved_filter_says_something",
                    ),
                ],
            },
        ),
        *[
            migrations.AddIndex(model_name="order", index=models.Index(fields=fields, name=name))
            for name, fields in (
                ("order_by_time", ["organisation", "-created_at", "-id"]),
                ("order_by_state_and_time", ["organisation", "state", "-created_at", "-id"]),
                ("order_by_method_and_time", ["organisation", "method", "-created_at", "-id"]),
                ("order_by_target_and_time", ["organisation", "target", "-created_at", "-id"]),
                ("order_by_paid", ["organisation", "paid"]),
                ("order_by_credited", ["organisation", "credited"]),
            )
        ],
    ]
