"""A WebSocket client (RFC 6455, version 13) for text messages, with the standard library only."""

import base64
import hashlib
import os
import socket
import ssl
import struct
import time
from typing import Optional, Tuple
from urllib.parse import urlsplit

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MESSAGE_BYTES = 64 * 1024 * 1024
HEAD_BYTES = 65536
RECEIVE_BYTES = 65536
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


class WebSocketClosed(OSError):
    """The connection ended: `code` is that of RFC 6455, 1006 where none was received."""

    def __init__(self, code: int, reason: str) -> None:
        """Takes the code and the reason of the close frame."""
        super().__init__("The connection was closed ({}): {}".format(code, reason))
        self.code = code
        self.reason = reason


class HandshakeRefused(OSError):
    """The service answered the handshake with another status than 101."""

    def __init__(self, status: int, line: str) -> None:
        """Takes the status and the status line."""
        super().__init__("The service refused the connection: " + line)
        self.status = status


class WebSocket:
    """One connection, used by one thread at a time (a TLS socket allows no two).

    Guarantees: each text message is returned whole and once, in order; a frame that violates the protocol
    ends the connection with the code of RFC 6455; no message above MESSAGE_BYTES is buffered. A receive that
    times out loses nothing: the next one continues in the middle of the frame.
    """

    def __init__(
        self,
        url: str,
        token: Optional[str] = None,
        ca: Optional[str] = None,
        timeout: float = 5.0,
        message_bytes: int = MESSAGE_BYTES,
    ) -> None:
        """Connects to a ws:// or wss:// URL within `timeout` seconds; raises OSError."""
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise ValueError("The URL must begin with ws:// or wss://, not " + repr(url))
        port = parts.port or (443 if parts.scheme == "wss" else 80)
        deadline = time.monotonic() + timeout
        self._limit = message_bytes
        self._buffer = bytearray()
        self._message = bytearray()
        self._in_message = False
        self._closed: Optional[WebSocketClosed] = None
        self.last_received = time.monotonic()
        self._socket = socket.create_connection((parts.hostname, port), timeout)
        try:
            if parts.scheme == "wss":
                context = ssl.create_default_context(cafile=ca)
                self._socket = context.wrap_socket(self._socket, server_hostname=parts.hostname)
            host = "[{}]".format(parts.hostname) if ":" in parts.hostname else parts.hostname
            self._handshake("{}:{}".format(host, port), parts.path or "/", token, deadline)
        except BaseException:
            self._socket.close()
            raise

    def send(self, text: str, timeout: float = 5.0) -> None:
        """Sends one text message; raises OSError when the connection is lost."""
        self._send(TEXT, text.encode("utf-8"), timeout)

    def ping(self) -> None:
        """Sends a ping; the answer renews `last_received`."""
        self._send(PING, b"", 5.0)

    def receive(self, timeout: float) -> Optional[str]:
        """The next text message, or None after `timeout` seconds; raises WebSocketClosed at the end."""
        deadline = time.monotonic() + timeout
        while True:
            frame = self._next_frame(deadline)
            if frame is None:
                return None
            message = self._take(*frame)
            if message is not None:
                return message

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Sends a close frame, if the connection is alive, and closes the socket. Never raises."""
        if self._closed is None:
            self._closed = WebSocketClosed(code, reason)
            try:
                self._send_frame(CLOSE, struct.pack("!H", code) + reason.encode("utf-8")[:120], 1.0)
            except OSError:
                pass
        try:
            self._socket.close()
        except OSError:
            pass

    def _handshake(self, host: str, path: str, token: Optional[str], deadline: float) -> None:
        key = base64.b64encode(os.urandom(16))
        lines = [
            "GET {} HTTP/1.1".format(path),
            "Host: " + host,
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: " + key.decode("ascii"),
            "Sec-WebSocket-Version: 13",
        ]
        if token:
            if "\r" in token or "\n" in token:
                raise ValueError("The token contains a line break.")
            lines.append("Authorization: Bearer " + token)
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > HEAD_BYTES:
                raise OSError("The answer to the handshake is too long.")
            if not self._fill(deadline):
                raise OSError("The service did not answer the handshake in time.")
        head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        self._buffer = bytearray(rest)
        first, *others = head.decode("latin-1").split("\r\n")
        words = first.split(" ", 2)
        status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
        if status != 101:
            raise HandshakeRefused(status, first[:200])
        pairs = (line.partition(":") for line in others)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode("ascii")
        if headers.get("sec-websocket-accept") != accept or headers.get("upgrade", "").lower() != "websocket":
            raise OSError("The answer to the handshake is not that of a WebSocket.")

    def _fill(self, deadline: float) -> bool:
        """Receives more bytes; False at the deadline."""
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        self._socket.settimeout(left)
        try:
            chunk = self._socket.recv(RECEIVE_BYTES)
        except socket.timeout:
            return False
        if not chunk:
            raise WebSocketClosed(1006, "the connection ended without a close frame")
        self.last_received = time.monotonic()
        self._buffer += chunk
        return True

    def _next_frame(self, deadline: float) -> Optional[Tuple[bool, int, bytes]]:
        """(final, opcode, payload) of the next frame; None at the deadline."""
        if self._closed is not None:
            raise self._closed
        try:
            while True:
                frame = self._parse()
                if frame is not None:
                    return frame
                if not self._fill(deadline):
                    return None
        except WebSocketClosed as closed:
            self._closed = closed
            raise

    def _parse(self) -> Optional[Tuple[bool, int, bytes]]:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        final, reserved, opcode = bool(buffer[0] & 0x80), buffer[0] & 0x70, buffer[0] & 0x0F
        masked, length, start = buffer[1] & 0x80, buffer[1] & 0x7F, 2
        if reserved or masked or opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise self._fail(1002, "the service sent a frame that violates RFC 6455")
        if opcode >= CLOSE and (length > 125 or not final):
            raise self._fail(1002, "the service sent a control frame that violates RFC 6455")
        if length >= 126:
            size = 2 if length == 126 else 8
            if len(buffer) < 2 + size:
                return None
            length, start = int.from_bytes(buffer[2 : 2 + size], "big"), 2 + size
        if length + len(self._message) > self._limit:
            raise self._fail(1009, "the message exceeds {} bytes".format(self._limit))
        if len(buffer) < start + length:
            return None
        payload = bytes(buffer[start : start + length])
        del buffer[: start + length]
        return final, opcode, payload

    def _take(self, final: bool, opcode: int, payload: bytes) -> Optional[str]:
        """Processes one frame; the text of a message that it completes."""
        if opcode == PING:
            self._send(PONG, payload, 5.0)
            return None
        if opcode == PONG:
            return None
        if opcode == CLOSE:
            code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
            reason = payload[2:].decode("utf-8", "replace")
            self.close(1000 if code == 1005 else code)
            self._closed = WebSocketClosed(code, reason)
            raise self._closed
        if opcode == BINARY:
            raise self._fail(1003, "the service sent a binary message")
        if self._in_message != (opcode == CONTINUATION):
            raise self._fail(1002, "the service sent fragments out of order")
        self._message += payload
        self._in_message = not final
        if not final:
            return None
        message, self._message = bytes(self._message), bytearray()
        try:
            return message.decode("utf-8")
        except UnicodeDecodeError:
            raise self._fail(1007, "the service sent text that is not UTF-8") from None

    def _fail(self, code: int, reason: str) -> WebSocketClosed:
        self.close(code, reason)
        self._closed = WebSocketClosed(code, reason)
        return self._closed

    def _send(self, opcode: int, payload: bytes, timeout: float) -> None:
        if self._closed is not None:
            raise self._closed
        self._send_frame(opcode, payload, timeout)

    def _send_frame(self, opcode: int, payload: bytes, timeout: float) -> None:
        length = len(payload)
        head = bytes([0x80 | opcode])
        if length < 126:
            head += bytes([0x80 | length])
        elif length < 65536:
            head += struct.pack("!BH", 0x80 | 126, length)
        else:
            head += struct.pack("!BQ", 0x80 | 127, length)
        mask = os.urandom(4)
        repeated = (mask * (length // 4 + 1))[:length]
        masked = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(length, "big")
        self._socket.settimeout(timeout)
        self._socket.sendall(head + mask + masked)
