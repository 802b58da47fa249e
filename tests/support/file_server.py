"""A web server on this machine for the tests of the download; it can break off, keep silent and count."""

import contextlib
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer(ThreadingHTTPServer):
    """Serves `files` (path: bytes), at most `limit` bytes of each, and answers only while `gate` is set.

    `asked` counts the requests by path; `reached` is set by the first of them.
    """

    daemon_threads = True

    def __init__(self, files, limit=None):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files, self.limit, self.asked = files, limit, Counter()
        self.gate, self.reached = threading.Event(), threading.Event()
        self.gate.set()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}/"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked[self.path] += 1
        self.server.reached.set()
        self.server.gate.wait()
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        # A client may leave in the middle, and some tests want just that.
        with contextlib.suppress(ConnectionError):
            self.wfile.write(content[: self.server.limit])

    def log_message(self, *args):
        """Keeps the tests' output clean."""


@contextlib.contextmanager
def running(server):
    """The server, answering until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    with server:
        thread.start()
        try:
            yield server
        finally:
            server.gate.set()
            server.shutdown()
            thread.join()
