#!/usr/bin/env python3
"""Carries one large document from desk to desk between two real gateways, and measures it.

Not part of the default suite: 4 GiB take some minutes and about 20 GB of disk. Run from anywhere, with the two
programs built (`cargo build --release`):

    tests/large_document.py --size-mib 4096 --programs target/release
    tests/large_document.py --size-mib 1024 --kill          # gateways are killed in the middle, commands run again

Prints the time and rate of every stage, and the peak resident memory (VmHWM) of every process. Exits with 1 where
what arrived is not what was sent, or memory is over its bound.
"""

import argparse
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

MIB = 1024 * 1024
MEMORY_BOUND_MIB = 64  # of a gateway; the desk opens its keys with a passphrase, which alone takes 256 MiB

FORM = """kind = "correspondence"
to = ["XB"]
consultation = "new"
precedence = "ROUTINE"
level = "RESTRICTED"
form = "MEMORANDUM"

[act]
subject = "A large document"

[[text]]
id = "en"
language = "en"
standing = "OFFICIAL"
title = "Memorandum"
words = "See the document."

[[document]]
id = "scan"
path = "large.bin"
title = "Scan"
class = "EVIDENCE"
language = "und"
media_type = "application/octet-stream"
"""


class Watched:
    """A process whose peak memory is read while it lives."""

    def __init__(self, command, cwd):
        self.process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.peak_kib = 0
        self.said = []
        self.threads = [threading.Thread(target=self.look, daemon=True), threading.Thread(target=self.read, daemon=True)]
        for thread in self.threads:
            thread.start()

    def read(self):
        self.said.extend(self.process.stdout)

    def look(self):
        while self.process.poll() is None:
            try:
                with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
                    for line in status:
                        if line.startswith("VmHWM:"):
                            self.peak_kib = max(self.peak_kib, int(line.split()[1]))
            except (OSError, ValueError):
                pass
            time.sleep(0.02)

    def end(self):
        code = self.process.wait()
        for thread in self.threads:
            thread.join()
        return code


class Run:
    def __init__(self, programs, place):
        self.programs, self.place, self.peaks = programs, place, {}

    def command(self, name, *arguments, again=0):
        """Runs a command to its end; one that asks to try later is run again."""
        for _ in range(again + 1):
            words = [str(self.programs / "chancery"), "--passphrase-file", "words", *arguments]
            watched = Watched(words, self.place)
            code = watched.end()
            self.peaks[name] = max(self.peaks.get(name, 0), watched.peak_kib)
            if code != 5:
                break
        if code != 0:
            sys.exit(f"chancery {' '.join(arguments)}: exit {code}\n{''.join(watched.said)}")
        return "".join(watched.said)

    def gateway(self, code):
        watched = Watched([str(self.programs / "chancery-gateway"), "run", "--home", f"{code}/gateway"], self.place)
        endpoint = self.place / code / "gateway" / "run" / "endpoint"
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and watched.process.poll() is None:
            status = [str(self.programs / "chancery"), "--home", f"{code}/gateway", "status"]
            if subprocess.run(status, cwd=self.place, capture_output=True, check=False).returncode in (0, 1, 5):
                return watched
            time.sleep(0.1)
        sys.exit(f"the gateway of {code} did not start ({endpoint})\n{''.join(watched.said)}")

    def found(self, ports):
        (self.place / "words").write_text("correct horse battery\n")
        (self.place / "words").chmod(0o600)
        for code, (relay, mailbox) in ports.items():
            name, domain = code.upper(), f"mfa.{code}.example"
            self.command("founding", "init", "ministry", "--ministry", name, "--name", f"Ministry of {name}",
                         "--domain", domain, f"{code}/root")
            self.command("founding", "--home", f"{code}/gateway", "init", "gateway", "--ministry", name, "--domain",
                         domain, "--relay", f"127.0.0.1:{relay}", "--mailbox", f"127.0.0.1:{mailbox}")
            self.command("founding", "--home", f"{code}/desk", "init", "desk", "--ministry", name, "--domain", domain,
                         "--gateway", f"127.0.0.1:{mailbox}")
            for home in ("gateway", "desk"):
                self.command("founding", "desk", "enrol", "--ministry-home", f"{code}/root", f"{code}/{home}")
            self.command("founding", "trust", "sign", "--ministry-home", f"{code}/root", "--gateway",
                         f"{code}/gateway", "--desk", f"{code}/desk", "-o", f"{code}.bundle")


