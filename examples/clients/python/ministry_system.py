"""A ministry's own system, talking to its desk: it asks another ministry something, or answers.

    python3 ministry_system.py --desk 127.0.0.1:7110 --server-name main.desk.mfa.xa.example \\
        --clients clients/xa --state state/xa ask --to XB --job J-2026-0815
    python3 ministry_system.py --desk 127.0.0.1:7210 --server-name main.desk.mfa.xb.example \\
        --clients clients/xb --state state/xb answer --to XA --annex statement.pdf

Three clients play three people: `casework` drafts and reads, `legal` clears, `head` releases and proves. In a ministry
they are three systems with one key each; no client may do for another what two must do.
"""

import argparse
import itertools
import sys
from pathlib import Path

from desk import Desk, Refused, api
from chancery.consultation.v1 import correspondence_pb2
from chancery.desk.v1 import act_pb2, draft_pb2, message_pb2
from chancery.message.v1 import dispatch_pb2, envelope_pb2
from google.protobuf import field_mask_pb2


# What this conversation is about: by it a note that asks and the system that answers find each other.
SUBJECT = "Prisoners of war: how wishes are recorded"

# What the register says of a message, without opening it.
OUTSIDE = field_mask_pb2.FieldMask(paths=["name", "register_number", "direction", "sender", "consultation"])


class System:
    """The three clients of one ministry."""

    def __init__(self, address: str, server_name: str, clients: Path, state: Path, patience_s: float):
        state.mkdir(parents=True, exist_ok=True)
        self.state = state
        self.patience_s = patience_s
        self.casework, self.legal, self.head = (
            Desk(address, server_name, clients / label) for label in ("casework", "legal", "head")
        )

    def send(self, job: str, content: draft_pb2.DraftContent) -> message_pb2.Message:
        """Drafts, has it cleared and released by others, and returns the registered message.

        Every request id comes of the job, so the whole of it may be run again after a crash: each step is done once.
        """
        judged = self.casework.call("ValidateDraft", api.ValidateDraftRequest(content=content, clear_by=["legal-01"]))
        for finding in judged.findings:
            say(f"  {'error' if finding.error else 'warning'} {finding.rule} {finding.field}: {finding.message}")
        request = api.CreateDraftRequest(request_id=f"{job}-create", content=content, clear_by=["legal-01"])
        draft = self.casework.call("CreateDraft", request)
        say(f"drafted {draft.formal_number}, {draft.name}")
        cleared = self.legal.call("ClearDraft", api.ClearDraftRequest(request_id=f"{job}-clear", name=draft.name))
        for step in cleared.steps:
            if step.signed:
                say(f"  signed by {step.office} ({step.client})")
        released = self.head.call(
            "ReleaseDraft", api.ReleaseDraftRequest(request_id=f"{job}-release", name=draft.name)
        )
        for message in released.messages:
            say(f"released {message.register_number} to {message.recipient}, {message.name}")
        return released.messages[0]

    def wait_for(self, outside, inside) -> message_pb2.Message:
        """Waits for a received message: first among those that are here already, then among those that come.

        `outside` looks at what the register says of it. Only then is it opened, which marks it as read, for `inside`.
        """
        cursor = self.state / "cursor"
        self.casework.begin_watch(cursor)
        listing = api.ListMessagesRequest(direction=message_pb2.DIRECTION_RECEIVED, read_mask=OUTSIDE)
        here = self.casework.pages("ListMessages", listing, "messages")
        come = (
            self.casework.call("GetMessage", api.GetMessageRequest(name=event.subject, read_mask=OUTSIDE))
            for event in self.casework.watch(cursor, self.patience_s)
            if event.kind == api.EVENT_KIND_MESSAGE_RECEIVED
        )
        for message in itertools.chain(here, come):
            if outside(message):
                opened = self.casework.call("GetMessage", api.GetMessageRequest(name=message.name))
                if inside(opened.content):
                    return opened
        raise TimeoutError(f"nothing came within {self.patience_s:g} s")

    def has_sent(self, consultation: str) -> bool:
        """Whether this ministry said anything in a consultation."""
        sent = api.ListMessagesRequest(
            direction=message_pb2.DIRECTION_SENT, consultation=consultation, read_mask=OUTSIDE
        )
        return next(self.casework.pages("ListMessages", sent, "messages"), None) is not None


def note(to: str, subject: str, words: str, **more) -> draft_pb2.DraftContent:
    """A note verbale with one official text."""
    text = draft_pb2.DraftText(
        document_id="en",
        language="en",
        standing=dispatch_pb2.DOCUMENT_STANDING_OFFICIAL,
        title="Note verbale",
        words=f"The Ministry presents its compliments to the Ministry and {words}\n"
        "The Ministry avails itself of this opportunity to renew the assurances of its highest consideration.\n",
    )
    return draft_pb2.DraftContent(
        to=[to],
        precedence=envelope_pb2.PRECEDENCE_ROUTINE,
        level=envelope_pb2.LEVEL_RESTRICTED,
        form=dispatch_pb2.FORM_NOTE_VERBALE,
        texts=[text],
        act=act_pb2.Act(correspondence=correspondence_pb2.Correspondence(subject=subject)),
        **more,
    )


