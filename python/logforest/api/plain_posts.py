"""The HTTP protocol of the service: uvicorn's, with a short way for plain small POSTs.

A sender that posts record by record pays for every object that is made on its way: the parser's
callbacks, a scope, a task, a future. A plain POST to an ingest path (see ``io/http_post.hpp`` for
what is plain) needs none of them: its body goes to the queue, and its answer is written when the
commit is done, for all requests of that commit in one go. The first request that is anything
else hands the connection to uvicorn for good.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from logforest import _core
from logforest.api.bodies import TYPES
from logforest.api.ingest import encode_answer, encode_problem
from logforest.api.problems import problem_body
from logforest.errors import LogforestError
from logforest.queues.base import Answer, Submission, Waiter

if TYPE_CHECKING:
    from logforest.metrics import Metrics
    from logforest.service import Service

__all__ = ["PATHS", "protocol_for", "too_slow"]

#: The paths with a short way.
PATHS = ("/ingest", "/api/v1/logs/ingest")

_BODY_BYTES = 1 << 16  # larger bodies take the general way, which reads them in pieces
_HELD_BYTES = 1 << 17  # read ahead of an answer
_HEAD_BYTES = 1 << 16  # of a request line and its headers
_BODY_RATE = 500  # bytes a second that a body has to come in, after a time of grace


def protocol_for(service: Service, hosts: Sequence[str] = ()) -> type[asyncio.Protocol]:
    """The protocol class for ``uvicorn.Config(http=...)``.

    ``hosts``: values of ``Host`` with a short way, in lower case; none: all.
    """
    reader = _core.PostReader(list(PATHS), list(TYPES.items()), _BODY_BYTES, list(hosts))
    return type("ServiceProtocol", (_PlainPosts,), {"service": service, "reader": reader})


def too_slow(seconds: float, received: int, grace: float) -> bool:
    """Whether a body of which ``received`` bytes came in ``seconds`` trickles.

    Examples
    --------
    >>> too_slow(59, 1, 60), too_slow(61, 1, 60), too_slow(61, 1000, 60)
    (False, True, False)
    """
    return seconds >= grace + received / _BODY_RATE


class _PlainPosts(HttpToolsProtocol, Waiter):
    service: ClassVar[Service]
    reader: ClassVar[_core.PostReader]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._general = False  # uvicorn has this connection
        self._busy = False  # a request of ours waits for its answer
        self._closing = False
        self._gone = False
        self._held = b""  # read but not yet looked at, or an incomplete request
        self._path = ""
        self._head_open = False  # a head was begun and is not complete
        self._head_count = 0
        self._head_bytes = 0  # that came after the piece in which it began
        self._head_since = 0.0  # when the request began of which the head is not complete
        self._body_since = 0.0  # when its head was complete
        self._body_bytes = 0
        self._last_data = 0.0
        self._patience = self.service.settings.request_seconds
        self._silence_timer: asyncio.TimerHandle | None = None
        self._idle_since = 0.0
        self._idle_timer: asyncio.TimerHandle | None = None

    # --- what comes in -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's
        super().connection_made(transport)
        self._last_data = self.loop.time()
        self._silence_timer = self.loop.call_later(self._patience, self._check_silence)

    def data_received(self, data: bytes) -> None:
        self._last_data = self.loop.time()
        if self._general:
            self._parse(data)
            return
        if self._held:
            data = self._held + data
        if self._busy:
            self._held = data
            if len(data) > _HELD_BYTES:
                self.flow.pause_reading()
            return
        found = None if self.service.draining else self.reader.read(data)
        if found is None:
            self._hand_over(data)
        elif isinstance(found, int):
            if not self._held:
                self._head_since = self._last_data
            self._held = data
        else:
            body, log_format, size = found
            self._path = data[5 : data.index(b" ", 5)].decode("ascii")
            self._held = data[size:]
            self._take(body, log_format)

    def _take(self, body: bytes, log_format: str) -> None:
        self._busy = True
        submission = Submission(
            body=body, future=self, format=log_format, received_us=time.time_ns() // 1000
        )
        try:
            self.service.queue.submit(submission)
        except LogforestError as error:
            self.settle([(submission, error)])

    def _hand_over(self, data: bytes) -> None:
        self._general = True
        self._held = b""
        self._stop_idle_timer()
        self.flow.resume_reading()
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        """uvicorn's parser keeps what it has read of a head: at most so much."""
        before = self._head_count
        super().data_received(data)
        if self._head_open and self._head_count == before:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_BYTES and not self.transport.is_closing():
                self._refuse(431, f"the head of a request has at most {_HEAD_BYTES} bytes")

    def on_message_begin(self) -> None:
        self._head_open = True
        self._head_count += 1
        self._head_bytes = 0
        self._head_since = self._last_data
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_open = False
        self._body_since, self._body_bytes = self._last_data, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, msg)

    def _refuse(self, status: int, detail: str) -> None:
        """Answer what is no request, and close."""
        body = problem_body(status, detail)
        self.transport.write(
            b"%bcontent-type: application/problem+json\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n%b" % (STATUS_LINE[status], len(body), body)
        )
        self.transport.close()

    # --- what goes out -------------------------------------------------------------------

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self.loop

    @staticmethod
    def settle(outcomes: Sequence[tuple[Submission, Answer | Exception]]) -> None:
        now_us = time.time_ns() // 1000
        accepted = rejected = received = 0
        statuses: list[int] = []
        seconds: list[float] = []
        metrics: Metrics | None = None
        for submission, outcome in outcomes:
            connection = submission.future
            assert isinstance(connection, _PlainPosts)
            if isinstance(outcome, Answer):
                status, headers, body = encode_answer(outcome)
                accepted += outcome.accepted
                rejected += outcome.rejected_total
                seconds.append((now_us - submission.received_us) / 1e6)
            else:
                status, headers, body = encode_problem(outcome, connection._path)
            statuses.append(status)
            received += len(submission.body)
            connection._write(status, headers, body)
            metrics = connection.service.metrics
        if metrics is not None:
            metrics.count_ingested(
                statuses, seconds, accepted=accepted, rejected=rejected, received=received
            )

    def _write(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self._busy = False
        if self._gone or self.transport.is_closing():
            return
        head = b"".join([b"%b: %b\r\n" % header for header in headers])
        self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[status], head, body))
        if self._closing:
            self.transport.close()
            return
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._check_idle)
        if self._held or self.flow.read_paused:
            self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        """With what was read while the last request waited, if anything."""
        if self._gone or self._busy or self._general or self.flow.write_paused:
            return
        self.flow.resume_reading()
        if self._held:
            data, self._held = self._held, b""
            self.data_received(data)

    # --- the connection ------------------------------------------------------------------

    def _check_silence(self) -> None:
        """Let go of a client that stopped or trickles in a request, or never began one."""
        now = self.loop.time()
        silent = now - self._last_data >= self._patience
        if self._general:
            cycle = self.cycle
            body = cycle is not None and cycle.more_body
            head = self._head_open
            begun = head and (cycle is None or cycle.response_complete)
            begun |= body and not (cycle.response_started or self.pipeline)
            slow = body and too_slow(now - self._body_since, self._body_bytes, self._patience)
        else:
            body = not self._busy and self._idle_since == 0.0
            head = begun = not self._busy and bool(self._held)
            slow = False
        slow |= head and now - self._head_since >= self._patience
        if self.flow.read_paused or not (slow or (silent and (head or body))):
            self._silence_timer = self.loop.call_later(self._patience, self._check_silence)
        elif begun:
            self._refuse(408, "the request did not come whole in time; nothing of it was stored")
        else:
            self.transport.close()

    def _stop_silence_timer(self) -> None:
        if self._silence_timer is not None:
            self._silence_timer.cancel()
            self._silence_timer = None

    def handle_websocket_upgrade(self) -> None:
        self._stop_silence_timer()
        super().handle_websocket_upgrade()

    def _check_idle(self) -> None:
        self._idle_timer = None
        if self._gone or self._general:
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if self._busy or self._held:
            left = self.timeout_keep_alive
        if left > 0:
            self._idle_timer = self.loop.call_later(left, self._check_idle)
        else:
            self.transport.close()

    def _stop_idle_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True
        self._held = b""
        self._stop_idle_timer()
        self._stop_silence_timer()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        if self._general or not self._busy:
            super().shutdown()
        else:
            self._closing = True

    def pause_writing(self) -> None:
        super().pause_writing()
        if not self._general:  # a client that does not read its answers
            self.flow.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._go_on()
