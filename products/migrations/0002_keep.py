"""What the application's role may not do: numbers, holds, keys and days of usage stay; and what nobody may, as plain SQL
in products/sql/guards.sql.
"""

from pathlib import Path

from django.conf import settings
from django.db import migrations

GUARDS = Path(__file__).parent.parent / "sql" / "guards.sql"


def keep(apps, schema_editor):
    role = schema_editor.quote_name(settings.DATABASES["default"]["USER"])
    schema_editor.execute(
        "REVOKE DELETE, TRUNCATE ON products_product, products_productbalance, products_hold, products_apikey,"
        f" products_usageday FROM {role}"
    )
    schema_editor.execute(f"REVOKE UPDATE ON products_productbalance, products_usageday FROM {role}")


class Migration(migrations.Migration):
    dependencies = [("products", "0001_initial"), ("wallet", "0004_privileges")]
    operations = [
        migrations.RunPython(keep, migrations.RunPython.noop),
        migrations.RunSQL(
            GUARDS.read_text("utf-8"),
            """
            DROP TRIGGER usage_day_is_over ON products_usageday;
            DROP FUNCTION public.products_check_day();
            DROP TRIGGER hold_only_gives ON products_hold;
            DROP FUNCTION public.products_keep_hold();
            DROP TRIGGER product_slug_never_changes ON products_product;
            DROP FUNCTION public.products_keep_slug();
            """,
        ),
    ]
