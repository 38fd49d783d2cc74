# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A second witness of what passed an interface and when: packet(7) with the kernel's own time stamps, taken as a packet
leaves the stack for the interface and as it comes from there. weft's hooks lie behind: it sees a packet leave before this
does, and arrive after."""

import collections
import ctypes
import mmap
import os
import socket
import struct
import threading

from lab.processes import CLONE_NEWNET, libc
from lab.verdict import Failure

SOL_PACKET, PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, TPACKET_V2 = 263, 5, 6, 10, 1
ETH_P_ALL, PACKET_OUTGOING = 3, 4
BLOCK_BYTES, FRAME_BYTES, FRAMES = 1 << 20, 256, 1 << 18
HEADER, LINK_ADDRESS_AT = struct.Struct("=IIIHHIIHH4x"), 32  # struct tpacket2_hdr, and where struct sockaddr_ll is

# |port| of the client; |sent| by the client; |at| in ns; |seq| of the first byte, |size| of the payload, its first bytes.
Packet = collections.namedtuple("Packet", "port sent at seq size head")


class Capture:
    """TCP packets with payload between |place| and port |port|, from now until packets() is called."""

    def __init__(self, place, port, at_client):
        self.port, self.at_client = port, at_client
        thread = threading.Thread(target=self.open, args=(place.name,))
        thread.start()
        thread.join()
        place.sandbox.on_close(self.close)

    def open(self, netns):
        """In a thread of its own, which alone enters the namespace."""
        fd = os.open(f"/run/netns/{netns}", os.O_RDONLY)
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(fd)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
        ring = struct.pack("=IIII", BLOCK_BYTES, FRAMES * FRAME_BYTES // BLOCK_BYTES, FRAME_BYTES, FRAMES)
        self.socket.setsockopt(SOL_PACKET, PACKET_RX_RING, ring)
        self.ring = mmap.mmap(self.socket.fileno(), FRAMES * FRAME_BYTES)
        self.socket.bind(("eth0", ETH_P_ALL))

    def close(self):
        self.ring.close()
        self.socket.close()

    def packets(self):
        """In order of their time stamps; each byte of a stream once."""
        seen, dropped = struct.unpack("=II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        if dropped or seen > FRAMES:
            raise Failure(f"the capture has room for {FRAMES} packets, {seen} passed, {dropped} were lost")
        found = [packet for n in range(seen) if (packet := self.packet(n * FRAME_BYTES))]
        ends, once = {}, []
        for packet in sorted(found, key=lambda packet: packet.at):
            way = packet.port, packet.sent
            if (packet.seq - ends.get(way, packet.seq)) % (1 << 32) < 1 << 31:
                ends[way] = packet.seq + packet.size
                once.append(packet)
        return once

    def packet(self, frame):
        _, _, caught, link_at, net_at, sec, nsec, _, _ = HEADER.unpack_from(self.ring, frame)
        outgoing = self.ring[frame + LINK_ADDRESS_AT + 10] == PACKET_OUTGOING
        data = self.ring[frame + net_at:frame + link_at + caught]
        if data[:1] and data[0] >> 4 == 4 and data[9] == socket.IPPROTO_TCP:
            total, tcp_at = struct.unpack_from(">H", data, 2)[0], (data[0] & 15) * 4
        elif data[:1] and data[0] >> 4 == 6 and data[6] == socket.IPPROTO_TCP:
            total, tcp_at = 40 + struct.unpack_from(">H", data, 4)[0], 40
        else:
            return None
        source, target, seq = struct.unpack_from(">HHI", data, tcp_at)
        head = tcp_at + (data[tcp_at + 12] >> 4) * 4
        if self.port not in (source, target) or total <= head:
            return None
        return Packet(source if target == self.port else target, outgoing == self.at_client, sec * 10**9 + nsec, seq, total - head,
                      data[head:])


def exchanges(packets, is_request):
    """(ns of the first packet of a request, ns of the last one of its answer), in order: requests of which one at a time is
    on a connection. What the client sends is a request when |is_request(first bytes)|, until the server answers."""
    open_, found = {}, []
    for packet in packets:
        began = open_.get(packet.port)
        if not packet.sent and began:
            began[1] = packet.at
        elif packet.sent and is_request(packet.head) and (not began or began[1]):
            open_[packet.port] = [packet.at, None]
            found.append(open_[packet.port])
    return [(first, last) for first, last in found if last]
