#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Calls grpc_server.py. Usage: grpc_client.py ADDRESS CALLS CONCURRENCY [RATE [METHOD...]]. Prints {method: {status: count}}.
Messages have MESSAGE_BYTES."""

import collections
import concurrent.futures
import json
import os
import sys
import time

import grpc

SIZE = int(os.environ.get("MESSAGE_BYTES", 0))
NAMES = ["Ok"] * 7 + ["Missing", "Stream", "Ok"]


def call(channel, name):
    path = f"/lab.Echo/{name}"
    try:
        if name == "Stream":
            return path, 0 if len(list(channel.unary_stream(path)(b"m" * (SIZE or 100)))) == 10 else -1
        channel.unary_unary(path)(b"m" * (SIZE or 20))
        return path, 0
    except grpc.RpcError as error:
        return path, error.code().value[0]


def main():
    address, calls, concurrency = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    pause = 1 / float(sys.argv[4]) if len(sys.argv) > 4 else 0
    methods = sys.argv[5:] or NAMES
    counts = collections.defaultdict(collections.Counter)
    with grpc.insecure_channel(address) as channel, concurrent.futures.ThreadPoolExecutor(concurrency) as pool:
        names = (methods[i % len(methods)] for i in range(calls))
        if pause:
            names = paced(names, pause)
        for path, status in pool.map(lambda name: call(channel, name), names) if not pause else \
                (call(channel, name) for name in names):
            counts[path][status] += 1
    print(json.dumps(counts))


def paced(names, pause):
    for name in names:
        yield name
        time.sleep(pause)


main()
