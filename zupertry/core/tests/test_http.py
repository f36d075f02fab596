import gzip
import socket
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from time import monotonic, sleep

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from zupertry.core import http
from zupertry.testing import pictures
from zupertry.testing.pictures import PictureServer

SHORT = 0.4
"""Seconds for requests that are meant to run out of time."""


@pytest.fixture(autouse=True)
def _loopback_allowed(settings):
    settings.OUTBOUND_ALLOWED_NETWORKS = [ip_network("127.0.0.1/32")]


@pytest.fixture
def server():
    with PictureServer() as server:
        yield server


@pytest.fixture
def names(monkeypatch):
    """A DNS: host name → addresses, or (address, port) pairs; unknown names do not resolve. Counts its questions."""
    return FakeDNS(monkeypatch)


class FakeDNS(dict):
    def __init__(self, monkeypatch):
        self.questions = []
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self.getaddrinfo)

    def getaddrinfo(self, host, port, *args):
        self.questions.append(host)
        answers = self.get(host, [])
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        pairs = [answer if isinstance(answer, tuple) else (answer, port) for answer in answers]
        return [info for address, at in pairs for info in self._real(address, at, *args)]


def get(url, **options):
    return http.request("GET", url, **{"total_timeout": 5, "max_bytes": 1_000, **options})


def assert_runs_out_of_time(url, **options):
    started = monotonic()
    with pytest.raises(http.DeadlineExceededError):
        get(url, total_timeout=SHORT, **options)
    assert monotonic() - started < SHORT + 1


def test_a_get_returns_status_headers_body_and_url(server):
    url = server.add("/a", pictures.content(b"pixels", "image/png"))
    response = get(url)
    assert (response.status, response.body, response.url) == (200, b"pixels", url)
    assert response.headers["content-type"] == "image/png"


def test_a_request_carries_our_name_and_no_more_than_needed(server, monkeypatch, tmp_path):
    """No proxy, cookie or stored password is used, whatever the environment offers."""
    seen = {}
    url = server.add("/a", lambda request: (seen.update(request.headers), request.answer(200, {"Set-Cookie": "a=b"})))
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login alice password secret")
    monkeypatch.setenv("HOME", str(tmp_path))
    with PictureServer() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        get(url)
        get(url)
        assert proxy.connections == 0
    assert seen == {
        "Host": f"127.0.0.1:{server.port}",
        "User-Agent": http.USER_AGENT,
        "Accept-Encoding": "identity",
        "Connection": "close",
    }


def test_a_post_sends_headers_and_body_and_returns_any_status(server):
    seen = {}

    def receive(request):
        seen.update(request.headers, body=request.rfile.read(int(request.headers["Content-Length"])))
        request.answer(503, {}, b"busy")

    url = server.add("/hook", receive)
    response = http.request(
        "POST", url, headers={"X-Signature": "ab"}, body=b'{"a":1}', total_timeout=5, max_bytes=1_000
    )
    assert (response.status, response.body) == (503, b"busy")
    assert (seen["X-Signature"], seen["body"]) == ("ab", b'{"a":1}')


class TestAddresses:
    def test_a_literal_private_address_is_refused_without_connecting(self, server, settings):
        settings.OUTBOUND_ALLOWED_NETWORKS = []
        with pytest.raises(http.ForbiddenAddressError, match="private or reserved"):
            get(server.url("/a"))
        assert server.connections == 0

    @pytest.mark.parametrize(
        "addresses",
        [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["::1"], ["64:ff9b::7f00:1"], ["0.0.0.0"]],
    )
    def test_a_name_with_any_private_address_is_refused_without_connecting(self, server, settings, names, addresses):
        settings.OUTBOUND_ALLOWED_NETWORKS = []
        names["shop.example"] = addresses
        with pytest.raises(http.ForbiddenAddressError, match="private or reserved"):
            get(server.url("/a", host="shop.example"))
        assert server.connections == 0

    def test_a_name_is_resolved_once_and_the_connection_goes_to_that_answer(self, server, names):
        """A second answer would be the attacker's chance to point the name inside."""
        names["shop.example"] = ["127.0.0.1"]
        seen = []
        server.add("/a", lambda request: (seen.append(request.headers["Host"]), request.answer(200, {})))
        assert get(server.url("/a", host="shop.example")).status == 200
        assert names.questions == ["shop.example"]
        assert seen == [f"shop.example:{server.port}"]

    def test_the_next_address_is_tried_when_one_does_not_answer(self, server, names):
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            closed = nobody.getsockname()[1]
        names["shop.example"] = [("127.0.0.1", closed), ("127.0.0.1", server.port)]
        assert get(server.url("/a", host="shop.example")).status == 404

    def test_localhost_means_the_ipv4_loopback(self, server):
        assert get(server.url("/a", host="localhost")).status == 404


