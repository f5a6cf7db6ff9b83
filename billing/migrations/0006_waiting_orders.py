"""Finance's queue and the end of orders nobody paid are found without reading every order there ever was."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0005_offline_orders")]

    operations = [
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("state__in", ["PENDING", "IN_REVIEW", "REJECTED"])),
                fields=["state", "deadline_at"],
                name="order_waiting",
            ),
        ),
    ]
