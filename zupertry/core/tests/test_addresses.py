from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zupertry.core.addresses import MAX_URL_LENGTH, Target, UrlError, check_url, is_allowed, is_public, parse_target

PRIVATE_LITERALS = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0177.0.0.1",
    "0x7f.1",
    "0x7F000001",
    "0",
    "0x7f.0x0.0x0.0x1",
    "127.0.0.1.",
    "%31%32%37.0.0.1",
    "10.0.0.8",
    "169.254.169.254",
    "localhost",
    "LocalHost",
    "localhost.",
    "db.localhost",
    "%6cocalhost",
    "localhost%2e",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:8.8.8.8]",
    "[::127.0.0.1]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[2606:4700::1111%25eth0]",
    "[fd00:ec2::254]",
]


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::8.8.8.8",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "64:ff9b:1::808:808",
        "100::1",
        "2001::1",
        "2001:2::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "2606:4700::1111%eth0",
    ],
)
def test_special_addresses_are_not_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "172.32.0.1",
        "192.0.1.1",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00::1",
    ],
)
def test_ordinary_addresses_are_public(address):
    assert is_public(ip_address(address))


@given(st.ip_addresses())
def test_nothing_is_public_that_python_knows_to_be_special(address):
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast


def test_a_private_address_is_allowed_inside_the_networks_and_nowhere_else():
    networks = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]
    assert is_allowed(IPv4Address("10.1.2.3"), networks)
    assert is_allowed(IPv6Address("fd00::1"), networks)
    assert not is_allowed(IPv4Address("10.2.0.1"), networks)
    assert not is_allowed(IPv6Address("::ffff:10.1.2.3"), networks)


@pytest.mark.parametrize("host", PRIVATE_LITERALS)
def test_private_literals_are_refused_in_every_spelling(host):
    with pytest.raises(UrlError, match="private or reserved"):
        check_url(f"http://{host}:8000/a.jpg", [])


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "localhost", "LOCALHOST."])
def test_loopback_is_accepted_once_its_network_is_allowed(host):
    check_url(f"http://{host}/", [ip_network("127.0.0.0/8")])


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "http:// or https://"),
        ("example.com/a.jpg", "http:// or https://"),
        ("//example.com/a.jpg", "http:// or https://"),
        ("ftp://example.com/a.jpg", "http:// or https://"),
        ("file:///etc/passwd", "http:// or https://"),
        ("javascript:alert(1)", "http:// or https://"),
        ("data:image/png;base64,AAAA", "http:// or https://"),
        ("http:///a.jpg", "no host"),
        ("http:example.com", "no host"),
        ("https://?x", "no host"),
        ("http://alice@example.com/", "user name or password"),
        ("http://alice:secret@example.com/", "user name or password"),
        ("http://example.com@10.0.0.1/", "user name or password"),
        ("http://a@b@example.com/", "user name or password"),
        ("http://example.com:0/", "port"),
        ("http://example.com:65536/", "host or port"),
        ("http://example.com:8o/", "host or port"),
        ("http://example.com:80:80/", "host or port"),
        ("http://example.com/a b.jpg", "spaces"),
        ("http://example.com/a\tb", "spaces"),
        ("http://example.com/a\r\nHost: x", "spaces"),
        ("http://example.com/\x00", "spaces"),
        ("http://example.com/\u2028", "spaces"),
        ("http://example.com/\ud800", "spaces"),
        ("http://example.com\\@10.0.0.1/", "backslashes"),
        (" http://example.com/", "spaces"),
        ("http://example.com%00/", "host or port"),
        ("http://exam%2fple.com/", "not a valid name"),
        ("http://example..com/", "not a valid name"),
        ("http://.example.com/", "not a valid name"),
        ("http://a,b/", "not a valid name"),
        ("http://256.1.1.1/", "not a valid address"),
        ("http://1.2.3.4.5/", "not a valid address"),
        ("http://0x/", "not a valid address"),
        ("http://[::1/", "host or port"),
        ("http://[::g]/", "host or port"),
        ("http://[v1.a]/", "host or port"),
        ("http://\uff11\uff12\uff17.0.0.1/", "host or port"),
        ("http://127\u30020\u30020\u30021/", "host or port"),
        ("http://\uff4cocalhost/", "host or port"),
        ("http://\u246f\u2468.254.169.254/", "host or port"),
    ],
)
def test_unusable_urls_are_refused_with_a_reason(url, reason):
    with pytest.raises(UrlError, match=reason):
        check_url(url, [])


def test_the_length_limit_counts_characters():
    start = "https://example.com/"
    check_url(start + "x" * (MAX_URL_LENGTH - len(start)), [])
    with pytest.raises(UrlError, match="2,048"):
        check_url(start + "x" * (MAX_URL_LENGTH - len(start) + 1), [])


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("HTTP://Example.COM", Target("http", "example.com", 80, "/")),
        ("https://example.com:/a?b=c#d", Target("https", "example.com", 443, "/a?b=c")),
        ("https://example.com:8443/a%20b", Target("https", "example.com", 8443, "/a%20b")),
        ("https://bücher.example/ä.jpg?q=ü", Target("https", "xn--bcher-kva.example", 443, "/%C3%A4.jpg?q=%C3%BC")),
        ("http://my_bucket.example/../a/./b", Target("http", "my_bucket.example", 80, "/a/b")),
        ("http://example.com?x=http://10.0.0.1/", Target("http", "example.com", 80, "/?x=http://10.0.0.1/")),
        ("http://8.8.8.8/", Target("http", "8.8.8.8", 80, "/")),
        ("http://[2606:4700::1111]:81/", Target("http", "2606:4700::1111", 81, "/")),
    ],
)
def test_the_target_is_what_the_url_says(url, target):
    assert parse_target(url, []) == target


@given(st.ip_addresses())
def test_a_literal_address_is_accepted_exactly_when_it_is_public(address):
    url = f"http://{address}/" if address.version == 4 else f"http://[{address}]/"
    if is_public(address):
        assert parse_target(url, []).host == str(address)
    else:
        with pytest.raises(UrlError):
            check_url(url, [])


@given(st.text(min_size=1, max_size=40))
def test_any_text_after_the_scheme_is_either_refused_or_a_clean_target(text):
    try:
        target = parse_target(f"http://{text}", [])
    except UrlError:
        return
    assert target.host.isascii()
    assert target.path.isascii()
    assert target.path.startswith("/")
    assert not set(target.host) & set("@/\\?#% []")


@pytest.mark.parametrize("url", ["http://[fe80::1%25%20]/", "http://[::1%25]/", "http://[::1%eth0]/", "http://[v1.x]/"])
def test_an_address_that_is_none_is_a_url_error_and_nothing_else(url):
    with pytest.raises(UrlError):
        check_url(url, [])
