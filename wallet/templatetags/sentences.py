"""`{% sentences %}…{% endsentences %}`: round sentences that follow each other, so that Chinese ones have no blanks
between them. `{% colon %}`: what stands between a label and its value.
"""

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import pgettext

from wallet.sentences import tighten

register = template.Library()


@register.simple_block_tag
def sentences(content: str) -> SafeString:
    """What stands within is rendered, and so escaped, already."""
    return SafeString(tighten(content))


@register.simple_tag
def colon() -> str:
    return pgettext("between a label and its value", ": ")
