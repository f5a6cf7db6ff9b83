"""Sessions of a person: all ended at once when he is deactivated."""

from uuid import UUID

from django.db import transaction

from wallet.models import User


@transaction.atomic
def end(*, user_id: UUID) -> None:
    """Every session ends, wherever it is, and so does a link for a second factor. Repeating it changes nothing.

    None of it comes back with the person: sessions are bound to the password, and that ends here. Activated again, he
    chooses a new one by "Forgot password"; his second factor stays and is asked for.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    user.second_factor_invited_at = None
    user.set_unusable_password()
    user.save(update_fields=["second_factor_invited_at", "password"])
