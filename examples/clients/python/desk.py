"""One desk, as a system of its ministry calls it: deadlines, retries, refusals that can be acted on, streams that go on.

Copy this file. What it holds is what every client needs, in any language:

* a connection by mutual TLS that believes one root, and asks for one name;
* a deadline on every call, and the same request again where that is safe, which it is everywhere: what changes
  something bears a request id and is done once;
* `Refused`, made of the google.rpc.Status that travels in the trailer `grpc-status-details-bin`;
* documents and events that go on where they were cut.
"""

import hashlib
import os
import sys
import time
from pathlib import Path

import grpc
from google.rpc import error_details_pb2, status_pb2

sys.path.append(str(Path(__file__).parent / "generated"))
from chancery.desk.v1 import desk_service_pb2 as api
from chancery.desk.v1 import desk_service_pb2_grpc

CALL_DEADLINE_S = 30
TRANSFER_DEADLINE_S = 600
WATCH_DEADLINE_S = 3600
PATIENCE_S = 120
KEEPALIVE_PAUSE_MS = 60_000
KEEPALIVE_DEADLINE_MS = 20_000
PIECE_BYTES = 256 * 1024
ANSWER_BYTES_MAX = 64 * 1024 * 1024


class Refused(Exception):
    """What the desk refused: a stable reason for programs, a sentence for people, the fields, and when to come back."""

    def __init__(self, error: grpc.RpcError):
        self.code: grpc.StatusCode = error.code()
        self.message: str = error.details() or ""
        self.reason = ""
        self.fields: list[tuple[str, str]] = []
        self.retry_after_s: float | None = None
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                for detail in status_pb2.Status.FromString(value).details:
                    self._take(detail)
        super().__init__(f"{self.code.name} {self.reason}: {self.message}")

    def _take(self, detail) -> None:
        info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Unpack(info) and info.domain == "chancery":
            self.reason = info.reason
        elif detail.Unpack(bad):
            self.fields += [(one.field, one.description) for one in bad.field_violations]
        elif detail.Unpack(retry):
            self.retry_after_s = retry.retry_delay.ToTimedelta().total_seconds()

    @property
    def pause_s(self) -> float | None:
        """How long to wait before the same request is sent again; none where that would not help."""
        if self.retry_after_s is not None:
            return self.retry_after_s
        # Without a reason it was not the desk that spoke: the line, or our own deadline.
        passing = self.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
        return 1.0 if passing and not self.reason else None


