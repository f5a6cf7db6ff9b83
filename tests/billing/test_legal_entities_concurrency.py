"""Entities that take issuing over at once: one after the other, and one issues at the end."""

from functools import partial

import pytest

from billing import legal_entities
from billing.models import LegalEntity
from tests import races

MANY = 6


@pytest.mark.usefixtures("fresh_database")
def test_many_that_take_over_at_once_do_so_one_after_the_other() -> None:
    made = [LegalEntity.objects.create(code=f"Z{number}", name_en=f"Entity {number}") for number in range(MANY)]
    for entity in made:
        entity.issues_by_default = True

    races.raise_failures(races.run_at_once([partial(legal_entities.keep, entity) for entity in made]))

    assert LegalEntity.objects.get(issues_by_default=True) in made
