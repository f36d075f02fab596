"""Clients that begin a request and never end it."""

import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from gunicorn.app.base import BaseApplication
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn

from zupertry import gunicorn
from zupertry.web_worker import BoundedWorker
from zupertry.wsgi import application

HALF_OF_THE_HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
HALF_OF_THE_BODY = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\nhalf"


@pytest.fixture
def worker() -> BoundedWorker:
    """The worker as gunicorn makes it, without a process of its own."""
    cfg = Config()
    worker = BoundedWorker(0, os.getpid(), [], BaseApplication, cfg.timeout, cfg, Logger(cfg))
    vars(worker)["wsgi"] = application
    return worker


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    client, server = socket.socketpair()
    with client, server:
        yield client, server


def test_the_service_is_served_by_this_worker():
    assert gunicorn.worker_class == f"{BoundedWorker.__module__}.{BoundedWorker.__name__}"


@pytest.mark.parametrize("sent", [HALF_OF_THE_HEAD, HALF_OF_THE_BODY])
def test_half_a_request_gives_its_thread_back(worker, connection, sent):
    client, server = connection
    worker.hearing_seconds = 0.0
    client.sendall(sent)

    with ThreadPoolExecutor(1) as pool, client:  # which ends what nothing else has ended
        handled = pool.submit(worker.handle, TConn(worker.cfg, server, ("127.0.0.1", 1), ("127.0.0.1", 2)))
        end = time.monotonic() + 30
        while not handled.done() and time.monotonic() < end:
            worker.murder_pending()
            time.sleep(0.01)

        assert handled.done()


def test_a_request_that_is_not_late_yet_is_read_to_its_end(worker, connection):
    client, server = connection
    client.sendall(HALF_OF_THE_HEAD)

    with ThreadPoolExecutor(1) as pool:
        handled = pool.submit(worker.handle, TConn(worker.cfg, server, ("127.0.0.1", 1), ("127.0.0.1", 2)))
        worker.murder_pending()
        client.sendall(b"\r\n")
        handled.result(timeout=30)

    assert client.recv(65536).startswith(b"HTTP/1.1 200")
