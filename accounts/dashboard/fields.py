"""What the filters of several listings ask for: a day, a job."""

from typing import Any

from django import forms

from zupertry.core import ids

DAY = forms.DateInput({"type": "date"}, "%Y-%m-%d")
"""How a day is chosen, and written for browsers to read."""


class JobIdField(forms.CharField):
    """A job's id, whole; or nothing."""

    def __init__(self) -> None:
        super().__init__(required=False, max_length=40, label="Job id")

    def clean(self, value: Any) -> str:
        """Return the id. Raises `ValidationError` for what can't be one."""
        id_: str = super().clean(value)
        if id_ and not ids.is_id("job", id_):
            raise forms.ValidationError("A job's id is job_ and 26 characters.")
        return id_
