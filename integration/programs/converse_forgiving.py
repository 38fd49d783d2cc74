#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Has conversations with obey.py as curl, or as Python's http.client, has them, one request after the other, and says what this
client accepted.
Usage and output as of converse.py, with --curl or --python; the forms are those of the answer; asks_again: it sends a request again
where the connection that it was sent on ends without an answer."""

import http.client
import subprocess
import tempfile

import forgiven
import talks

PATIENCE = 8
SAID = "%{exitcode} %{http_code} %{size_download}\n"


class Talk:
    def __init__(self, seed, args, tls):
        self.seed, self.args, self.tls = seed, args, tls
        self.requests = forgiven.plan(seed)

    def run(self):
        answers = self.ask_curl() if self.args.curl else self.ask_python()
        told = [forgiven.told(request, self.seed, number, *answer) for number, (request, answer) in enumerate(zip(self.requests, answers)) if answer]
        return {"seed": self.seed, "asked": [[request.method, request.path] for request in self.requests], "answers": told,
                "asks_again": self.args.curl}

    def ask_curl(self):
        """(status, bytes) of each request, None where curl did not accept what came."""
        command = ["curl"]
        with tempfile.TemporaryDirectory() as folder:
            for number, request in enumerate(self.requests):
                command += ["--next"] * bool(number) + ["-qsk", "--http1.1", "-m", "20", "-o", "/dev/null", "-w", SAID]
                command += ["-I"] if request.method == "HEAD" else ["-X", request.method]
                command += [part for name, value in request.headers for part in ("-H", f"{name}: {value}")]
                if request.body:
                    with open(f"{folder}/{number}", "wb") as body:
                        body.write(request.body)
                    command += ["--data-binary", f"@{folder}/{number}"]
                command.append(f"{'https' if self.tls else 'http'}://{self.args.host}:{self.args.port}{request.path}")
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        rows = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
        return [None if code else (status, size) for code, status, size in rows]

    def ask_python(self):
        place = self.args.host, self.args.port
        client = http.client.HTTPSConnection(*place, timeout=PATIENCE, context=self.tls) if self.tls else http.client.HTTPConnection(*place, timeout=PATIENCE)
        answers = []
        for request in self.requests:
            try:
                client.request(request.method, request.path, request.body or None, dict(request.headers))
                answer = client.getresponse()
                body = answer.read()
                if body != forgiven.meant(self.seed, len(answers), request.method):
                    raise ValueError("misread")  # two bytes are the end of a chunk for this client, also where LF alone is
                answers.append((answer.status, len(body)))
            except (http.client.HTTPException, OSError, ValueError):
                client.close()
                answers.append(None)
        client.close()
        return answers


talks.main(Talk, "--curl", "--python")
