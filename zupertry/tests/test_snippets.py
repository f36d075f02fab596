"""The programs that the API reference shows do what it says."""

import json
import re
import runpy
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.webhooks.signing import SigningSecrets, generate_secret, headers
from zupertry.docs.conventions import SNIPPETS
from zupertry.testing.page import Element, parse
from zupertry.testing.service import Service

RUN = {
    "curl": ["bash", "-e", "-c"],
    "Python": [sys.executable, "-c"],
    "JavaScript": ["node", "--input-type=module", "-e"],
}
JOB_ID = re.compile(r"job_[0-9a-v]{26}")
BODY = '{"type":"job.completed","data":{"name":"Zoë"}}'.encode()


class Python:
    """The Python program, as a receiver of webhooks would call it."""

    program = runpy.run_path(str(SNIPPETS / "verify_webhook.py"))

    def verify(self, body: bytes, signed: dict[str, str], secret: str) -> Any:
        return self.program["verify_webhook"](body, signed, secret)

    def simple(self, body: bytes, signature: str, secret: str) -> bool:
        return bool(self.program["verify_signature"](body, signature, secret))


class Elsewhere:
    """A program in another language, likewise: `call` is run with the body in hex and the other arguments as JSON."""

    command: tuple[str, ...]
    call: str
    names = ("verify_webhook", "verify_signature")

    def verify(self, body: bytes, signed: dict[str, str], secret: str) -> Any:
        return self._call(self.names[0], body, {name.lower(): value for name, value in signed.items()}, secret)

    def simple(self, body: bytes, signature: str, secret: str) -> bool:
        return bool(self._call(self.names[1], body, signature, secret))

    def _call(self, function: str, body: bytes, *arguments: Any) -> Any:
        program = self.call.replace("FUNCTION", function).replace("SNIPPETS", str(SNIPPETS))
        command = [*self.command, program, "--", body.hex(), json.dumps(arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise ValueError(done.stderr + done.stdout)
        return json.loads(done.stdout)


class Node(Elsewhere):
    command = ("node", "--input-type=module", "-e")
    names = ("verifyWebhook", "verifySignature")
    call = """
        import { FUNCTION } from "file://SNIPPETS/verify_webhook.mjs";
        const [body, rest] = process.argv.slice(-2);
        console.log(JSON.stringify(FUNCTION(Buffer.from(body, "hex"), ...JSON.parse(rest))));
    """


class Php(Elsewhere):
    command = ("php", "-r")
    call = """
        require "SNIPPETS/verify_webhook.php";
        [$body, $rest] = array_slice($argv, -2);
        echo json_encode(FUNCTION(hex2bin($body), ...json_decode($rest, true)));
    """


class Ruby(Elsewhere):
    command = ("ruby", "-e")
    call = """
        require "SNIPPETS/verify_webhook.rb"
        body, rest = ARGV.last(2)
        puts JSON.generate(FUNCTION([body].pack("H*"), *JSON.parse(rest)))
    """


def where_found(language: type[Elsewhere]) -> Any:
    program = language.command[0]
    return pytest.param(language, marks=pytest.mark.skipif(not shutil.which(program), reason=f"needs {program}"))


@pytest.fixture(params=[Python, *map(where_found, (Node, Php, Ruby))])
def verifier(request):
    return request.param()


def signed(moment: datetime | None = None, *, current: str, previous: str = "") -> dict[str, str]:
    """Return the headers of a delivery of this moment, or of now."""
    return headers(BODY, "evt_1", moment or datetime.now(UTC), SigningSecrets(current, previous))


def test_the_program_returns_an_event_that_was_signed_by_us(verifier):
    secret = generate_secret()

    assert verifier.verify(BODY, signed(current=secret), secret) == json.loads(BODY)
    assert verifier.simple(BODY, signed(current=secret)["X-Zupertry-Signature"], secret)


def test_during_a_rotation_the_program_accepts_both_secrets(verifier):
    new, old = generate_secret(), generate_secret()
    both = signed(current=new, previous=old)

    assert verifier.verify(BODY, both, new) == verifier.verify(BODY, both, old) == json.loads(BODY)
    assert verifier.simple(BODY, both["X-Zupertry-Signature"], old)


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        (BODY + b" ", {}),
        (BODY, {"webhook-id": "evt_2"}),
        (BODY, {"webhook-timestamp": str(int(time.time()) - 100)}),
        (BODY, {"webhook-timestamp": ""}),
        (BODY, {"webhook-timestamp": "soon"}),
        (BODY, {"webhook-signature": ""}),
        (BODY, {"webhook-signature": "v1,c2hvcnQ="}),
        (BODY, {"webhook-signature": "v1,ü"}),
    ],
)
def test_the_program_refuses_what_we_did_not_sign(verifier, body, changed):
    secret = generate_secret()
    sent = signed(datetime.now(UTC) - timedelta(seconds=2), current=secret)

    with pytest.raises(ValueError, match="webhook"):
        verifier.verify(body, {**sent, **changed}, secret)


