"""Our legal entities: which of them issues for cards and moves. One always does."""

from django.db import transaction

from billing.models import LegalEntity


def keep(entity: LegalEntity) -> None:
    """Save an entity as it is given. One that is to issue for cards and moves takes that over from whichever did, and
    goes on until another does. Documents that were issued stay as they are.
    """
    with transaction.atomic():
        _lock_all()
        issuing = LegalEntity.objects.get(issues_by_default=True)
        if issuing.pk == entity.pk:
            entity.issues_by_default = True
        elif entity.issues_by_default:
            LegalEntity.objects.filter(pk=issuing.pk).update(issues_by_default=False)
        entity.save()


def _lock_all() -> None:
    """Every one, always in the same order: whoever hands over meanwhile is waited for."""
    list(LegalEntity.objects.select_for_update().order_by("pk").values_list("pk"))
