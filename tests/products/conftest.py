"""A balance with money in it."""

from datetime import datetime

import pytest

from products.models import ProductBalance
from tests.products import spending


@pytest.fixture
def sms(db: None, now: datetime) -> ProductBalance:
    """Acme's balance of SMS, 20 dollars in it."""
    return spending.open_filled(20, now=now)