def test_the_program_refuses_what_is_old_or_signed_by_another(verifier):
    secret = generate_secret()

    with pytest.raises(ValueError, match="too old"):
        verifier.verify(BODY, signed(datetime.now(UTC) - timedelta(minutes=6), current=secret), secret)
    with pytest.raises(ValueError, match="does not fit"):
        verifier.verify(BODY, signed(current=generate_secret()), secret)
    with pytest.raises(ValueError, match="unsigned"):
        verifier.verify(BODY, {}, secret)
    for signature in ("", "0" * 64, "ü"):
        assert not verifier.simple(BODY, signature, secret)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.mark.parametrize("language", RUN)
def test_the_samples_run_as_they_stand_with_a_test_key(service, inside, language):
    if not shutil.which(RUN[language][0]):
        pytest.skip(f"needs {RUN[language][0]}")
    environment = {**service.environment, "ZUPERTRY_KEY": inside.bootstrap(service).test_key}
    programs = programs_in(language, service)

    accepted = run(language, programs.pop("createTryOn"), environment)
    job_id = the_job(accepted)
    done = {
        operation: run(language, program, {**environment, "JOB_ID": job_id}) for operation, program in programs.items()
    }

    assert re.search("job_not_cancellable|409", done["cancelJob"].stdout + done.pop("cancelJob").stderr)
    for operation, process in done.items():
        assert process.returncode == 0, f"{operation}: {process.stderr}"
        assert not process.stdout.startswith('{"error"'), f"{operation}: {process.stdout}"
    assert "completed" in done["getJob"].stdout


@pytest.mark.parametrize("language", RUN)
def test_the_submit_that_is_run_again_with_another_picture_is_another_job(service, inside, language):
    if not shutil.which(RUN[language][0]):
        pytest.skip(f"needs {RUN[language][0]}")
    environment = {**service.environment, "ZUPERTRY_KEY": inside.bootstrap(service).test_key}
    program = programs_in(language, service)["createTryOn"]
    programs = [program, program, program.replace("success.jpg", "slow.jpg", 1)]

    made = {the_job(run(language, program, environment)) for program in programs}

    assert len(made) == 3


def test_the_sample_that_tries_again_makes_one_job_each_time_it_is_run(service, inside):
    environment = {**service.environment, "ZUPERTRY_KEY": inside.bootstrap(service).test_key}
    samples = [code.text for code in page_of(service, "/docs/try-on").all("code")]
    [program] = [sample for sample in samples if "--retry" in sample]
    key, _, request = program.partition("\n\n")

    runs = [run("curl", f"{key}\n{request}\n{request}", environment) for _ in range(2)]

    made = [set(JOB_ID.findall(done.stdout)) for done in runs]
    assert [len(jobs) for jobs in made] == [1, 1]
    assert made[0] != made[1]


def the_job(accepted: "subprocess.CompletedProcess[str]") -> str:
    assert "error" not in accepted.stdout + accepted.stderr
    [job_id] = JOB_ID.findall(accepted.stdout)
    return str(job_id)


def page_of(service: Service, path: str) -> Element:
    with urllib.request.urlopen(f"{service.url}{path}") as answer:
        return parse(answer.read().decode())


def programs_in(language: str, service: Service) -> dict[str, str]:
    """The programs of one language on the page, by operation."""
    page = page_of(service, "/docs/api")
    return {
        article.attributes["id"]: figure.all("code")[0].text
        for article in page.all("article")
        for figure in article.all("figure")
        if figure.all("figcaption")[0].text == language
    }


def run(language: str, program: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*RUN[language], program], capture_output=True, text=True, timeout=60, env=environment)
