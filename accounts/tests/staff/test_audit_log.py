"""The audit log, as staff search it: on PostgreSQL the words of reasons are looked for by its own text search."""

import pytest

from accounts import audit, organisations
from accounts.models import ApiKey, AuditEntry, User
from accounts.tests.staff.test_pages import address, found, seen
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db


def test_the_audit_log_is_searched_by_who_what_and_why(world: World) -> None:
    support, alice = staff_client(make_staff("Support")), User.objects.get(email="alice@example.com")
    organisations.suspend(world.organisation, actor="staff:usr_x", reason="Unpaid since the spring, reminded twice")
    key = ApiKey.objects.filter(organisation=world.alice.org_id).first()
    audit.record(world.organisation, f"key:{key.pk}", "job.cancelled", "job_1")
    audit.record(world.organisation, f"user:{alice.pk}", "api_key.disabled", key.pk)
    for term, number in {
        "organisation.suspended": 1,
        "organisation.nothing": 0,
        "staff:usr_x": 1,
        f"user:{alice.pk}": 1,
        alice.pk: 1,
        "spring unpaid": 1,
        "spring autumn": 0,
        "job": 0,
    }.items():
        assert len(found(support, AuditEntry, q=term)) == number, term
    both = found(support, AuditEntry, q=key.pk)
    assert ["job.cancelled" in "".join(both), "api_key.disabled" in "".join(both)] == [True, True]
    assert len(found(support, AuditEntry, reason="given")) == 1
    page = seen(support, address(AuditEntry, "change", AuditEntry.objects.get(actor=f"user:{alice.pk}").pk))
    links = {link.attributes["href"] for link in page.by_id("content-main").all("a")}
    assert {address(User, "change", alice.pk), address(ApiKey, "change", key.pk)} <= links