class TestRedirects:
    def test_relative_and_absolute_redirects_are_followed_and_looked_up_afresh(self, server, names):
        names.update({"shop.example": ["127.0.0.1"], "cdn.example": ["127.0.0.1"]})
        server.add("/1", pictures.redirect("2", 301))
        server.add("/2", pictures.redirect(server.url("/3", host="cdn.example"), 307))
        server.add("/3", pictures.redirect("/bücher.jpg".encode().decode("latin-1"), 303))
        server.add("/b%C3%BCcher.jpg", pictures.content(b"here", "image/png"))
        response = get(server.url("/1", host="shop.example"), max_redirects=3)
        assert (response.body, response.url) == (b"here", server.url("/bücher.jpg", host="cdn.example"))
        assert names.questions == ["shop.example", "shop.example", "cdn.example", "cdn.example"]

    def test_a_redirect_may_lead_to_a_url_longer_than_customers_may_send(self, server):
        """Signed URLs of object stores are."""
        url = server.add("/moved", pictures.redirect("/a?" + "x" * 3_000))
        server.add("/a", pictures.status(200, b"here"))
        assert get(url, max_redirects=1).body == b"here"

    def test_one_redirect_too_many_is_an_error(self, server):
        url = server.add("/loop", pictures.redirect("/loop"))
        with pytest.raises(http.TooManyRedirectsError, match="more than 3 times"):
            get(url, max_redirects=3)
        assert server.requests["/loop"] == 4

    def test_a_redirect_is_an_ordinary_answer_when_none_are_wanted(self, server):
        url = server.add("/moved", pictures.redirect("/elsewhere"))
        assert get(url).status == 302
        assert server.requests["/elsewhere"] == 0

    @pytest.mark.parametrize(
        "location",
        [
            "http://169.254.169.254/latest/meta-data/",
            "http://10.0.0.1/",
            "//2130706434/",
            "http://[::1]/",
            "http://inside.example/",
            "http://alice:secret@127.0.0.1/",
            "ftp://127.0.0.1/a.jpg",
            "file:///etc/passwd",
            "http://[/",
            "http://a b/",
        ],
    )
    def test_a_redirect_to_what_may_not_be_reached_is_refused(self, server, names, location):
        names.update({"127.0.0.1": ["127.0.0.1"], "inside.example": ["10.0.0.1"]})
        url = server.add("/moved", pictures.redirect(location))
        with pytest.raises(http.ForbiddenAddressError):
            get(url, max_redirects=3)
        assert server.connections == 1

    def test_the_body_of_a_redirect_is_not_waited_for(self, server):
        url = server.add("/moved", pictures.raw(b"HTTP/1.1 302 Found\r\nLocation: /a\r\n\r\n", forever=b"x", every=0.1))
        server.add("/a", pictures.status(200, b"here"))
        assert get(url, max_redirects=1).body == b"here"


