"""The chart of accounts: every code an account may have. The database knows the same chart (`wallet/sql/chart.sql`)
and refuses any other code; what each one holds is told in docs/money.md.
"""

WALLET = "wallet"
SUSPENSE = "suspense"
STRIPE_CLEARING = "stripe_clearing"
RECEIVABLE = "receivable"
FX = "fx"
FX_RESULT = "fx_result"
BANK_CHARGES = "bank_charges"
STRIPE_FEES = "stripe_fees"
CHARGEBACKS = "chargebacks"


def product(slug: str) -> str:
    """The balance that can only be used within one product."""
    return f"product:{slug}"


def held(code: str) -> str:
    """Where money of the wallet or of a product waits: holds, refunds under way."""
    return f"{code}:held"


def bank(account: str) -> str:
    """One of the house's receiving accounts."""
    return f"bank:{account}"


def revenue(slug: str) -> str:
    """What the use of one product has earned."""
    return f"revenue:{slug}"
