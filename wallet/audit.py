"""The audit: recomputes everything the ledger promises from its entries, and says in words what does not agree.

Each check is one SQL statement, so each sees one moment. Higher apps have checks of their own (an order and its
posting); whoever runs the audit puts the list together.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from wallet.models import AuditResult, AuditRun
from wallet.schema import LEDGER, Schema, spell

Check = Callable[[str, datetime], Iterable[str]]
"""Looks at the database with this alias, as it is now, and names each difference in one sentence."""


def find_problems(*, checks: Sequence[Check], now: datetime, using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Every difference the checks find; writes nothing. Reads the whole ledger: minutes on a large one."""
    return [problem for check in checks for problem in check(using, now)]


def record(*, problems: Sequence[str], started_at: datetime, finished_at: datetime) -> AuditRun:
    """Keeps what an audit found, to be shown to finance and ops."""
    return AuditRun.objects.create(
        result=AuditResult.DIFFERENT if problems else AuditResult.CLEAN,
        problems=list(problems),
        started_at=started_at,
        finished_at=finished_at,
    )


def read(using: str, statement: str, arguments: Any = None) -> list[tuple[Any, ...]]:
    """The rows of one statement: what a check looks at."""
    with connections[using].cursor() as cursor:
        cursor.execute(statement, arguments)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def check_sums(using: str, _now: datetime) -> Iterable[str]:
    """Every posting has entries, and they sum to zero in every currency."""
    rows = read(
        using,
        """
        SELECT posting.organisation_id, posting.key, entry.currency,
               sum(CASE entry.side WHEN 'DEBIT' THEN entry.amount ELSE -entry.amount END)
        FROM wallet_posting AS posting LEFT JOIN wallet_entry AS entry ON entry.posting_id = posting.id
        GROUP BY posting.id, entry.currency
        HAVING count(entry.id) = 0
            OR sum(CASE entry.side WHEN 'DEBIT' THEN entry.amount ELSE -entry.amount END) <> 0
        """,
    )
    for organisation, key, currency, left in rows:
        yield f"Posting {key} of {organisation} {f'is out by {left} {currency}' if currency else 'has no entries'}."


def check_balances(using: str, _now: datetime) -> Iterable[str]:
    """Every account's balance and number of entries are those of its entries; each entry's balance follows the last."""
    rows = read(
        using,
        """
        WITH step AS (
            SELECT entry.account_id, entry.position, entry.balance_after,
                   row_number() OVER steps AS position_due,
                   sum(CASE entry.side WHEN account.normal_side THEN entry.amount ELSE -entry.amount END)
                       OVER steps AS balance_due
            FROM wallet_entry AS entry JOIN wallet_account AS account ON account.id = entry.account_id
            WINDOW steps AS (PARTITION BY entry.account_id ORDER BY entry.position ROWS UNBOUNDED PRECEDING)
        ), total AS (
            SELECT account_id, count(*) AS entries, max(position) AS last,
                   min(position) FILTER (WHERE (position, balance_after) <> (position_due, balance_due)) AS wrong,
                   (array_agg(balance_due ORDER BY position DESC))[1] AS balance
            FROM step GROUP BY account_id
        )
        SELECT account.organisation_id, account.code, account.currency, account.balance, coalesce(total.balance, 0),
               total.wrong
        FROM wallet_account AS account LEFT JOIN total ON total.account_id = account.id
        WHERE account.balance <> coalesce(total.balance, 0) OR account.entry_count <> coalesce(total.entries, 0)
           OR total.wrong IS NOT NULL
        """,
    )
    for organisation, code, currency, stored, due, wrong in rows:
        where = f", first wrong at entry {wrong}" if wrong else ""
        yield f"Account {code} of {organisation} has {stored} {currency}, its entries {due}{where}."


def check_guards(using: str, _now: datetime) -> Iterable[str]:
    """No guarded account was below zero after any entry, and every account is what the chart says it is."""
    rows = read(
        using,
        """
        SELECT account.organisation_id, account.code, entry.position, entry.balance_after, account.currency
        FROM wallet_account AS account JOIN wallet_entry AS entry ON entry.account_id = account.id
        JOIN LATERAL ledger_chart(account.code) AS chart ON chart.guarded
        WHERE entry.balance_after < 0
        """,
    )
    for organisation, code, position, balance, currency in rows:
        yield f"Account {code} of {organisation} was below zero at entry {position}: {balance} {currency}."
    rows = read(
        using,
        """
        SELECT account.organisation_id, account.code
        FROM wallet_account AS account LEFT JOIN LATERAL ledger_chart(account.code) AS chart ON true
        WHERE (chart.account_class, chart.normal_side, chart.guarded)
              IS DISTINCT FROM (account.account_class, account.normal_side, account.guarded)
        """,
    )
    for organisation, code in rows:
        yield f"Account {code} of {organisation} is not what the chart of accounts says."


def check_content(using: str, _now: datetime) -> Iterable[str]:
    """Every posting says what it said when its key was first posted."""
    rows = read(
        using,
        """
        SELECT posting.organisation_id, posting.key
        FROM wallet_posting AS posting CROSS JOIN LATERAL (
            SELECT array_agg(line.line_text ORDER BY line.line_text COLLATE "C") AS lines
            FROM (
                SELECT ledger_line_text(account.code, entry.currency, entry.side, entry.amount) AS line_text
                FROM wallet_entry AS entry JOIN wallet_account AS account ON account.id = entry.account_id
                WHERE entry.posting_id = posting.id
            ) AS line
        ) AS content
        WHERE posting.content_hash
              <> ledger_content_hash(posting.kind, posting.order_number, posting.reverses_id, content.lines)
        """,
    )
    for organisation, key in rows:
        yield f"Posting {key} of {organisation} does not say what it said when it was posted."


