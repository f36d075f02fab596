"""A person before the dashboard, without a browser: fills in forms, keeps cookies, follows redirects."""

import re
from urllib.parse import urljoin

import requests

from zupertry.testing.service import Service

TIMEOUT_SECONDS = 30.0
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Visitor:
    """Somebody new. `tokens` are the anti-forgery tokens that pages have shown so far."""

    def __init__(self, service: Service) -> None:
        self.tokens: set[str] = set()
        self._url = service.url
        self._session = requests.Session()
        self._session.trust_env = False

    @property
    def cookies(self) -> dict[str, str]:
        """What the browser would keep."""
        return {cookie.name: cookie.value or "" for cookie in self._session.cookies}

    def get(self, address: str) -> str:
        """Return the page at an address, whatever its status."""
        page = self._session.get(urljoin(self._url, address), timeout=TIMEOUT_SECONDS).text
        self.tokens.update(_TOKEN.findall(page))
        return page

    def submit(self, page: str, fields: dict[str, str], *, to: str = "") -> str:
        """Fill in the form on a page, which goes to itself unless `to` is given, and return the page that follows."""
        token = _TOKEN.search(self.get(page))
        assert token, f"there is no form at {page}"
        address = urljoin(self._url, to or page)
        headers = {"Referer": address, "Origin": self._url}
        data = {**fields, "csrfmiddlewaretoken": token[1]}
        answer = self._session.post(address, data, headers=headers, timeout=TIMEOUT_SECONDS)
        assert answer.status_code < 400, (address, answer.status_code, answer.text[-2000:])
        self.tokens.update(_TOKEN.findall(answer.text))
        return answer.text