class Desk:
    """A connection as one client, from the folder that `chancery desk enrol NAME --roles ... -o FOLDER` wrote."""

    def __init__(self, address: str, server_name: str, identity: Path):
        credentials = grpc.ssl_channel_credentials(
            root_certificates=(identity / "root.pem").read_bytes(),
            private_key=(identity / "client.key").read_bytes(),
            certificate_chain=(identity / "client.pem").read_bytes(),
        )
        options = [
            ("grpc.ssl_target_name_override", server_name),
            ("grpc.max_receive_message_length", ANSWER_BYTES_MAX),
            # A line that died unseen ends the watch on it, long before its deadline.
            ("grpc.keepalive_time_ms", KEEPALIVE_PAUSE_MS),
            ("grpc.keepalive_timeout_ms", KEEPALIVE_DEADLINE_MS),
            ("grpc.http2.max_pings_without_data", 0),
        ]
        self.channel = grpc.secure_channel(address, credentials, options)
        self.stub = desk_service_pb2_grpc.DeskServiceStub(self.channel)

    def call(self, method: str, request, patience_s: float = PATIENCE_S):
        """Calls, and calls again with the very same request for as long as the desk or the line asks for it."""
        return again(lambda: getattr(self.stub, method)(request, timeout=CALL_DEADLINE_S), patience_s)

    def pages(self, method: str, request, entries: str):
        """Every entry of a list, page by page."""
        while True:
            page = self.call(method, request)
            yield from getattr(page, entries)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def upload(self, path: Path) -> bytes:
        """Uploads a document, from where an earlier attempt ended; its SHA-256 is how a draft names it."""
        digest = sha256(path)

        def pieces(offset: int):
            first = api.UploadDocumentRequest(digest=digest, size=path.stat().st_size, offset=offset)
            with path.open("rb") as file:
                file.seek(offset)
                yield first
                while piece := file.read(PIECE_BYTES):
                    yield api.UploadDocumentRequest(content=piece)

        def attempt():
            held = self.stub.GetUpload(api.GetUploadRequest(digest=digest), timeout=CALL_DEADLINE_S)
            if not held.complete:
                self.stub.UploadDocument(pieces(held.held), timeout=TRANSFER_DEADLINE_S)

        again(attempt)
        return digest

    def download(self, message: str, document_id: str, target: Path, cut_after: int | None = None) -> None:
        """Downloads a document, from where an earlier attempt ended, and keeps it only if its digest is right.

        `cut_after` gives up after so many pieces, as a broken line does; call it again and it goes on.
        """
        unfinished = target.with_name(target.name + ".part")

        def attempt():
            with unfinished.open("ab") as file:
                request = api.DownloadDocumentRequest(message=message, document_id=document_id, offset=file.tell())
                stream = self.stub.DownloadDocument(request, timeout=TRANSFER_DEADLINE_S)
                document = next(stream).document
                for count, answer in enumerate(stream, start=1):
                    file.write(answer.content)
                    if count == cut_after:
                        stream.cancel()
                        return None
                return document

        document = again(attempt)
        if document is None:
            return
        if sha256(unfinished) != document.digest:
            unfinished.unlink()
            raise ValueError(f"{document_id} of {message} is another document than its sender signed")
        os.replace(unfinished, target)

    def export(self, name: str, target: Path, disclose: bool = False) -> None:
        """Writes the evidence of a message or consultation, once both sides prove all of it."""
        request = api.ExportEvidenceRequest(name=name, disclose=disclose)

        def attempt() -> int:
            stream = self.stub.ExportEvidence(request, timeout=TRANSFER_DEADLINE_S)
            first = next(stream)
            target.write_bytes(b"".join(answer.content for answer in stream))
            if sha256(target) != first.digest:
                raise ValueError(f"the evidence of {name} did not arrive whole")
            return first.left_out

        until = time.monotonic() + PATIENCE_S
        while left_out := again(attempt):
            if time.monotonic() > until:
                raise TimeoutError(f"{left_out} messages of {name} are not proven by both sides")
            time.sleep(2)

    def begin_watch(self, cursor_file: Path) -> None:
        """Keeps a cursor of now, where there is none yet: nothing that happens from here on is missed."""
        if cursor_file.exists():
            return

        def attempt():
            stream = self.stub.WatchEvents(api.WatchEventsRequest(from_now=True), timeout=CALL_DEADLINE_S)
            keep(cursor_file, next(stream).cursor)
            stream.cancel()

        again(attempt)

    def watch(self, cursor_file: Path, patience_s: float):
        """Events after the kept cursor, until patience ends. An event counts as seen when the next one is asked for."""
        until = time.monotonic() + patience_s
        while (left_s := until - time.monotonic()) > 0:
            request = api.WatchEventsRequest(cursor=cursor_file.read_text())
            try:
                for event in self.stub.WatchEvents(request, timeout=min(left_s, WATCH_DEADLINE_S)):
                    yield event
                    keep(cursor_file, event.cursor)
            except grpc.RpcError as error:
                refused = Refused(error)
                # CURSOR_OF_ANOTHER_PAST: the desk was restored from a backup. A person compares both sides first.
                if refused.pause_s is None:
                    raise refused from error
                time.sleep(refused.pause_s)


def again(attempt, patience_s: float = PATIENCE_S):
    """Attempts something until it is done, is refused for good, or patience ends."""
    until = time.monotonic() + patience_s
    while True:
        try:
            return attempt()
        except grpc.RpcError as error:
            refused = Refused(error)
            if refused.pause_s is None or time.monotonic() + refused.pause_s > until:
                raise refused from error
            time.sleep(refused.pause_s)


def keep(file: Path, text: str) -> None:
    """Replaces a small file whole: after a crash it holds the old text or the new one."""
    fresh = file.with_name(file.name + ".new")
    with fresh.open("w") as written:
        written.write(text)
        written.flush()
        os.fsync(written.fileno())
    os.replace(fresh, file)


def sha256(path: Path) -> bytes:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
