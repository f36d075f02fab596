"""The pages of webhooks: where they go, what signs them, what was sent and answered, and sending it again."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.dashboard.access import MemberRequest, member_view
from accounts.dashboard.listings import page_of, row_of
from accounts.dashboard.refusals import add_refusal
from accounts.dashboard.settings_forms import DeliveryFilter, EndpointForm, ReplayForm
from accounts.dashboard.watching import look, watch
from accounts.models import DeliveryAttempt, WebhookDelivery, WebhookEndpoint
from accounts.webhooks import endpoint, signing
from accounts.webhooks.delivery import body_of
from accounts.webhooks.replay import REPLAY_BATCH, may_replay, replay, replay_failed
from zupertry.core.code_samples import json_sample
from zupertry.core.errors import Refusal

ATTEMPTS_SHOWN = 50
WATCHED_BEFORE = timedelta(minutes=1)
"""A page shows what comes of an attempt by itself when it is due within this time, and not when it is hours away."""


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("developer")
def settings_page(request: MemberRequest) -> HttpResponseBase:
    """`GET webhooks`: URL and signing secret; `POST`: set the URL."""
    row = WebhookEndpoint.objects.get(organisation=request.organisation)
    form = EndpointForm(request.POST if request.method == "POST" else None, initial={"url": row.url})
    if form.is_valid() and _url_is_set(request, form):
        return redirect("developers:webhooks")
    context = {"form": form, "url": row.url, "secrets": signing.secrets_of(row), "overlap_ends_at": _overlap_of(row)}
    return render(request, "dashboard/developers/webhooks.html", context, status=422 if form.errors else 200)


def _url_is_set(request: MemberRequest, form: EndpointForm) -> bool:
    """Set the URL; when it is refused, the form says why."""
    url = form.cleaned_data["url"]
    try:
        endpoint.set_url(request.organisation, url, actor=request.actor)
    except Refusal as refusal:
        add_refusal(form, refusal)
        return False
    messages.success(request, "Webhooks go to this URL from now on." if url else "No webhooks are sent from now on.")
    return True


def _overlap_of(row: WebhookEndpoint) -> datetime | None:
    """Return until when the old secret signs too; None when no rotation is under way."""
    return row.rotated_at + signing.ROTATION_OVERLAP if row.rotated_at and signing.secrets_of(row).previous else None


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("developer")
def rotate(request: MemberRequest) -> HttpResponseBase:
    """`GET webhooks/rotate`: say what it does to whom, and ask; `POST`: make a new secret beside the old one."""
    if request.method != "POST":
        row = WebhookEndpoint.objects.get(organisation=request.organisation)
        context = {"overlap_ends_at": _overlap_of(row), "hours": signing.ROTATION_OVERLAP // timedelta(hours=1)}
        return render(request, "dashboard/developers/rotate.html", context)
    try:
        ends_at = endpoint.rotate(request.organisation, actor=request.actor)
    except Refusal as refusal:
        messages.error(request, refusal.message)
    else:
        words = f"There is a new secret. The old one signs too until {ends_at:%-d %b %Y, %H:%M} UTC."
        messages.success(request, f"{words} Put the new one into your server, then finish the rotation.")
    return redirect("developers:webhooks")


@require_POST
@member_view("developer")
def finish_rotation(request: MemberRequest) -> HttpResponseBase:
    """`POST webhooks/finish-rotation`: sign with the new secret alone."""
    if endpoint.finish_rotation(request.organisation, actor=request.actor):
        messages.success(request, "The rotation is finished: only the new secret signs.")
    return redirect("developers:webhooks")


@require_POST
@member_view("developer")
def send_test(request: MemberRequest) -> HttpResponseBase:
    """`POST webhooks/test`: send a test event, and show how it fares."""
    try:
        delivery = endpoint.send_test(request.organisation, actor=request.actor)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect("developers:webhooks")
    messages.success(request, "A test event is on its way.")
    return redirect("developers:delivery", delivery.id)


@require_safe
@member_view("developer")
def delivery_list(request: MemberRequest) -> HttpResponseBase:
    """`GET deliveries`: what was sent, with what was last answered."""
    return _list(request, ReplayForm.for_the_last_day())


@require_POST
@member_view("developer")
def replay_all(request: MemberRequest) -> HttpResponseBase:
    """`POST deliveries/replay`: send again all that was not delivered since a time."""
    form = ReplayForm(request.POST)
    if not form.is_valid():
        return _list(request, form, status=422)
    count = replay_failed(request.organisation, form.cleaned_data["since"], actor=request.actor)
    if count == REPLAY_BATCH:
        messages.warning(request, f"{count} are sent again, the most at a time. Replay once more for the rest.")
    elif count:
        messages.success(request, f"{count} {'is' if count == 1 else 'are'} sent again.")
    else:
        messages.info(request, "Nothing has failed since then.")
    return redirect("developers:deliveries")


def _list(request: MemberRequest, replay_form: ReplayForm, *, status: int = 200) -> HttpResponse:
    form = DeliveryFilter(request.GET)
    rows = WebhookDelivery.objects.filter(organisation=request.organisation, **form.conditions())
    attempts = DeliveryAttempt.objects.order_by("-number").defer("response_body")
    rows = rows.select_related("event").prefetch_related(Prefetch("attempts", attempts))
    context = {
        "form": form,
        "replay_form": replay_form,
        "page": page_of(rows, "whd", request.GET),
        "filtered": any(request.GET.get(name) for name in form.fields),
    }
    return render(request, "dashboard/developers/deliveries.html", context, status=status)


@require_safe
@member_view("developer")
def delivery_page(request: MemberRequest, delivery_id: str) -> HttpResponseBase:
    """`GET deliveries/<id>`: each attempt with its answer."""
    return render(request, "dashboard/developers/delivery.html", _delivery_context(_own(request, delivery_id)))


@require_safe
@member_view("developer")
def delivery_state(request: MemberRequest, delivery_id: str) -> HttpResponseBase:
    """`GET deliveries/<id>/state`: the part of its page that changes, for the page to look again."""
    return look(request, "dashboard/developers/_delivery.html", _delivery_context(_own(request, delivery_id)))


def _delivery_context(delivery: WebhookDelivery) -> dict[str, Any]:
    due, near = delivery.next_attempt_at, timezone.now() + WATCHED_BEFORE
    attempts = list(delivery.attempts.order_by("-number")[:ATTEMPTS_SHOWN])
    return {
        "delivery": delivery,
        "attempts": attempts,
        "may_replay": may_replay(delivery),
        "sent": json_sample("Body", body_of(delivery.event)),
        "watch": watch(f"{delivery.status} {delivery.attempt} {len(attempts)}", due) if due and due <= near else None,
    }


@require_POST
@member_view("developer")
def replay_one(request: MemberRequest, delivery_id: str) -> HttpResponseBase:
    """`POST deliveries/<id>/replay`: send it again, if no attempt was made since the page was shown."""
    delivery = _own(request, delivery_id)
    if request.POST.get("attempt") == str(delivery.attempt) and replay(delivery, actor=request.actor):
        messages.success(request, "It is sent again.")
    else:
        messages.info(request, "It was sent again already, or can never be.")
    return redirect("developers:delivery", delivery.id)


def _own(request: MemberRequest, delivery_id: str) -> WebhookDelivery:
    own = WebhookDelivery.objects.filter(organisation=request.organisation).select_related("event", "organisation")
    return row_of(own, "whd", delivery_id)
