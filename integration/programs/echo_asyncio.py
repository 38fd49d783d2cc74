#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Says back what it is told, with asyncio. Usage: echo_asyncio.py serve PORT | ask ADDRESS PORT CONNECTIONS TIMES SIZE ..."""

import asyncio
import os
import sys


async def echo(reader, writer):
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


async def serve(port):
    server = await asyncio.start_server(echo, "0.0.0.0", port)
    async with server:
        await server.serve_forever()


async def talk(address, port, times, sizes):
    reader, writer = await asyncio.open_connection(address, port)
    for size in sizes:
        sent = os.urandom(size)
        for _ in range(times):
            writer.write(sent)
            if await asyncio.wait_for(reader.readexactly(size), 20) != sent:
                raise SystemExit(f"{size} bytes came back differently")
    writer.close()


async def ask(address, port, connections, times, *sizes):
    await asyncio.gather(*(talk(address, port, times, sizes) for _ in range(connections)))


if sys.argv[1] == "serve":
    asyncio.run(serve(int(sys.argv[2])))
else:
    asyncio.run(ask(sys.argv[2], *map(int, sys.argv[3:])))
