"""A client of `/v1` for tests, and what every refusal has to look like."""

from typing import Any

from django.test import Client

SUCCESS = "https://test.zupertry.com/success.jpg"
"""A picture that a test key may submit and that nobody downloads."""

PICTURE = "https://pictures.example.com/person.jpg"
"""A picture that a live key may submit; a test that only submits it never downloads it."""


class ApiClient(Client):
    """Django's test client with an API key. A dict sent with `post` is sent as JSON."""

    def __init__(self, key: str = "", **kwargs: Any) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else None
        super().__init__(headers=headers, **kwargs)
        self.picture = PICTURE if "_live_" in key else SUCCESS

    def tryon(self, body: Any, **kwargs: Any) -> Any:
        """Send `POST /v1/tryon` with this body: bytes or text as they are, anything else as JSON."""
        return self.post("/v1/tryon", body, content_type="application/json", **kwargs)

    def submit(self, *, headers: dict[str, str] | None = None, **fields: Any) -> Any:
        """Submit a try-on with two usable pictures, except for what `fields` says."""
        body = {"model_image_url": self.picture, "garment_image_url": self.picture, **fields}
        return self.tryon(body, headers=headers)

    def submit_job(self, **fields: Any) -> str:
        """Submit a try-on, which has to be accepted, and return the job's id."""
        response = self.submit(**fields)
        assert response.status_code == 202, response.content
        job_id: str = response.json()["job_id"]
        return job_id


def refusal(response: Any, status: int, code: str) -> dict[str, Any]:
    """Return the `error` of an answer that has to be the envelope with this status and code, and nothing else."""
    assert response.status_code == status, (response.status_code, response.content)
    assert response.headers["Content-Type"] == "application/json"
    body: dict[str, Any] = response.json()
    assert set(body) == {"error"}
    error: dict[str, Any] = body["error"]
    assert error["code"] == code, error
    assert set(error) - {"fields"} == {"code", "message", "request_id"}
    assert error["message"].strip()
    assert error["request_id"] == response.headers["X-Request-Id"]
    if "fields" in error:
        assert code == "validation_error"
        assert all(messages and all(map(str.strip, messages)) for messages in error["fields"].values())
    return error


def refused_field(response: Any, field: str) -> str:
    """Return the message of an answer that has to be a `validation_error` about this field alone."""
    error = refusal(response, 422, "validation_error")
    assert list(error["fields"]) == [field]
    return " ".join(error["fields"][field])
