"""Parts of a page that are the same for many cards, put together once."""

from collections import OrderedDict
from threading import Lock
from typing import Any

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.template.context import Context
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

register = template.Library()

MOST = 512
_kept: OrderedDict[tuple[Any, ...], SafeString] = OrderedDict()
_lock = Lock()


class KeptNode(template.Node):
    """What is inside, as it was rendered last for an equal key in this process and language."""

    def __init__(self, name: str, key: FilterExpression, inside: NodeList) -> None:
        self.name, self.key, self.inside = name, key, inside

    def render(self, context: Context) -> SafeString:
        given = self.key.resolve(context)
        if given is None:
            return self.inside.render(context)
        key = (self.name, get_language(), given)
        with _lock:
            found = _kept.get(key)
            if found is not None:
                _kept.move_to_end(key)
                return found
        # As the template made it.
        made = mark_safe(self.inside.render(context))  # noqa: S308
        with _lock:
            _kept[key] = made
            while len(_kept) > MOST:
                _kept.popitem(last=False)
        return made


@register.tag
def kept(parser: Parser, token: Token) -> KeptNode:
    """`{% kept "name" key %}…{% endkept %}`: rendered once a key; never kept for the key None.

    The key must hold all that the inside depends on, the language apart.
    """
    _, name, key = token.split_contents()
    inside = parser.parse(("endkept",))
    parser.delete_first_token()
    return KeptNode(name.strip("\"'"), parser.compile_filter(key), inside)
