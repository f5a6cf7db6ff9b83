"""Statement files as banks write them, and reading them on the day of the story."""

from collections.abc import Iterable, Sequence
from datetime import date

from payments.statements.columns import ColumnMapping, Profile
from payments.statements.lines import Statement
from payments.statements.reading import read

TODAY = date(2026, 7, 15)

BOC_HEAD = (
    "交易日期[ Transaction Date ],起息日期[ Value Date ],交易货币[ Trade Currency ],交易金额[ Trade Amount ],"
    "交易后余额[ After-transaction balance ],交易流水号[ Transaction reference number ],付款人名称[ Payer's Name ],"
    "付款人账号[ Debit Account No. ],收款人名称[ Payee's Name ],收款人账号[ Payee's Account Number ],交易附言[ Remark ]"
)
CREDIT = ":61:2607150715C1000,00NTRFNONREF//B001"


def read_file(
    raw: bytes | str,
    *,
    profile: Profile | None = None,
    mapping: ColumnMapping | None = None,
    currency: str = "",
    today: date = TODAY,
) -> Sequence[Statement]:
    """What the reader makes of a file."""
    content = raw.encode() if isinstance(raw, str) else raw
    return read(content, name="statement", profile=profile, mapping=mapping, currency=currency, today=today)


def mt940(
    *fields: str, opening: str = "C260714USD500,00", closing: str = "C260715USD1500,00", account: str = "4567890123"
) -> str:
    """One statement with these fields between its balances."""
    return "\n".join(
        [":20:STMT1", f":25:{account}", ":28C:7/1", f":60F:{opening}", *fields, f":62F:{closing}", "-", ""]
    )


def generic(*rows: str, head: str = "Date,Amount,Currency,Bank reference,Text") -> str:
    """A plain CSV."""
    return "\n".join([head, *rows, ""])


def boc(*rows: str, head: str = BOC_HEAD) -> str:
    """An export of the Bank of China."""
    return "\r\n".join(
        ["查询账号[ Inquirer account number ],456351234567", "总笔数[ Total ],2", head, *rows, ""],
    )


def entry(
    amount: str = "1000.00",
    *,
    mark: str = "CRDT",
    status: str = "<Sts><Cd>BOOK</Cd></Sts>",
    currency: str = "USD",
    more: str = "",
) -> str:
    """One entry of CAMT.053."""
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{mark}</CdtDbtInd>{status}'
        "<BookgDt><Dt>2026-07-15</Dt></BookgDt><ValDt><Dt>2026-07-14</Dt></ValDt><AcctSvcrRef>SVC1</AcctSvcrRef>"
        f"{more}</Ntry>\n"
    )


def balance(kind: str, amount: str, *, mark: str = "CRDT", currency: str = "USD") -> str:
    """One balance of CAMT.053."""
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">{amount}</Amt>'
        f"<CdtDbtInd>{mark}</CdtDbtInd><Dt><Dt>2026-07-15</Dt></Dt></Bal>\n"
    )


def camt(
    *entries: str,
    opening: str = "500.00",
    closing: str = "1500.00",
    version: str = "08",
    account: str = "<IBAN>DE02120300000000202051</IBAN>",
) -> str:
    """A CAMT.053 file of one statement."""
    return camt_of(camt_statement(*entries, opening=opening, closing=closing, account=account), version=version)


def camt_statement(
    *entries: str,
    opening: str = "500.00",
    closing: str = "1500.00",
    account: str = "<IBAN>DE02120300000000202051</IBAN>",
) -> str:
    """One statement of a CAMT.053 file."""
    balances = balance("OPBD", opening) + balance("CLBD", closing)
    return f"<Stmt><Acct><Id>{account}</Id><Ccy>USD</Ccy></Acct>\n{balances}{''.join(entries)}</Stmt>"


def camt_of(*statements: str, version: str = "08") -> str:
    """A CAMT.053 file of these statements."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">'
        f"<BkToCstmrStmt><GrpHdr/>{''.join(statements)}</BkToCstmrStmt></Document>"
    )


def detail(amount: str = "", *, text: str = "", end_to_end: str = "NOTPROVIDED", more: str = "") -> str:
    """One detail of an entry of CAMT.053."""
    figure = f'<Amt Ccy="USD">{amount}</Amt>' if amount else ""
    return (
        f"<TxDtls><Refs><EndToEndId>{end_to_end}</EndToEndId></Refs>{figure}{more}"
        f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>"
    )


def details(parts: Iterable[str]) -> str:
    """The details of a batch."""
    return f"<NtryDtls>{''.join(parts)}</NtryDtls>"
