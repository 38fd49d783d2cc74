#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A gRPC server without generated code: messages are bytes. Ok echoes, Missing fails with NOT_FOUND, Stream answers
with ten messages, Slow after 50 ms. One JSON line per call to ACCESS_LOG."""

import concurrent.futures
import json
import os
import time

import grpc

LOG = open(os.environ["ACCESS_LOG"], "a", buffering=1)


def record(name, status, size, began):
    LOG.write(json.dumps({"status": 200, "grpc_status": status, "method": "POST", "path": f"/lab.Echo/{name}",
                          "bytes": size, "seconds": time.monotonic() - began}) + "\n")


def ok(message, context):
    began = time.monotonic()
    record("Ok", 0, len(message) + 5, began)
    return message


def slow(message, context):
    began = time.monotonic()
    time.sleep(0.05)
    record("Slow", 0, len(message) + 5, began)
    return message


def missing(message, context):
    record("Missing", 5, 0, time.monotonic())
    context.abort(grpc.StatusCode.NOT_FOUND, "not here")


def stream(message, context):
    began = time.monotonic()
    for _ in range(10):
        yield message
    record("Stream", 0, 10 * (len(message) + 5), began)


HANDLERS = {"Ok": grpc.unary_unary_rpc_method_handler(ok), "Missing": grpc.unary_unary_rpc_method_handler(missing),
            "Slow": grpc.unary_unary_rpc_method_handler(slow), "Stream": grpc.unary_stream_rpc_method_handler(stream)}
server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("lab.Echo", HANDLERS),))
server.add_insecure_port(f"[::]:{os.environ['PORT']}")
server.start()
server.wait_for_termination()
