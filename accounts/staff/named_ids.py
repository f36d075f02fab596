"""Links from ids that stand in logs and ledgers as text."""

from functools import cache

from django.apps import apps
from django.db.models import Model
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.staff.links import link_to
from zupertry.core import ids


def link_to_id(id_: str, text: str = "") -> SafeString:
    """Return a link to the row that an id of ours names, without a look whether it is there; else the text as code."""
    shown = format_html("<code>{}</code>", text or id_)
    prefix = id_.partition("_")[0]
    model = _models().get(prefix)
    return link_to(model(pk=id_), shown) if model and ids.is_id(prefix, id_) else shown


@cache
def _models() -> dict[str, type[Model]]:
    """Return tables by the prefix of their ids. Of two with the same one it is the first, which is nearer to people."""
    found: dict[str, type[Model]] = {}
    for model in apps.get_models():
        if isinstance(model._meta.pk, ids.IdField):
            found.setdefault(model._meta.pk.prefix, model)
    return found
