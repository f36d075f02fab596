"""The pages of workspaces: make, rename, archive, restore."""

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import organisations
from accounts.dashboard.access import MemberRequest, member_view
from accounts.dashboard.listings import row_of
from accounts.dashboard.refusals import add_refusal
from accounts.dashboard.settings_forms import WorkspaceForm
from accounts.models import MAX_WORKSPACES, Workspace
from zupertry.core.errors import Refusal


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("workspace")
def workspace_list(request: MemberRequest) -> HttpResponseBase:
    """`GET workspaces`: all of them; `POST`: make one."""
    if request.method != "POST":
        return _page(request, WorkspaceForm())
    form = WorkspaceForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        organisations.create_workspace(request.organisation, form.cleaned_data["name"], actor=request.actor)
    except Refusal as refusal:
        add_refusal(form, refusal)
        return _page(request, form, status=refusal.status)
    messages.success(request, f"“{form.cleaned_data['name']}” is made.")
    return redirect("workspaces:list")


def _page(request: MemberRequest, form: WorkspaceForm, *, status: int = 200) -> HttpResponse:
    found = list(request.organisation.workspaces.order_by("pk"))
    active = [workspace for workspace in found if workspace.status == Workspace.Status.ACTIVE]
    context = {
        "form": form,
        "active": active,
        "archived": [workspace for workspace in found if workspace.status == Workspace.Status.ARCHIVED],
        "made": len(found),
        "most": MAX_WORKSPACES,
        "full": len(found) >= MAX_WORKSPACES,
    }
    return render(request, "dashboard/workspaces/list.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("workspace")
def rename(request: MemberRequest, workspace_id: str) -> HttpResponseBase:
    """`GET workspaces/<id>`: its name; `POST`: give it another."""
    workspace = _own(request, workspace_id)
    form = WorkspaceForm(request.POST if request.method == "POST" else None, initial={"name": workspace.name})
    if not form.is_valid():
        context = {"form": form, "workspace": workspace}
        return render(request, "dashboard/workspaces/rename.html", context, status=422 if form.errors else 200)
    if organisations.rename_workspace(workspace, form.cleaned_data["name"], actor=request.actor):
        messages.success(request, f"It is called “{form.cleaned_data['name']}” now.")
    return redirect("workspaces:list")


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("workspace")
def archive(request: MemberRequest, workspace_id: str) -> HttpResponseBase:
    """`GET workspaces/<id>/archive`: say what that means; `POST`: do it."""
    workspace = _own(request, workspace_id)
    if request.method != "POST":
        others = request.organisation.workspaces.filter(status=Workspace.Status.ACTIVE).exclude(pk=workspace.pk)
        context = {"workspace": workspace, "default": others.order_by("pk").first()}
        return render(request, "dashboard/workspaces/archive.html", context)
    if organisations.archive_workspace(workspace, actor=request.actor):
        messages.success(request, f"“{workspace.name}” is archived.")
    return redirect("workspaces:list")


@require_POST
@member_view("workspace")
def restore(request: MemberRequest, workspace_id: str) -> HttpResponseBase:
    """`POST workspaces/<id>/restore`: let it take jobs again."""
    workspace = _own(request, workspace_id)
    if organisations.restore_workspace(workspace, actor=request.actor):
        messages.success(request, f"“{workspace.name}” takes jobs again.")
    return redirect("workspaces:list")


def _own(request: MemberRequest, workspace_id: str) -> Workspace:
    return row_of(request.organisation.workspaces.select_related("organisation"), "ws", workspace_id)
