"""What staff do to a row, or to several: on a page of its own, which says what it does and asks why."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from django import forms
from django.db.models import Model
from django.http import HttpRequest

RowT = TypeVar("RowT", bound=Model)

MOST_ROWS = 100
"""How many rows one action is done to at most."""


def staff_actor(request: HttpRequest) -> str:
    """Return how the member of staff is named in ledgers and logs."""
    return f"staff:{request.user.pk}"


class WithReason(forms.Form):
    """A form that asks why."""

    reason = forms.CharField(
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
        help_text="For the audit log, which the customer sees without it. No personal data.",
    )


class ReasonForm(WithReason):
    """What every action asks. `rows` are those that it is about; `token` makes sending the form twice harmless."""

    token = forms.CharField(max_length=32, min_length=32, widget=forms.HiddenInput)

    def __init__(self, *args: Any, rows: Sequence[Model], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows = rows
        self.initial.setdefault("token", secrets.token_hex(16))
        self.order_fields([name for name in self.fields if name != "reason"] + ["reason"])


@dataclass(frozen=True, slots=True)
class Order:
    """An action as it was asked for: by whom, why, and what else the form says.

    `reference` is the same when the same form arrives again, and another for each row.
    """

    actor: str
    reason: str
    reference: str
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StaffAction(Generic[RowT]):
    """Something that staff with `permission` (`app_label.codename`) may do.

    `perform` does it to a row and returns a sentence about what came of it; a `Refusal` that it raises is shown.
    `offered` says whether a row's page leads to it; `many`, whether a listing does, for the rows that were ticked.
    """

    name: str
    label: str
    permission: str
    explanation: str
    perform: Callable[[RowT, Order], str]
    form: type[ReasonForm] = ReasonForm
    many: bool = False
    offered: Callable[[RowT], bool] = lambda row: True
