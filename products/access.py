"""Product permissions: which products a member may see, top up and read the orders of. Owners are never limited."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, Q, QuerySet
from django.utils.translation import pgettext

from products.models import Product, ProductAccess
from wallet import chart, organisations
from wallet.models import TOP_UP_ROLES, Member, Role, User


def usable(member: Member) -> QuerySet[Product]:
    """The products the member may use, in the catalogue's order; inactive ones too, where money may be left."""
    products = Product.objects.in_order()
    if member.role == Role.OWNER:
        return products
    limits = ProductAccess.objects.filter(member=member)
    named = ProductAccess.products.through.objects.filter(productaccess__in=limits).values("product")
    return products.filter(~Exists(limits) | Q(pk__in=named))


def find_usable(member: Member, slug: str) -> Product | None:
    """The product of this slug, if the member may use it; pages answer None with 404."""
    return usable(member).filter(slug=slug).first()


def may_top_up(*, user: User, organisation_id: UUID, target: str) -> bool:
    """Whether somebody is an active member who may top up, and this balance, now. `target` is its account code."""
    member = Member.objects.filter(
        organisation_id=organisation_id, user=user, user__is_active=True, role__in=TOP_UP_ROLES
    ).first()
    if member is None or target == chart.WALLET:
        return member is not None
    return find_usable(member, target.removeprefix(chart.product(""))) is not None


def limited_codes(members: Sequence[Member]) -> Mapping[UUID, frozenset[str]]:
    """By organisation, the account codes of what a limited member may use. Who is not limited does not appear."""
    others = [member.pk for member in members if member.role != Role.OWNER]
    if not others:
        return {}
    limits = ProductAccess.objects.filter(member__in=others)
    codes: dict[UUID, set[str]] = {}
    for organisation_id, slug in limits.values_list("member__organisation_id", "products__slug"):
        codes.setdefault(organisation_id, set()).update([chart.product(slug)] if slug else [])
    return {organisation_id: frozenset(own) for organisation_id, own in codes.items()}


def is_limited(member: Member) -> bool:
    return member.role != Role.OWNER and ProductAccess.objects.filter(member=member).exists()


def find_limit(member: Member) -> ProductAccess | None:
    """What the member is limited to, if at all. For an owner it only waits until they are none any more."""
    return ProductAccess.objects.filter(member=member).prefetch_related("products").first()


def limits_in(organisation_id: UUID) -> Mapping[UUID, Sequence[Product]]:
    """By member, the products of those who are limited."""
    limits = ProductAccess.objects.filter(member__organisation_id=organisation_id).exclude(member__role=Role.OWNER)
    return {limit.member_id: list(limit.products.all()) for limit in limits.prefetch_related("products")}


def name_all(products: Iterable[Product]) -> str:
    return pgettext("between names", ", ").join(product.title for product in products)


def limit(*, member_id: UUID, products: Iterable[Product], by: User) -> None:
    """Let the member use these products only; none at all leaves them the wallet. Repeating it changes nothing.

    Raises `Member.DoesNotExist` when they have left, and `organisations.NotAnOwner`.
    """
    with transaction.atomic():
        access, _ = ProductAccess.objects.get_or_create(member=_lock(member_id, by))
        access.products.set(products)


def lift(*, member_id: UUID, by: User) -> None:
    """Let the member use every product again. Repeating it changes nothing. Raises as `limit`."""
    with transaction.atomic():
        ProductAccess.objects.filter(member=_lock(member_id, by)).delete()


def _lock(member_id: UUID, by: User) -> Member:
    """The member, who does not leave meanwhile."""
    organisation_id = Member.objects.values_list("organisation_id", flat=True).get(pk=member_id)
    organisations.lock_for_owner(organisation_id=organisation_id, by=by)
    return Member.objects.get(pk=member_id)