def ask(system: System, to: str, job: str) -> None:
    """Sends a note, waits for the answer, fetches its annex, and keeps the evidence of both."""
    content = note(to, SUBJECT, "asks by which procedure wishes of prisoners are recorded.")
    show_refusals(system, content)
    system.casework.begin_watch(system.state / "cursor")
    question = system.send(job, content)
    say(f"waits for the answer to {question.register_number}, for {system.patience_s:g} s")
    answer = system.wait_for(
        outside=lambda message: message.consultation == question.consultation,
        inside=lambda content: content.in_reply_to == question.name,
    )
    say(f"answered by {answer.register_number}: {answer.content.act.correspondence.subject}")
    for document in answer.content.documents:
        target = system.state / f"{job}-{document.document_id}"
        if document.words:
            target.write_text(document.words)
            continue
        # As if the line broke after the first piece: the second call goes on at that byte.
        system.casework.download(answer.name, document.document_id, target, cut_after=1)
        say(f"  {document.title}: cut at byte {target.with_name(target.name + '.part').stat().st_size}")
        system.casework.download(answer.name, document.document_id, target)
        say(f"  {document.title}: {target.stat().st_size} bytes, as signed")
    evidence = system.state / f"{job}-evidence.zip"
    system.head.export(question.consultation, evidence, disclose=True)
    receipts = system.head.call("GetReceipts", api.GetReceiptsRequest(name=question.name)).receipts
    say(f"proven: {', '.join(f'{receipt.kind} in the log of {receipt.keeper}' for receipt in receipts)}")
    say(f"evidence: {evidence}")


def show_refusals(system: System, content: draft_pb2.DraftContent) -> None:
    """What refusals look like, and that a program can tell them apart."""
    wrong = draft_pb2.DraftContent()
    wrong.CopyFrom(content)
    wrong.texts[0].standing = dispatch_pb2.DOCUMENT_STANDING_UNSPECIFIED
    wrong.texts[0].language = "no language at all"
    attempts = [
        (system.casework, "ValidateDraft", api.ValidateDraftRequest(content=wrong)),
        (system.casework, "ReleaseDraft", api.ReleaseDraftRequest(request_id="never", name="drafts/" + 64 * "0")),
    ]
    for client, method, request in attempts:
        try:
            client.call(method, request)
        except Refused as refused:
            say(f"refused as it should be: {refused}")
            for field, why in refused.fields:
                say(f"  {field}: {why}")
        else:
            raise AssertionError(f"{method} was not refused")


def answer(system: System, to: str, annex: Path) -> None:
    """Waits for a note that asks for the procedure and is not answered yet, and answers it with a document."""
    question = system.wait_for(
        outside=lambda message: message.sender == to and not system.has_sent(message.consultation),
        inside=lambda content: content.act.correspondence.subject == SUBJECT and not content.in_reply_to,
    )
    say(f"asked by {question.register_number}: {question.content.act.correspondence.subject}")
    document = draft_pb2.DraftDocument(
        document_id="annex",
        upload_digest=system.casework.upload(annex),
        title="Annex: procedure",
        document_class=dispatch_pb2.DOCUMENT_CLASS_LEGAL_BASIS,
        language="en",
        media_type="application/pdf",
    )
    content = note(
        to,
        SUBJECT,
        "encloses the procedure by which wishes are recorded.",
        consultation=question.consultation,
        in_reply_to=question.name,
        documents=[document],
    )
    # Whoever answers the same message twice by a mistake or after a crash, answers it once.
    system.send(f"answer-{question.name.removeprefix('messages/')[:32]}", content)


def say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--desk", required=True, metavar="HOST:PORT", help="where `chancery desk serve` listens")
    parser.add_argument("--server-name", required=True, help="main.desk. and the domain of the ministry")
    parser.add_argument("--clients", required=True, type=Path, help="folder with casework/, legal/ and head/")
    parser.add_argument("--state", required=True, type=Path, help="folder for the cursor and what was fetched")
    parser.add_argument("--patience", type=float, default=600, metavar="SECONDS", help="how long to wait for the other ministry")
    parts = parser.add_subparsers(dest="part", required=True)
    asking = parts.add_parser("ask", help="send a note and wait for its answer")
    asking.add_argument("--job", required=True, help="a name that is new for each new intention: a-z, 0-9 and '-'")
    answering = parts.add_parser("answer", help="answer the next note about that with a document")
    answering.add_argument("--annex", required=True, type=Path)
    for part in (asking, answering):
        part.add_argument("--to", required=True, metavar="MINISTRY", help="code of the other ministry")
    options = parser.parse_args()

    system = System(options.desk, options.server_name, options.clients, options.state, options.patience)
    try:
        if options.part == "ask":
            ask(system, options.to, options.job)
        else:
            answer(system, options.to, options.annex)
    except Refused as refused:
        print(refused, *(f"  {field}: {why}" for field, why in refused.fields), sep="\n", file=sys.stderr)
        return 1
    except TimeoutError as nothing:
        print(nothing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
