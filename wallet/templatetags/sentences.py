"""`{% sentences %}…{% endsentences %}`: round sentences that follow each other, so that Chinese ones have no blanks
between them.
"""

from django import template
from django.utils.safestring import SafeString

from wallet.sentences import tighten

register = template.Library()


@register.simple_block_tag
def sentences(content: str) -> SafeString:
    """What stands within is rendered, and so escaped, already."""
    return SafeString(tighten(content))
