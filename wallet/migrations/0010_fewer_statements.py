"""The posting function in fewer statements: wallet/sql/ as it stands now, in place of what 0003 once made of it."""

import re
from pathlib import Path

from django.conf import settings
from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"

FORMER = ("FUNCTION", "ledger_check_drafts"), ("TYPE", "ledger_outcome")
"""What post.sql no longer has."""


def dropped(name):
    """A statement that takes away what the file makes, of which a database may have a former version."""
    made = [*FORMER, *re.findall(r"CREATE (FUNCTION|TYPE) public\.(\w+)", read(name))]
    return "\n".join(f"DROP {kind} IF EXISTS public.{thing};" for kind, thing in sorted(made))  # functions first


def replaced(name):
    """The functions of a file, to be put in the place of those of the same names."""
    functions = re.findall(r"CREATE (FUNCTION .*?\$\$;\n)", read(name), re.DOTALL)
    return "\n".join(f"CREATE OR REPLACE {function}" for function in functions)


def read(name):
    return (SQL / f"{name}.sql").read_text("utf-8")


def grant(apps, schema_editor):
    connection = schema_editor.connection
    role = settings.DATABASES["default"]["USER"]
    if role != connection.settings_dict["USER"]:  # as in 0004
        schema_editor.execute(read("function_privileges") % {"role": connection.ops.quote_name(role)}, params=None)


class Migration(migrations.Migration):
    dependencies = [("wallet", "0009_demanded_factors")]
    operations = [
        *(
            migrations.RunSQL(statements, migrations.RunSQL.noop)
            for statements in (dropped("post"), read("post"), *map(replaced, ("hashes", "triggers", "seal")))
        ),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
