"""Lists over http: only from the configured address, and never too much."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from services.auth.adapters.fetch import fetch


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/list")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200 if self.path == "/list" else 404)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"list")

    def log_message(self, *_):
        return None


@pytest.fixture
def server():
    made = HTTPServer(("127.0.0.1", 0), Answers)
    made.asked = []
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def at(server, path):
    return f"http://127.0.0.1:{server.server_port}{path}"


def test_the_list_is_fetched(server):
    assert fetch(at(server, "/list"), 4) == b"list"


def test_too_much_is_refused(server):
    with pytest.raises(ValueError, match="too large"):
        fetch(at(server, "/list"), 3)


@pytest.mark.parametrize("path", ["/moved", "/missing"])
def test_a59_another_address_is_not_followed(server, path):
    with pytest.raises(OSError, match=r"answered (302|404)"):
        fetch(at(server, path), 4)

    assert server.asked == [path]


def test_nobody_there_is_an_os_error():
    with pytest.raises(OSError, match="refused"):
        fetch("http://127.0.0.1:9", 4)
