"""What every endpoint under `/v1` shares: strict JSON in, JSON out, and one error envelope."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import IO, Any

import structlog
from django.core.exceptions import TooManyFieldsSent
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions, serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from zupertry.core.errors import Refusal, broken_request, envelope, internal_error, service_unavailable
from zupertry.core.ratelimit import Window
from zupertry.core.requests import request_id

MAX_BODY_BYTES = 64 * 1024
MAX_DEPTH = 20

log = structlog.get_logger(__name__)


class AlwaysJSON(BaseContentNegotiation):
    """Answers JSON whatever `Accept` or `?format` says."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Return the parser if the body is declared as JSON."""
        content_type = request.content_type.partition(";")[0].strip().lower()
        return parsers[0] if content_type == "application/json" else None

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the JSON renderer."""
        return renderers[0], renderers[0].media_type


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


class StrictJSONParser(JSONParser):
    """Parses a JSON object of a sane depth that UTF-8 can hold."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the object. Raises `Refusal` (`validation_error`) for anything else."""
        try:
            body = json.loads(stream.read().decode(), parse_constant=_refuse_constant)
            json.dumps(body, ensure_ascii=False).encode()
        except RecursionError as error:
            raise _malformed("it is nested too deeply") from error
        except UnicodeError as error:
            raise _malformed("it is not valid UTF-8") from error
        except ValueError as error:
            raise _malformed(str(error)) from error
        if not isinstance(body, dict):
            raise _malformed("it is not an object")
        if _depth(body) > MAX_DEPTH:
            raise _malformed("it is nested too deeply")
        return body


def _malformed(why: str) -> Refusal:
    return Refusal(
        "validation_error", f"The body can't be read as JSON: {why}. Send one JSON object, encoded as UTF-8."
    )


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def check_body(request: Request) -> None:
    """Refuse, before reading it, a body whose length is unknown or too large."""
    if request.method not in {"POST", "PUT", "PATCH"}:
        return
    length = str(request.META.get("CONTENT_LENGTH") or "")
    if not re.fullmatch(r"[0-9]{1,18}", length):
        raise Refusal("validation_error", "The request has no Content-Length. Send the body's length in bytes.")
    if int(length) > MAX_BODY_BYTES:
        raise Refusal("payload_too_large", f"The body has {length} bytes; at most {MAX_BODY_BYTES} are accepted.")
    if request.content_type.partition(";")[0].strip().lower() != "application/json":
        raise exceptions.UnsupportedMediaType(request.content_type)


class ApiViewSet(GenericViewSet[Any]):
    """The base of every endpoint under `/v1`."""

    parser_classes = [StrictJSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJSON
    metadata_class = None
    rate_limit_window: Window | None = None
    http_method_names = ["get", "head", "post", "delete"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check in the contract's order: authentication, suspension, rate limit, then the body."""
        super().initial(request, *args, **kwargs)
        if (
            request.method
            and request.method.lower() in self.http_method_names
            and hasattr(self, request.method.lower())
        ):
            check_body(request)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Tell an authenticated caller how its rate limit stands."""
        finalized: Response = super().finalize_response(request, response, *args, **kwargs)
        if window := self.rate_limit_window:
            finalized["RateLimit-Limit"] = str(window.limit)
            finalized["RateLimit-Remaining"] = str(window.remaining)
            finalized["RateLimit-Reset"] = str(window.reset_seconds)
        return finalized


def _messages(detail: Any) -> list[str]:
    if isinstance(detail, Mapping):
        return [f"{key}: {message}" for key, inner in detail.items() for message in _messages(inner)]
    if isinstance(detail, Sequence) and not isinstance(detail, str):
        return [message for inner in detail for message in _messages(inner)]
    return [str(detail)]


def _invalid(error: exceptions.ValidationError) -> Refusal:
    details = error.detail if isinstance(error.detail, Mapping) else {"body": error.detail}
    fields = {str(name): _messages(detail) for name, detail in details.items()}
    first, messages = next(iter(fields.items()))
    return Refusal("validation_error", f"{first}: {messages[0]}", fields=fields)


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """Answer what a view raised. What nobody foresaw is logged, and told to those who listen for crashes."""
    refusal = _refusal_for(error, context)
    if refusal is None:
        log.exception("view_crashed")
        got_request_exception.send(sender=None, request=context["request"]._request)
        refusal = internal_error()
    return Response(envelope(refusal, request_id()), status=refusal.status, headers=refusal.headers)


def _refusal_for(error: Exception, context: Mapping[str, Any]) -> Refusal | None:
    match error:
        case Refusal():
            return error
        case exceptions.ValidationError():
            return _invalid(error)
        case Http404():
            return not_found()
        case exceptions.MethodNotAllowed():
            allowed = ", ".join(context["view"].allowed_methods)
            return Refusal("method_not_allowed", f"This address answers {allowed} only.", headers={"Allow": allowed})
        case exceptions.UnsupportedMediaType():
            return Refusal(
                "unsupported_media_type", "The body has to be JSON: send it with Content-Type: application/json."
            )
        case TooManyFieldsSent():
            return broken_request("Its query has too many parameters")
        case UnreadablePostError():
            return broken_request("Its connection ended before its body did")
        case OperationalError() | InterfaceError():
            log.exception("database_down")
            return service_unavailable("The database")
    return None


def not_found() -> Refusal:
    """Return the refusal for a route that does not exist."""
    return Refusal("not_found", "There is nothing at this address. GET /v1/openapi.json lists what there is.")


class StrictCharField(serializers.CharField):
    """A string that is a string: a number or a boolean is refused, and spaces are kept."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"trim_whitespace": False, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        """Return the string unchanged."""
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class AbsentWhenNull(serializers.Serializer[Any]):
    """A serializer to which `null` means that the field was not sent."""

    def to_internal_value(self, data: Any) -> Any:
        """Drop what is null, then validate the rest."""
        return super().to_internal_value({name: value for name, value in data.items() if value is not None})


def timestamp(moment: datetime) -> str:
    """Return ISO 8601 in UTC with milliseconds and `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


class TimestampField(serializers.DateTimeField):
    """A moment, written as `timestamp` writes it."""

    def to_representation(self, value: datetime) -> str:
        """Return the moment as text."""
        return timestamp(value)
