"""`POST /v1/tryon`: what is accepted, what is refused at once, and what it costs."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from accounts import organisations
from accounts.models import Workspace
from billing import ledger
from billing.models import CreditAccount, LedgerEntry
from tryon.models import Job
from tryon.tests.conftest import PICTURES, URLS
from zupertry.core import ids
from zupertry.core.api import timestamp
from zupertry.testing.api import PICTURE, SUCCESS, ApiClient, refusal, refused_field

MINIMAL = {"model_image_url": SUCCESS, "garment_image_url": SUCCESS}


@pytest.mark.parametrize("mode", ["live", "test"])
def test_the_answer_has_exactly_four_fields(world, mode):
    response = ApiClient(getattr(world.alice, f"{mode}_key")).submit()
    assert response.status_code == 202
    body = response.json()
    assert re.fullmatch(r"job_[0-9a-v]{26}", body["job_id"])
    assert body == {
        "job_id": body["job_id"],
        "status": "pending",
        "created_at": timestamp(ids.made_at(body["job_id"])),
        "mode": mode,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["created_at"])
    assert abs(datetime.fromisoformat(body["created_at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert response.headers["Location"] == f"/v1/jobs/{body['job_id']}"
    assert "Idempotent-Replayed" not in response.headers


def test_a_live_job_holds_one_credit_and_a_test_job_none(world, live, test):
    test.submit_job()
    assert ledger.balance(world.alice.org_id).available == 100
    job_id = live.submit_job()
    account = ledger.balance(world.alice.org_id)
    assert (account.available, account.reserved) == (99, 1)
    assert LedgerEntry.objects.get(reference=job_id).kind == LedgerEntry.Kind.HOLD


@pytest.mark.parametrize("available", [0, -3])
def test_without_a_credit_there_is_no_live_job(world, live, test, available):
    CreditAccount.objects.filter(organisation_id=world.alice.org_id).update(available=available)
    error = refusal(live.submit(), 402, "insufficient_credits")
    assert ("3 credits are owed" in error["message"]) == (available < 0)
    assert not Job.objects.exists()
    assert ledger.balance(world.alice.org_id).available == available
    test.submit_job()


def test_the_last_credit_can_be_spent(world, live):
    CreditAccount.objects.filter(organisation_id=world.alice.org_id).update(available=1)
    live.submit_job()
    refusal(live.submit(), 402, "insufficient_credits")


# Fields


def test_everything_optional_is_echoed(test):
    fields = {
        "client_reference_id": "order 7 — ütf",
        "metadata": {"sku": "x", "": "", "ключ": "值"},
        "webhook_url": "https://shop.example.com/hook?a=1",
    }
    job = test.get(f"/v1/jobs/{test.submit_job(**fields)}").json()
    assert {name: job[name] for name in fields} == fields


def test_null_is_absent_and_unknown_fields_are_ignored(world, test):
    optional = ["workspace_id", "webhook_url", "client_reference_id", "metadata"]
    job = test.get(f"/v1/jobs/{test.submit_job(**dict.fromkeys(optional), colour='red', job_id='x')}").json()
    assert job["workspace_id"] == world.alice.workspace_id
    assert job["metadata"] == {}
    assert job["client_reference_id"] is None
    assert job["webhook_url"] is None
    assert "colour" not in job


@pytest.mark.parametrize("name", PICTURES)
def test_both_pictures_are_required(test, name):
    refused_field(test.tryon({key: value for key, value in MINIMAL.items() if key != name}), name)
    refused_field(test.submit(**{name: None}), name)


def test_every_wrong_field_is_told_at_once(test):
    error = refusal(test.tryon({"metadata": 1, "client_reference_id": 2}), 422, "validation_error")
    assert set(error["fields"]) == {*PICTURES, "metadata", "client_reference_id"}


@pytest.mark.parametrize("name", [*URLS, "workspace_id", "client_reference_id"])
@pytest.mark.parametrize("value", [1, 1.5, True, False, [], {}, ["https://a.example.com"], 10**400])
def test_strings_are_strings(test, name, value):
    refused_field(test.submit(**{name: value}), name)


@pytest.mark.parametrize("name", [*URLS, "workspace_id", "client_reference_id"])
def test_no_string_has_a_nul(test, name):
    refused_field(test.submit(**{name: "https://a.example.com/\x00.jpg"}), name)


@pytest.mark.parametrize("name", URLS)
def test_an_empty_url_is_refused(test, name):
    refused_field(test.submit(**{name: ""}), name)


@pytest.mark.parametrize("name", URLS)
def test_urls_have_at_most_2048_characters(live, name):
    url = "https://a.example.com/".ljust(2048, "a")
    live.submit_job(**{name: url})
    refused_field(live.submit(**{name: url + "a"}), name)


@pytest.mark.parametrize("character", ["a", "é", "🧥"])
def test_a_client_reference_has_at_most_200_characters(test, character):
    job_id = test.submit_job(client_reference_id=character * 200)
    assert test.get(f"/v1/jobs/{job_id}").json()["client_reference_id"] == character * 200
    refused_field(test.submit(client_reference_id=character * 201), "client_reference_id")


@pytest.mark.parametrize("reference", ["", " ", " padded ", "line\nbreak", "\u202e"])
def test_any_string_is_a_client_reference_and_none_is_trimmed(test, reference):
    job_id = test.submit_job(client_reference_id=reference)
    assert test.get(f"/v1/jobs/{job_id}").json()["client_reference_id"] == reference


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {f"key{n}": "v" for n in range(20)},
        {"k" * 40: "v" * 500},
        {"é" * 40: "🧥" * 500},
        {"k": ""},
    ],
)
def test_metadata_up_to_its_limits_comes_back_unchanged(test, metadata):
    job_id = test.submit_job(metadata=metadata)
    assert test.get(f"/v1/jobs/{job_id}").json()["metadata"] == metadata
    assert test.get("/v1/jobs").json()["jobs"][0]["metadata"] == metadata


@pytest.mark.parametrize(
    "metadata",
    [
        {f"key{n}": "v" for n in range(21)},
        {"k" * 41: "v"},
        {"k": "v" * 501},
        {"k": 1},
        {"k": True},
        {"k": None},
        {"k": {"deeper": "v"}},
        {"k": ["v"]},
        {"k\x00": "v"},
        {"k": "v\x00"},
        [],
        "text",
        1,
    ],
)
def test_metadata_is_a_flat_map_of_strings(test, metadata):
    refused_field(test.submit(metadata=metadata), "metadata")


# The body itself


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"{'single': 'quotes'}",
        b'{"a": 1,}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 01}',
        b"[]",
        b"[{}]",
        b'"text"',
        b"1",
        b"null",
        b"true",
        b"\xff\xfe{\x00}\x00",
        b'{"a": "\xff"}',
        b'\xef\xbb\xbf{"a": "a byte order mark"}',
        b'{"a": "\\ud800"}',
        b'{"\\udfff": "a"}',
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b'{"a":' * 25 + b"1" + b"}" * 25,
        b'{"a": ' + b"9" * 5_000 + b"}",
        "{}".encode("utf-16"),
    ],
)
def test_a_body_that_is_no_sane_json_object_is_refused(test, body):
    refusal(test.tryon(body), 422, "validation_error")
    assert not Job.objects.exists()


@pytest.mark.parametrize("extra", [{"a": 1e308}, {"a": 10**300}, {"a": [[[[]]]]}, {"a": "\\u0000"}, {"__proto__": {}}])
def test_unknown_fields_may_hold_anything_that_is_json(test, extra):
    assert test.submit(**extra).status_code == 202


def test_of_a_field_sent_twice_the_last_one_counts(test):
    body = json.dumps(MINIMAL)[:-1] + ', "client_reference_id": "first", "client_reference_id": "last"}'
    job_id = test.tryon(body).json()["job_id"]
    assert Job.objects.get(id=job_id).client_reference_id == "last"


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_declared_in_any_spelling(test, content_type):
    assert test.post("/v1/tryon", json.dumps(MINIMAL), content_type=content_type).status_code == 202


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "nonsense"])
def test_json_is_utf_8_whatever_charset_is_declared(test, charset):
    body = json.dumps({**MINIMAL, "client_reference_id": "é"}, ensure_ascii=False).encode()
    response = test.generic("POST", "/v1/tryon", body, content_type=f"application/json; charset={charset}")
    assert response.status_code == 202
    assert Job.objects.get().client_reference_id == "é"


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/json",
        "application/xml",
        "application/jsonx",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/vnd.api+json",
        "nonsense",
    ],
)
def test_what_is_not_declared_as_json_is_415(test, content_type):
    response = test.generic("POST", "/v1/tryon", json.dumps(MINIMAL), content_type=content_type)
    refusal(response, 415, "unsupported_media_type")


def test_a_body_has_at_most_64_kib(test):
    body = json.dumps(MINIMAL).encode()
    assert test.tryon(body.ljust(64 * 1024)).status_code == 202
    refusal(test.tryon(body.ljust(64 * 1024 + 1)), 413, "payload_too_large")


@pytest.mark.parametrize("length", ["", "-1", "1.5", "nonsense", "٣", "9" * 5000])
def test_a_body_without_a_usable_content_length_is_refused(test, length):
    response = test.generic("POST", "/v1/tryon", json.dumps(MINIMAL), CONTENT_LENGTH=length)
    refusal(response, 422, "validation_error")


# Workspaces


def test_a_job_goes_to_the_oldest_active_workspace_unless_told(world, test):
    second = organisations.create_workspace(world.organisation, "Autumn", actor="user:test")
    assert test.get(f"/v1/jobs/{test.submit_job()}").json()["workspace_id"] == world.alice.workspace_id
    told = test.submit_job(workspace_id=second.id)
    assert test.get(f"/v1/jobs/{told}").json()["workspace_id"] == second.id
    Workspace.objects.filter(id=world.alice.workspace_id).update(status=Workspace.Status.ARCHIVED)
    assert test.get(f"/v1/jobs/{test.submit_job()}").json()["workspace_id"] == second.id


def test_an_unknown_foreign_or_archived_workspace_is_not_found(world, live):
    archived = organisations.create_workspace(world.organisation, "Spring", actor="user:test")
    Workspace.objects.filter(id=archived.id).update(status=Workspace.Status.ARCHIVED)
    for workspace_id in (world.charlie.workspace_id, archived.id, ids.new("ws"), ids.new("job"), "x", "", "ws_é"):
        refusal(live.submit(workspace_id=workspace_id), 404, "workspace_not_found")
    assert ledger.balance(world.alice.org_id).available == 100


def test_without_any_active_workspace_nothing_can_be_submitted(test):
    Workspace.objects.update(status=Workspace.Status.ARCHIVED)
    refusal(test.submit(), 404, "workspace_not_found")


# What it costs the database


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "once"}])
def test_a_live_submit_takes_at_most_six_statements(live, django_assert_max_num_queries, headers):
    """BEGIN and COMMIT aside, and the note of when the key was used, which is written once a minute."""
    live.get("/v1/account")
    with django_assert_max_num_queries(6 + 2) as captured:
        assert live.submit(headers=headers).status_code == 202
    framing = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    statements = [query["sql"] for query in captured if not query["sql"].startswith(framing)]
    assert len(statements) <= 6, statements


def test_a_picture_on_an_ordinary_host_is_not_touched_at_submit(live):
    """The name does not exist, which only the download can show."""
    live.submit_job(model_image_url="https://does-not-exist.invalid/a.jpg", garment_image_url=PICTURE)
