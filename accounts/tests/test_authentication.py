"""Who is let in, who is turned away, and in which order that is decided."""

import pytest
from django.utils import timezone

from accounts import organisations
from accounts.models import ApiKey, Mode, Organisation
from zupertry.testing.api import ApiClient, refusal

PATHS = ["/v1/account", "/v1/workspaces", "/v1/jobs", "/v1/jobs/job_00000000000000000000000000"]

# Well formed, and nobody's.
NOBODYS_LIVE_KEY = "zt_live_sk_jJKPqQcezhLhjNiPFhz1EZ3mvq6KKQBVog3F2aMUzyd1pm0AQ"
NOBODYS_TEST_KEY = "zt_test_sk_jaxEMyhgSUZK3YJ5XoG4SOLaQFFTaAmSu6HzkeGsOAF2J3gAZ"


@pytest.mark.parametrize("path", PATHS)
def test_without_credentials_every_route_asks_for_a_bearer_key(db, path):
    answer = ApiClient().get(path)
    refusal(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "RateLimit-Limit" not in answer.headers


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Token zt_live_sk_x", "zt_live_sk_x"])
def test_what_is_no_bearer_token_is_no_credentials(db, header):
    refusal(ApiClient().get("/v1/account", headers={"Authorization": header}), 401, "unauthorized")


@pytest.mark.parametrize(
    "key",
    [
        "x",
        "zt_live_sk_",
        "zt_live_sk_short",
        "zt_prod_sk_" + "a" * 49,
        NOBODYS_LIVE_KEY,
        NOBODYS_TEST_KEY,
        NOBODYS_LIVE_KEY[:-1],
        NOBODYS_LIVE_KEY + "a",
        NOBODYS_LIVE_KEY + " zt",
        "ключ",
        "zt_live_sk_" + "é" * 49,
        "zt_live_sk_" + "٣" * 49,
        "a" * 8000,
    ],
)
def test_a_malformed_or_unknown_key_is_invalid(db, key):
    answer = ApiClient().get("/v1/account", headers={"Authorization": f"Bearer {key}".encode().decode("latin-1")})
    refusal(answer, 401, "invalid_api_key")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_case_insensitive(world, scheme):
    answer = ApiClient().get("/v1/account", headers={"Authorization": f"{scheme} {world.alice.live_key}"})
    assert answer.status_code == 200
    assert answer.json()["org_id"] == world.alice.org_id


@pytest.mark.parametrize(
    ("status", "code"), [(ApiKey.Status.REVOKED, "api_key_revoked"), (ApiKey.Status.DISABLED, "api_key_disabled")]
)
def test_a_key_that_was_taken_back_says_how(world, status, code):
    ApiKey.objects.filter(organisation_id=world.alice.org_id, mode=Mode.LIVE).update(status=status)
    answer = ApiClient(world.alice.live_key).get("/v1/account")
    refusal(answer, 401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert ApiClient(world.alice.test_key).get("/v1/account").status_code == 200


def test_a_key_reaches_its_own_organisation_only(world):
    assert ApiClient(world.alice.test_key).get("/v1/account").json()["org_id"] == world.alice.org_id
    assert ApiClient(world.charlie.test_key).get("/v1/account").json()["org_id"] == world.charlie.org_id


def test_a_suspended_organisation_is_refused_everywhere_and_told_how_its_window_stands(world):
    organisations.suspend(world.organisation, actor="staff:test", reason="unpaid")
    alice = ApiClient(world.alice.live_key)
    for answer in [*(alice.get(path) for path in PATHS), alice.submit(), alice.delete(PATHS[-1])]:
        refusal(answer, 403, "account_suspended")
        assert answer.headers["RateLimit-Limit"] == "100000"
    assert ApiClient(world.charlie.live_key).get("/v1/account").status_code == 200


def test_a_request_leaves_its_moment_on_the_key_at_most_once_a_minute(world):
    before = timezone.now()
    ApiClient(world.alice.live_key).get("/v1/account")
    key = ApiKey.objects.get(organisation_id=world.alice.org_id, mode=Mode.LIVE)
    assert key.last_used_at is not None
    assert before <= key.last_used_at <= timezone.now()
    ApiClient(world.alice.live_key).get("/v1/account")
    assert ApiKey.objects.get(id=key.id).last_used_at == key.last_used_at


# The first check that fails answers: authentication, suspension, rate limit, body, key, workspace, credits.


@pytest.fixture
def alice(world) -> ApiClient:
    return ApiClient(world.alice.live_key)


def test_authentication_before_suspension(world, alice):
    Organisation.objects.update(suspended_at=timezone.now())
    ApiKey.objects.update(status=ApiKey.Status.REVOKED)
    refusal(alice.submit(), 401, "api_key_revoked")


def test_suspension_before_rate_limit(world, alice):
    Organisation.objects.update(rate_limit_per_minute=1)
    alice.get("/v1/account")
    refusal(alice.get("/v1/account"), 429, "rate_limit_exceeded")
    Organisation.objects.update(suspended_at=timezone.now())
    refusal(alice.get("/v1/account"), 403, "account_suspended")


@pytest.mark.parametrize(
    "spoilt",
    [
        {"data": b"{", "content_type": "application/json"},
        {"data": b"x" * 70_000, "content_type": "application/json"},
        {"data": b"x", "content_type": "text/plain"},
    ],
)
def test_rate_limit_before_body(world, alice, spoilt):
    Organisation.objects.update(rate_limit_per_minute=1)
    alice.get("/v1/account")
    refusal(alice.post("/v1/tryon", **spoilt), 429, "rate_limit_exceeded")


def test_body_before_idempotency_key(alice):
    error = refusal(alice.submit(metadata=1, headers={"Idempotency-Key": "k" * 256}), 422, "validation_error")
    assert list(error["fields"]) == ["metadata"]
    assert alice.submit(headers={"Idempotency-Key": "once"}).status_code == 202
    error = refusal(alice.submit(metadata=1, headers={"Idempotency-Key": "once"}), 422, "validation_error")
    assert list(error["fields"]) == ["metadata"]


def test_idempotency_key_before_workspace(alice):
    assert alice.submit(headers={"Idempotency-Key": "once"}).status_code == 202
    other = alice.submit(headers={"Idempotency-Key": "once"}, workspace_id="ws_unknown")
    refusal(other, 409, "idempotency_conflict")
    spoilt = alice.submit(headers={"Idempotency-Key": "k" * 256}, workspace_id="ws_unknown")
    refusal(spoilt, 422, "validation_error")


def test_workspace_before_credits(world, alice):
    for _ in range(100):
        alice.submit_job()
    refusal(alice.submit(workspace_id="ws_unknown"), 404, "workspace_not_found")
    refusal(alice.submit(), 402, "insufficient_credits")


def test_authentication_before_the_method_and_the_body(world):
    refusal(ApiClient().put("/v1/jobs"), 401, "unauthorized")
    refusal(ApiClient().post("/v1/tryon", b"{", content_type="text/plain"), 401, "unauthorized")


def test_a_malformed_key_asks_no_database(world, django_assert_num_queries):
    with django_assert_num_queries(0):
        ApiClient().get("/v1/account", headers={"Authorization": f"Bearer {world.alice.live_key[:-1]}0x"})