def write_document(path, size):
    """Bytes that do not compress, and their digest."""
    block, digest = os.urandom(MIB), hashlib.sha256()
    with open(path, "wb") as file:
        for number in range(size // MIB):
            piece = number.to_bytes(8, "big") + block[8:]
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def digest_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(MIB):
            digest.update(piece)
    return digest.hexdigest()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--size-mib", type=int, default=4096)
    options.add_argument("--programs", type=pathlib.Path, default=pathlib.Path("target/release"))
    options.add_argument("--within", default=tempfile.gettempdir(), help="folder for everything; it is removed")
    options.add_argument("--kill", action="store_true", help="kill gateways in the middle")
    options.add_argument("--port", type=int, default=17101)
    given = options.parse_args()
    size = given.size_mib * MIB
    place = pathlib.Path(tempfile.mkdtemp(prefix="chl", dir=given.within))
    run = Run(given.programs.resolve(), place)
    gateways, timings = {}, []
    try:
        ports = {"xa": (given.port, given.port + 1), "xb": (given.port + 2, given.port + 3)}
        run.found(ports)
        gateways = {code: run.gateway(code) for code in ports}
        for code, peer in (("xa", "xb"), ("xb", "xa")):
            seen = run.command("founding", "peer", "inspect", f"{peer}.bundle", "--json")
            fingerprint = __import__("json").loads(seen.splitlines()[-1])["fingerprint"]
            run.command("founding", "--home", f"{code}/desk", "peer", "add", f"{peer}.bundle", "--fingerprint", fingerprint)
        digest = write_document(place / "large.bin", size)
        (place / "form.toml").write_text(FORM)

        def kill_after(code, seconds):
            def kill():
                time.sleep(seconds)
                gateways[code].process.send_signal(signal.SIGKILL)
                gateways[code].end()
                run.peaks[f"gateway {code}"] = max(run.peaks.get(f"gateway {code}", 0), gateways[code].peak_kib)
                gateways[code] = run.gateway(code)
            thread = threading.Thread(target=kill)
            thread.start()
            return thread

        def stage(name, killed, work):
            begin = time.monotonic()
            thread = kill_after(*killed) if given.kill and killed else None
            work()
            if thread:
                thread.join()
            timings.append((name, time.monotonic() - begin))

        def send():
            ended = Watched([str(run.programs / "chancery"), "--passphrase-file", "words", "--home", "xa/desk", "send",
                             "form.toml", "--yes"], place)
            code = ended.end()
            run.peaks["desk xa: send"] = ended.peak_kib
            if code not in (0, 5):
                sys.exit("".join(ended.said))
            if code == 5:
                run.command("desk xa: outbox", "--home", "xa/desk", "--timeout", "60s", "outbox", again=20)

        def deliver():
            deadline = time.monotonic() + 3600
            while '"state":"delivered"' not in run.command("desk xa: outbox", "--home", "xa/desk", "outbox", "--json"):
                if time.monotonic() > deadline:
                    sys.exit("not delivered in an hour")
                time.sleep(0.2)

        whole = time.monotonic()
        stage("measure, seal, hand over", ("xa", 20.0), send)
        stage("gateway to gateway", ("xb", 3.0), deliver)
        # Delivered: what the first desk still has only takes room.
        (place / "large.bin").unlink()
        shutil.rmtree(place / "xa" / "desk" / "parts", ignore_errors=True)
        stage("fetch, open, save", None,
              lambda: run.command("desk xb: read", "--home", "xb/desk", "read", "@last", "--documents", "saved", again=20))
        whole = time.monotonic() - whole
        right = digest_of(place / "saved" / "scan.bin") == digest
        for code, gateway in gateways.items():
            run.peaks[f"gateway {code}"] = max(run.peaks.get(f"gateway {code}", 0), gateway.peak_kib)
        print(f"{given.size_mib} MiB desk to desk: {whole:.1f} s, {size / whole / 1e6:.1f} MB/s, "
              f"{'arrived whole' if right else 'DAMAGED'}")
        for name, seconds in timings:
            print(f"  {name:<26} {seconds:7.1f} s  {size / seconds / 1e6:7.1f} MB/s")
        for name, peak in sorted(run.peaks.items()):
            print(f"  VmHWM {name:<20} {peak / 1024:7.1f} MiB")
        over = [name for name, peak in run.peaks.items() if name.startswith("gateway") and peak > MEMORY_BOUND_MIB * 1024]
        if not right or over:
            sys.exit(1)
    finally:
        for gateway in gateways.values():
            if gateway.process.poll() is None:
                gateway.process.terminate()
                gateway.end()
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
