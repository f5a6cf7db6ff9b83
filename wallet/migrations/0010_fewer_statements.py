"""The posting function in fewer statements: wallet/sql/post.sql as it stands now, in place of what 0003 once made of it."""

import re
from pathlib import Path

from django.conf import settings
from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"

FORMER = """
DROP FUNCTION IF EXISTS
    public.ledger_post, public.ledger_write_entries, public.ledger_lock_accounts, public.ledger_open_accounts,
    public.ledger_find_postings, public.ledger_write_postings, public.ledger_read_drafts, public.ledger_refuse_line,
    public.ledger_check_drafts, public.ledger_read_lines, public.ledger_day_lock, public.ledger_check_moment,
    public.ledger_check_isolation;
DROP TYPE IF EXISTS public.ledger_line, public.ledger_outcome, public.ledger_step, public.ledger_balance;
"""


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
            for statements in (FORMER, read("post"), replaced("hashes"), replaced("triggers"))
        ),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
