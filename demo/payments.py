#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The payments of the demo's shop: gRPC; every charge takes a while, one in fifteen is refused."""

import concurrent.futures
import itertools
import os
import time

import grpc

numbers = itertools.count(1)


def charge(message, context):
    time.sleep(0.012)
    if next(numbers) % 15 == 0:
        context.abort(grpc.StatusCode.UNAVAILABLE, "the bank is asleep")
    return b"paid"


server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
handler = grpc.method_handlers_generic_handler("shop.Payments", {"Charge": grpc.unary_unary_rpc_method_handler(charge)})
server.add_generic_rpc_handlers((handler,))
server.add_insecure_port(f"[::]:{os.environ['PORT']}")
server.start()
server.wait_for_termination()