class TestDeadline:
    @pytest.mark.parametrize(
        "behaviour",
        [
            pictures.hang(),
            pictures.trickled_headers(),
            pictures.trickled_body(),
            pictures.raw(forever=b"HTTP/1.1 100 Continue\r\n\r\n", every=0.05),
            pictures.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", forever=b"1\r\nx\r\n", every=0.1),
            pictures.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", forever=b"x", every=0.1),
        ],
        ids=["hang", "headers", "body", "continue", "chunks", "length"],
    )
    def test_no_way_of_answering_slowly_outlasts_it(self, server, behaviour):
        assert_runs_out_of_time(server.add("/slow", behaviour))

    def test_redirects_share_it(self, server):
        def slow_loop(request):
            request.pause(SHORT / 2)
            request.answer(302, {"Location": "/loop", "Content-Length": "0"})

        assert_runs_out_of_time(server.add("/loop", slow_loop), max_redirects=10)

    def test_a_slow_resolver_does_not_outlast_it(self, monkeypatch):
        done = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args: done.wait(10) and [])
        assert_runs_out_of_time("http://shop.example/")
        done.set()

    def test_a_silent_tls_handshake_does_not_outlast_it(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            assert_runs_out_of_time(f"https://127.0.0.1:{listener.getsockname()[1]}/")

    def test_a_trickled_tls_handshake_does_not_outlast_it(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=trickle_a_handshake, args=[listener], daemon=True).start()
            assert_runs_out_of_time(f"https://127.0.0.1:{listener.getsockname()[1]}/")

    def test_a_reader_that_never_takes_our_body_does_not_outlast_it(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            assert_runs_out_of_time(f"http://127.0.0.1:{listener.getsockname()[1]}/", body=bytes(30_000_000))


def trickle_a_handshake(listener):
    """Begin a TLS record of 4,000 bytes, and send it one byte each 50 ms until the client is gone."""
    connection, _ = listener.accept()
    with connection, suppress(ConnectionError):
        connection.sendall(b"\x16\x03\x03\x0f\xa0\x02\x00\x0f\x9c")
        while True:
            sleep(0.05)
            connection.sendall(b"x")


class TestSize:
    def test_a_body_of_just_the_limit_is_returned_whole(self, server):
        assert len(get(server.add("/a", pictures.status(200, bytes(1_000)))).body) == 1_000

    @pytest.mark.parametrize(
        "behaviour",
        [
            pictures.status(200, bytes(1_001)),
            pictures.wrong_length(b"x", 1_001),
            pictures.endless_body(),
            pictures.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", forever=bytes(9_999)),
            pictures.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", forever=bytes(9_999)),
            pictures.compressed(gzip.compress(bytes(10_000_000)), "gzip"),
        ],
        ids=["length", "claimed", "endless", "chunk", "negative chunk", "bomb"],
    )
    def test_a_larger_body_is_refused(self, server, behaviour):
        with pytest.raises(http.TooLargeError, match="1,000 bytes"):
            get(server.add("/a", behaviour))

    @pytest.mark.parametrize("behaviour", [pictures.status(200, bytes(1_001)), pictures.endless_body()])
    def test_a_larger_body_is_cut_when_asked(self, server, behaviour):
        assert len(get(server.add("/a", behaviour), truncate=True).body) == 1_000

    def test_a_compressed_body_is_decompressed(self, server):
        assert get(server.add("/a", pictures.compressed(gzip.compress(b"pixels"), "gzip"))).body == b"pixels"


class TestUnreachable:
    @pytest.mark.parametrize(
        ("behaviour", "sentence"),
        [
            (pictures.close_early(), "broke off"),
            (pictures.wrong_length(b"half", 900), "broke off"),
            (pictures.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf"), "broke off"),
            (pictures.raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "not valid HTTP"),
            (pictures.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "broke off"),
            (pictures.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nx"), "not valid HTTP"),
            (pictures.raw(b"HTTP/1.1 200 OK\r\n", forever=b"X-A: b\r\n"), "not valid HTTP"),
            (pictures.raw(b"HTTP/1.1 200 OK\r\nX-A: ", forever=bytes(9_999)), "not valid HTTP"),
            (pictures.compressed(b"no gzip at all", "gzip"), "not valid HTTP"),
        ],
    )
    def test_an_answer_that_is_not_http_is_told_in_a_sentence(self, server, behaviour, sentence):
        with pytest.raises(http.UnreachableError, match=sentence):
            get(server.add("/a", behaviour))

    def test_nobody_listening(self):
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            closed = nobody.getsockname()[1]
        with pytest.raises(http.UnreachableError, match="refused"):
            get(f"http://127.0.0.1:{closed}/")

    def test_a_host_that_does_not_accept_in_time(self):
        """The listener's queue is full, so that the kernel leaves the next connection unanswered."""
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
            address = listener.getsockname()
            queued = [socket.socket() for _ in range(4)]
            for sock in queued:
                sock.setblocking(False)
                sock.connect_ex(address)
            with pytest.raises(http.UnreachableError, match="in time"):
                get(f"http://127.0.0.1:{address[1]}/", connect_timeout=0.2)
            for sock in queued:
                sock.close()

    @pytest.mark.parametrize("host", ["nowhere.example", "x" * 64 + ".example"])
    def test_a_name_that_does_not_resolve(self, names, host):
        with pytest.raises(http.UnreachableError, match="does not resolve"):
            get(f"http://{host}/")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with the key and the certificate of shop.example, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("tls") / "shop.pem"
    path.write_bytes(pem + signed.public_bytes(serialization.Encoding.PEM))
    return path


class TestTLS:
    @pytest.fixture
    def asked(self):
        """The names that the HTTPS server was asked for."""
        return []

    @pytest.fixture
    def shop(self, certificate, names, asked):
        """An HTTPS server for shop.example."""
        names.update({"shop.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]})
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        context.sni_callback = lambda sock, name, context: asked.append(name)
        with PictureServer(tls=context) as server:
            server.add("/a", pictures.status(200, b"safe"))
            yield server

    @pytest.fixture
    def _trusted(self, certificate, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        http.tls_context.cache_clear()
        yield
        http.tls_context.cache_clear()

    @pytest.mark.usefixtures("_trusted")
    @pytest.mark.parametrize("host", ["shop.example", "shop.example."])
    def test_the_name_is_sent_and_verified_while_the_address_is_pinned(self, shop, asked, names, host):
        names["shop.example."] = ["127.0.0.1"]
        assert get(shop.url("/a", host=host)).body == b"safe"
        assert asked == ["shop.example"]
        assert len(names.questions) == 1

    @pytest.mark.usefixtures("_trusted")
    @pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
    def test_a_certificate_for_another_name_is_refused(self, shop, names, host):
        names["127.0.0.1"] = ["127.0.0.1"]
        with pytest.raises(http.UnreachableError, match="certificate was refused"):
            get(shop.url("/a", host=host))
        assert shop.requests["/a"] == 0

    def test_a_certificate_of_an_unknown_authority_is_refused(self, shop):
        with pytest.raises(http.UnreachableError, match="certificate was refused"):
            get(shop.url("/a", host="shop.example"))
        assert shop.requests["/a"] == 0

    def test_a_server_that_speaks_no_tls_is_unreachable(self, server):
        with pytest.raises(http.UnreachableError, match="secure connection"):
            get(server.url("/a").replace("http:", "https:"))

    @pytest.mark.usefixtures("_trusted")
    def test_a_trickled_body_over_tls_does_not_outlast_the_deadline(self, shop):
        shop.add("/slow", pictures.trickled_body())
        assert_runs_out_of_time(shop.url("/slow", host="shop.example"))
