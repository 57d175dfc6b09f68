"""The WebSocket client against a server that sends frames byte by byte as each case states."""

import base64
import hashlib
import random
import socket
import struct
import threading
import unittest

from kytos_settings.websocket import GUID, HandshakeRefused, WebSocket, WebSocketClosed


def frame(opcode, payload=b"", final=True, head=0):
    length = len(payload)
    first = bytes([(0x80 if final else 0) | head | opcode])
    if length < 126:
        return first + bytes([length]) + payload
    size = struct.pack("!BH", 126, length) if length < 65536 else struct.pack("!BQ", 127, length)
    return first + size + payload


class Server:
    """Accepts one connection, sends the given bytes in pieces of random sizes, and keeps what arrives."""

    def __init__(self, sent, seed=1, answer=None):
        self.sent, self.random, self.answer = sent, random.Random(seed), answer
        self.received = b""
        self.socket = _listen()
        self.url = "ws://127.0.0.1:{}/bus".format(self.socket.getsockname()[1])
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        connection, _ = self.socket.accept()
        connection.settimeout(30)
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += connection.recv(4096)
        self.request = request
        key = request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        answer = self.answer or (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        sent = answer + self.sent
        try:
            while sent:
                size = self.random.choice([1, 2, 3, 1000, 100000])
                connection.sendall(sent[:size])
                sent = sent[size:]
            connection.shutdown(socket.SHUT_WR)
            while True:
                chunk = connection.recv(4096)
                if not chunk:
                    break
                self.received += chunk
        except OSError:
            pass
        connection.close()
        self.socket.close()

    def frames(self):
        """(opcode, payload) of the frames of the client, which must be masked."""
        self.thread.join(30)
        rest, found = self.received, []
        while rest:
            length = rest[1] & 0x7F
            assert rest[1] & 0x80 and length < 126
            mask, payload = rest[2:6], rest[6 : 6 + length]
            found.append((rest[0] & 0x0F, bytes(b ^ mask[i % 4] for i, b in enumerate(payload))))
            rest = rest[6 + length :]
        return found


def _listen():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    return listener


class WebSocketTest(unittest.TestCase):
    def open(self, server, **options):
        connection = WebSocket(server.url, **options)
        self.addCleanup(connection.close)
        return connection

    def test_messages_are_whole_and_in_order_however_they_are_cut(self):
        for seed in range(30):
            chance = random.Random(seed)
            texts = ["ž" * chance.choice([0, 1, 62, 63, 200, 40000]) + str(i) for i in range(5)]
            sent = b""
            for text in texts:
                content = text.encode("utf-8")
                cuts = sorted(chance.randrange(len(content) + 1) for _ in range(chance.randrange(3)))
                edges = [0] + cuts + [len(content)]
                for i, (start, end) in enumerate(zip(edges, edges[1:])):
                    sent += frame(0 if i else 1, content[start:end], final=i == len(cuts))
                    sent += frame(9, b"p") if chance.random() < 0.3 else b""
            server = Server(sent + frame(8, struct.pack("!H", 1001) + b"SERVICE_STOPPING"), seed)
            connection = self.open(server, token="kts_x")
            got = []
            with self.assertRaises(WebSocketClosed) as caught:
                while True:
                    got.append(connection.receive(20))
            self.assertEqual(got, texts, seed)
            self.assertEqual((caught.exception.code, caught.exception.reason), (1001, "SERVICE_STOPPING"))
            self.assertIn(b"Authorization: Bearer kts_x\r\n", server.request)
            pings = sent.count(frame(9, b"p"))
            self.assertEqual(server.frames(), [(10, b"p")] * pings + [(8, struct.pack("!H", 1001))])

    def test_a_violation_ends_the_connection_with_its_code(self):
        cases = [
            (frame(1, b"x", head=0x40), 1002),  # a reserved bit
            (frame(3), 1002),  # a reserved opcode
            (frame(9, b"", final=False), 1002),  # a fragmented ping
            (bytes([0x89, 126, 0, 126]) + b"p" * 126, 1002),  # a long ping
            (frame(0, b"x"), 1002),  # a continuation of nothing
            (frame(1, b"x", final=False) + frame(1, b"y"), 1002),  # a message within a message
            (bytes([0x81, 0x81, 0, 0, 0, 0, 65]), 1002),  # a masked frame
            (frame(2, b"x"), 1003),
            (frame(1, b"\xff"), 1007),
            (frame(1, b"x" * 101), 1009),
            (frame(1, b"x" * 60, final=False) + frame(0, b"x" * 60), 1009),
            (b"\x81", 1006),
        ]
        for sent, code in cases:
            connection = self.open(Server(sent), message_bytes=100)
            with self.assertRaises(WebSocketClosed) as caught:
                while connection.receive(20) is not None:
                    self.fail("A message was returned: {!r}".format(sent))
            self.assertEqual(caught.exception.code, code, sent)

    def test_a_refused_handshake_has_its_status(self):
        with self.assertRaises(HandshakeRefused) as caught:
            WebSocket(Server(b"", answer=b"HTTP/1.1 401 Unauthorized\r\n\r\n").url)
        self.assertEqual(caught.exception.status, 401)
        with self.assertRaises(OSError):
            WebSocket(Server(b"", answer=b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n").url)
