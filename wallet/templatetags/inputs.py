"""`{{ field|unechoed }}`: a form's field without a placeholder that only says its label once more."""

from django import template
from django.forms import BoundField

register = template.Library()


@register.filter
def unechoed(field: BoundField) -> BoundField:
    """The forms of our libraries have such placeholders; they look like something typed already, and are gone when one
    wants to read them.
    """
    attrs = field.field.widget.attrs
    if str(attrs.get("placeholder", "")) == str(field.label):
        attrs.pop("placeholder", None)
    return field
