# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The beginning of programs that have conversations: their arguments, and eight conversations at a time."""

import argparse
import json
import ssl
from concurrent.futures import ThreadPoolExecutor


def client_context(protocols):
    """Of TLS, to servers with certificates that they signed themselves; |protocols|: of ALPN."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    if protocols:
        tls.set_alpn_protocols(protocols)
    return tls


def main(talk, *flags, protocols=()):
    """|talk|(seed, args, tls) has run(), whose result is printed as a line of JSON; |flags| are options without a value."""
    parser = argparse.ArgumentParser()
    for flag in ("--tls", *flags):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("host")
    for number in ("port", "first", "count"):
        parser.add_argument(number, type=int)
    args = parser.parse_args()
    tls = client_context(protocols) if args.tls else None
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda seed: talk(seed, args, tls).run(), range(args.first, args.first + args.count)):
            print(json.dumps(found), flush=True)