def check_seals(using: str, _now: datetime) -> Iterable[str]:
    """The chain of sealed days holds: no day's postings, nor their number, nor the order of days has changed."""
    rows = read(
        using,
        """
        WITH chain AS (
            SELECT day, hash, posting_count, lag(hash) OVER days AS previous, lag(day) OVER days AS since
            FROM wallet_sealedday WINDOW days AS (ORDER BY day)
        )
        SELECT day FROM chain
        WHERE hash <> ledger_day_hash(previous, since, day) OR day <> since + 1
           OR posting_count <> (
               SELECT count(*) FROM wallet_posting AS posting
               WHERE posting.business_date <= chain.day AND (since IS NULL OR posting.business_date > since))
        ORDER BY day
        """,
    )
    for (day,) in rows:
        yield f"Sealed day {day} has changed since it was sealed, or a day before it is missing."


def check_schema(using: str, _now: datetime) -> Iterable[str]:
    """What keeps history and writes the ledger is there, and as wallet/sql/ defines it."""
    yield from compare_schema(using, LEDGER)


def compare_schema(using: str, schema: Schema) -> Iterable[str]:
    """Every guard that is missing, switched off or not the one of this version, and what the application's role may do
    that it should not.
    """
    yield from _compare_triggers(using, schema)
    yield from _compare_functions(using, schema)
    yield from _compare_constraints(using, schema)
    yield from _compare_grants(using, schema)


def check_role(using: str, _now: datetime) -> Iterable[str]:
    """The application's role is nobody who could change the ledger round its functions."""
    role = settings.DATABASES[DEFAULT_DB_ALIAS]["USER"]
    attributes = read(
        using,
        """
        SELECT what FROM (VALUES
            ('is a superuser', (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = %(role)s)),
            ('owns the ledger', (SELECT bool_or(pg_has_role(%(role)s, relowner, 'MEMBER')) FROM pg_class
                                 WHERE relname = ANY(%(tables)s::text[]))),
            ('may create in the schema', has_schema_privilege(%(role)s, 'public', 'CREATE')),
            ('may make temporary tables', has_database_privilege(%(role)s, current_database(), 'TEMPORARY'))
        ) AS facts (what, holds) WHERE holds
        """,
        {"role": role, "tables": list(LEDGER.tables)},
    )
    for (what,) in attributes:
        yield f"The application's role {role} {what}."


CHECKS: Final[tuple[Check, ...]] = (
    check_sums,
    check_balances,
    check_guards,
    check_content,
    check_seals,
    check_schema,
    check_role,
)
"""What the wallet app can check; find_problems takes these and those of higher apps."""


def _compare_triggers(using: str, schema: Schema) -> Iterable[str]:
    rows = read(
        using,
        "SELECT tgname, tgenabled, pg_get_triggerdef(pg_trigger.oid) "
        "FROM pg_trigger JOIN pg_class AS relation ON relation.oid = tgrelid "
        "WHERE NOT tgisinternal AND relnamespace = 'public'::regnamespace AND relation.relname = ANY(%s)",
        [list(schema.tables)],
    )
    found = {name: (enabled, spell(definition)) for name, enabled, definition in rows}
    for name, (enabled, definition) in schema.triggers.items():
        if name not in found:
            yield f"Trigger {name} is missing."
        elif found[name][1] != definition:
            yield f"Trigger {name} is not the one of this version."
        elif found[name][0] != enabled:
            yield f"Trigger {name} is switched off."


def _compare_functions(using: str, schema: Schema) -> Iterable[str]:
    sources = dict(
        read(
            using,
            "SELECT proname, prosrc FROM pg_proc "
            "WHERE pronamespace = 'public'::regnamespace AND starts_with(proname, %s)",
            [schema.prefix],
        )
    )
    for name in sorted(schema.functions.keys() | sources.keys()):
        if schema.functions.get(name) != sources.get(name):
            yield f"Function {name} is not the one of this version."


def _compare_constraints(using: str, schema: Schema) -> Iterable[str]:
    """They are there and validated."""
    found = {
        name
        for (name,) in read(
            using,
            "SELECT conname FROM pg_constraint JOIN pg_class AS relation ON relation.oid = conrelid "
            "WHERE relation.relname = ANY(%s) AND convalidated "
            "UNION SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
            "WHERE indisunique AND indisvalid",
            [list(schema.tables)],
        )
    }
    for name in sorted(schema.constraints - found):
        yield f"Constraint {name} is missing."


def _compare_grants(using: str, schema: Schema) -> Iterable[str]:
    role = settings.DATABASES[DEFAULT_DB_ALIAS]["USER"]
    rows = read(
        using,
        """
        SELECT DISTINCT tables.name, CASE WHEN has_table_privilege(%(role)s, 'public.' || tables.name, kinds.name)
                                     THEN kinds.name ELSE kinds.name || ' (' || attribute.attname || ')' END
        FROM unnest(%(tables)s::text[]) AS tables (name)
        CROSS JOIN unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES']) AS kinds (name)
        JOIN pg_attribute AS attribute ON attribute.attrelid = ('public.' || tables.name)::regclass
         AND attribute.attnum > 0 AND NOT attribute.attisdropped
        WHERE CASE WHEN kinds.name IN ('INSERT', 'UPDATE', 'REFERENCES')
              THEN has_column_privilege(%(role)s, 'public.' || tables.name, attribute.attname, kinds.name)
              ELSE has_table_privilege(%(role)s, 'public.' || tables.name, kinds.name) END
        ORDER BY 1, 2
        """,
        {"role": role, "tables": list(schema.tables)},
    )
    for table, privilege in rows:
        if privilege not in schema.grants.get(table, frozenset()):
            yield f"The application's role {role} has {privilege} on {table}."
