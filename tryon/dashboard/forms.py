"""What people fill in about jobs: two pictures to try, and which jobs to list."""

from datetime import UTC, date, datetime, time
from typing import Any

from django import forms
from django.core.files.base import File
from django.template.defaultfilters import filesizeformat

from accounts.models import Mode, Organisation, Workspace
from tryon.models import Job
from tryon.pictures import MAX_BYTES, Role
from zupertry.core import ids
from zupertry.core.addresses import MAX_URL_LENGTH

ROLES: tuple[Role, ...] = ("model", "garment")
TYPES = "image/jpeg,image/png,image/webp"


class PictureFile(forms.FileField):
    """A picture from the person's own device, of at most 10 MB."""

    def __init__(self, label: str) -> None:
        super().__init__(required=False, label=label, widget=forms.FileInput({"accept": TYPES}))

    def clean(self, data: Any, initial: Any = None) -> Any:
        """Return the file. Raises `ValidationError` for one that is empty or too large."""
        file: File[bytes] | None = super().clean(data, initial)
        if file and file.size > MAX_BYTES:
            has = filesizeformat(file.size)
            raise forms.ValidationError(f"This file has {has}. Send one of at most {filesizeformat(MAX_BYTES)}.")
        return file


class RunAgainForm(forms.Form):
    """The button that runs a job again. `token` is the page's own: pressed twice, it is pressed once."""

    token = forms.SlugField(max_length=40)


class PlaygroundForm(forms.Form):
    """Each picture as a file, as our sample, by its URL, or as what was uploaded before: the first given counts."""

    model_file = PictureFile("Photo of the person")
    model_sample = forms.BooleanField(required=False)
    model_url = forms.CharField(required=False, max_length=MAX_URL_LENGTH, label="or its URL")
    model_upload = forms.CharField(required=False)
    garment_file = PictureFile("Photo of the garment")
    garment_sample = forms.BooleanField(required=False)
    garment_url = forms.CharField(required=False, max_length=MAX_URL_LENGTH, label="or its URL")
    garment_upload = forms.CharField(required=False)
    mode = forms.ChoiceField(choices=Mode.choices, initial=Mode.TEST)
    workspace = forms.ChoiceField(required=False)
    token = forms.SlugField(max_length=40)

    def __init__(self, organisation: Organisation, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        active = Workspace.objects.filter(organisation=organisation, status=Workspace.Status.ACTIVE).order_by("id")
        self.fields["workspace"].choices = list(active.values_list("id", "name"))  # type: ignore[attr-defined]
        for role in ROLES:
            self.fields[f"{role}_url"].widget.attrs |= {"placeholder": "https://", "inputmode": "url"}


class JobFilter(forms.Form):
    """Which jobs to show. Days are UTC's, both included."""

    status = forms.ChoiceField(required=False, choices=[("", "Every status"), *Job.Status.choices])
    mode = forms.ChoiceField(required=False, choices=[("", "Test and live"), ("live", "Live"), ("test", "Test")])
    workspace = forms.ChoiceField(required=False)
    since = forms.DateField(required=False, label="From", widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    reference = forms.CharField(required=False, max_length=200, label="Your reference")
    job = forms.CharField(required=False, max_length=40, label="Job id")

    def __init__(self, workspaces: dict[str, str], data: Any) -> None:
        super().__init__(data)
        self.fields["workspace"].choices = [("", "Every workspace"), *workspaces.items()]  # type: ignore[attr-defined]

    def clean_job(self) -> str:
        """Return the id. Raises `ValidationError` for what can't be one."""
        id_: str = self.cleaned_data["job"]
        if id_ and not ids.is_id("job", id_):
            raise forms.ValidationError("A job's id is job_ and 26 characters.")
        return id_

    def conditions(self) -> dict[str, Any]:
        """Return what a row must fulfil, as Django's filter takes it. What was typed wrong filters nothing out."""
        given = self.cleaned_data
        wanted = {
            "status": given.get("status"),
            "mode": given.get("mode"),
            "workspace_id": given.get("workspace"),
            "client_reference_id": given.get("reference"),
            "pk": given.get("job"),
            "pk__gte": _first_of(given.get("since")),
            "pk__lt": _first_after(given.get("until")),
        }
        return {name: value for name, value in wanted.items() if value}


def _first_of(day: date | None) -> str | None:
    """Return the smallest id that a job of this day or a later one can have: ids rise with time."""
    return ids.encode("job", ids.first_at(datetime.combine(day, time.min, UTC))) if day else None


def _first_after(day: date | None) -> str | None:
    return ids.encode("job", ids.first_after(datetime.combine(day, time.max, UTC))) if day else None
