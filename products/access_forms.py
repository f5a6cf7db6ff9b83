"""What an owner says about the products a member may use."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from products.models import Product

ALL = "all"
SOME = "some"


class AccessForm(forms.Form):
    """All products, or only those ticked; none of them leaves the wallet."""

    scope = forms.ChoiceField(choices=[(ALL, _("All products, later ones too")), (SOME, _("Only these:"))])
    products = forms.ModelMultipleChoiceField(Product.objects.none(), to_field_name="slug", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["products"] = forms.ModelMultipleChoiceField(
            Product.objects.in_order(), to_field_name="slug", required=False
        )

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("scope") == ALL and self.cleaned_data.get("products"):
            raise ValidationError(
                _("“All products” is chosen and some are ticked. Choose “Only these”, or take the ticks away.")
            )
        return self.cleaned_data

    @property
    def is_unlimited(self) -> bool:
        return bool(self.cleaned_data["scope"] == ALL)
