"""What live jobs run on. No call that costs anything is made."""

from collections.abc import Iterator

import urllib3
from django.conf import settings

from tryon.engines.vertex import google_endpoint
from zupertry.doctor.finding import Finding, broken, explained, ok, warning

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
ENDPOINT_SECONDS = 4.0


def engine() -> Iterator[Finding]:
    """Look at the engine that `TRYON_ENGINE` names."""
    return _vertex() if settings.TRYON_ENGINE == "vertex" else _local()


def _local() -> Iterator[Finding]:
    """Load the networks, as the engine's child process does."""
    from tryon.engines.local.models import load_all

    yield ok(f"local: its {load_all()} models load")


def _vertex() -> Iterator[Finding]:
    """Have Google give a token for the credentials, and reach the endpoint."""
    # Google's libraries take a second to import: nobody else in this package needs them.
    import google.auth
    import google.auth.transport.requests
    from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError

    key = settings.GOOGLE_APPLICATION_CREDENTIALS or "this machine's own credentials"
    try:
        credentials, _ = google.auth.default(scopes=[SCOPE])
        credentials.refresh(google.auth.transport.requests.Request())  # type: ignore[no-untyped-call]
    except DefaultCredentialsError as error:
        yield broken(
            f"vertex: there are no credentials ({explained(error)}).",
            "Point GOOGLE_APPLICATION_CREDENTIALS at the key file of a service account with the role Vertex AI User.",
        )
        return
    except TransportError as error:
        found = f"vertex: Google's token server can't be reached ({explained(error)})."
        if settings.TRYON_ENGINES["vertex"]["OPTIONS"]["api_endpoint"]:  # where the engine signs tokens by itself
            yield warning(found, "Where nothing but VERTEX_API_ENDPOINT can be reached, that is as it should be.")
        else:
            yield broken(found, "Let this machine reach oauth2.googleapis.com, or its metadata server.")
            return
    except RefreshError as error:
        yield broken(
            f"vertex: Google gives no token for {key} ({explained(error)}).",
            "The key was deleted or disabled, or the clock is wrong: make a new key for the service account.",
        )
        return
    yield _endpoint(str(key))


def _endpoint(key: str) -> Finding:
    options = settings.TRYON_ENGINES["vertex"]["OPTIONS"]
    url = options["api_endpoint"] or google_endpoint(options["location"])
    with urllib3.PoolManager(timeout=ENDPOINT_SECONDS, retries=False) as http:
        try:
            http.request("HEAD", url, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            return broken(
                f"vertex: {url} can't be reached ({type(error).__name__}).",
                "Check VERTEX_LOCATION and VERTEX_API_ENDPOINT, and that this machine may connect there.",
            )
    return ok(f"vertex: Google gives a token for {key}, and {url} is there")
