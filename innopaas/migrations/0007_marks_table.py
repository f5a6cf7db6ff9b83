"""The table of one-time marks, apart from that of rate limits: a mark that is lost would let something happen twice."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("innopaas", "0006_products_staff")]
    operations = [
        migrations.RunSQL(
            """
            CREATE TABLE cache_mark (
                cache_key varchar(255) PRIMARY KEY,
                value text NOT NULL,
                expires timestamptz NOT NULL
            );
            CREATE INDEX cache_mark_expires ON cache_mark (expires);
            """,
            "DROP TABLE cache_mark;",
        )
    ]
