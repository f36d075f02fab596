"""Links to rows of which only the id is known."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import DeliveryAttempt, WebhookEvent
from accounts.staff.links import link_to, link_to_actor, link_to_id
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db

JOB = "job_06h1gojn7trn32f5bl6n7v21oo"
ID_CELL = '<code class="id" title="{0}_06h1gojn7trn32f5bl6n7v21oo">{0}_<span>06h1gojn7trn32f5bl6n</span>7v21oo</code>'


@pytest.mark.parametrize(
    ("text", "page", "shown"),
    [
        (JOB, f"/admin/tryon/job/{JOB}/change/", ID_CELL.format("job")),
        (
            JOB.replace("job", "evt"),
            f"/admin/accounts/webhookevent/{JOB.replace('job', 'evt')}/change/",
            ID_CELL.format("evt"),
        ),
        (f"{JOB}x", "", f"<code>{JOB}x</code>"),
        ("job_nonsense", "", "<code>job_nonsense</code>"),
        ("pi_3OabcStripe", "", "<code>pi_3OabcStripe</code>"),
        (f"bootstrap:{JOB}", "", f"<code>bootstrap:{JOB}</code>"),
        (JOB.replace("job", "xyz"), "", ID_CELL.format("xyz")),
        ("", "", "none"),
        ("<b>", "", "<code>&lt;b&gt;</code>"),
    ],
)
def test_an_id_leads_to_its_row_without_a_query(text: str, page: str, shown: str) -> None:
    with CaptureQueriesContext(connection) as captured:
        link = link_to_id(text)
    assert len(captured) == 0
    assert link == (f'<a href="{page}">{shown}</a>' if page else shown)


@pytest.mark.parametrize(
    ("actor", "says"),
    [
        ("system", "system"),
        ("key:a&b", "key <code>a&amp;b</code>"),
        ("", ""),
        (f"job:{JOB}", f'job <a href="/admin/tryon/job/{JOB}/change/">{ID_CELL.format("job")}</a>'),
    ],
)
def test_an_actor_is_told_by_kind_and_id(actor: str, says: str) -> None:
    assert link_to_actor(actor) == says


def test_a_row_is_linked_by_its_name_and_escaped(world: World) -> None:
    organisation = world.organisation
    organisation.name = "<b>Alice</b>"
    assert link_to(organisation).endswith('/change/">&lt;b&gt;Alice&lt;/b&gt;</a>')
    assert link_to(WebhookEvent(type="job.failed", reference="<i>")).endswith("job.failed &lt;i&gt;</a>")


def test_a_row_without_a_page_is_only_named() -> None:
    attempt = DeliveryAttempt(pk=1, number=1, delivery_id=JOB.replace("job", "whd"))
    assert link_to(attempt) == str(attempt)
