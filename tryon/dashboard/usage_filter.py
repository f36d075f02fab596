"""Which days, workspace and mode a page of usage is about."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.validators import MinValueValidator
from django.http import QueryDict

from accounts.models import Mode
from tryon.usage import Scope

RANGES = [7, 30, 90]
DEFAULT_RANGE = 30
MOST_DAYS = 366
BOTH = "all"
FIRST = date(2020, 1, 1)
"""No job is older than that, by far."""


def _day_field(label: str) -> forms.DateField:
    too_early = MinValueValidator(FIRST, f"Choose a day since {FIRST:%Y}.")
    return forms.DateField(
        required=False, label=label, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"), validators=[too_early]
    )


class UsageFilter(forms.Form):
    """The last 7, 30 (the default) or 90 days, or from one day to another: days of UTC, both included.

    Test jobs are made to fail on purpose: they are counted together with live ones only where that is asked for.
    """

    days = forms.ChoiceField(required=False, choices=[(str(days), str(days)) for days in RANGES])
    workspace = forms.ChoiceField(required=False)
    mode = forms.ChoiceField(required=False, choices=[*Mode.choices, (BOTH, "Test and live")])
    since = _day_field("From")
    until = _day_field("To")

    def __init__(self, workspaces: dict[str, str], default_mode: Mode, today: date, data: QueryDict) -> None:
        given = data.copy()
        given["mode"] = data.get("mode") or default_mode
        super().__init__(given)
        self.default_mode = default_mode
        self.today = today
        self.fields["workspace"].choices = [("", "Every workspace"), *workspaces.items()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse days in the wrong order, and more than a year."""
        first, last = self._days()
        if first > last:
            self.add_error("since", "This is after the last day.")
        elif (last - first).days >= MOST_DAYS:
            self.add_error("since", f"Choose at most {MOST_DAYS} days.")
        return self.cleaned_data

    @property
    def preset(self) -> int | None:
        """How many days up to today were chosen; None when the days were given one by one."""
        return None if self.cleaned_data.get("since") or self.cleaned_data.get("until") else self._range

    def scope(self, organisation_id: str) -> Scope:
        """Return what was chosen, as far as it could be read."""
        given = self.cleaned_data
        first, last = self._days()
        mode = given.get("mode", BOTH)
        return Scope(organisation_id, first, last, given.get("workspace", ""), "" if mode == BOTH else mode)

    @property
    def _range(self) -> int:
        return int(self.cleaned_data.get("days") or DEFAULT_RANGE)

    def _days(self) -> tuple[date, date]:
        last = self.cleaned_data.get("until") or self.today
        return self.cleaned_data.get("since") or last - timedelta(days=self._range - 1), last
