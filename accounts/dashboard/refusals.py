"""What the domain refuses, said on the form that asked for it."""

from django import forms

from zupertry.core.errors import Refusal


def add_refusal(form: forms.Form, refusal: Refusal) -> None:
    """Show what was refused beside the fields that it names, else above the form."""
    for name, messages in (refusal.fields or {}).items():
        form.add_error(name if name in form.fields else None, list(messages))
    if not refusal.fields:
        form.add_error(None, refusal.message)
