"""What people fill in about jobs: two pictures to try, and which jobs to list."""

from typing import Any

from django import forms
from django.core.files.base import File
from django.template.defaultfilters import filesizeformat

from accounts.dashboard.fields import DAY, JobIdField
from accounts.dashboard.listings import made_on
from accounts.models import Mode, Organisation, Workspace
from tryon.models import Job
from tryon.pictures import MAX_BYTES, Role
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
    since = forms.DateField(required=False, label="From", widget=DAY)
    until = forms.DateField(required=False, label="To", widget=DAY)
    reference = forms.CharField(required=False, max_length=200, label="Your reference")
    job = JobIdField()

    def __init__(self, workspaces: dict[str, str], data: Any) -> None:
        super().__init__(data)
        self.fields["workspace"].choices = [("", "Every workspace"), *workspaces.items()]  # type: ignore[attr-defined]

    def conditions(self) -> dict[str, Any]:
        """Return what a row must fulfil, as Django's filter takes it. What was typed wrong filters nothing out."""
        given = self.cleaned_data
        wanted = {
            "status": given.get("status"),
            "mode": given.get("mode"),
            "workspace_id": given.get("workspace"),
            "client_reference_id": given.get("reference"),
            "pk": given.get("job"),
            **made_on("job", given.get("since"), given.get("until")),
        }
        return {name: value for name, value in wanted.items() if value}
