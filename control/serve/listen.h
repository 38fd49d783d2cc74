/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Listening sockets for the server: TCP by address text, unix sockets with an explicit mode. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Listens on "ADDR:PORT" or "[ADDR]:PORT" (numeric, or localhost). A non-blocking, close-on-exec
 * descriptor which the caller closes; |*ret_port| is the port bound, |*ret_loopback| whether only
 * this machine can reach it. -EINVAL on a bad address, else what bind says, with |err|. */
int listen_tcp(const char *address, uint16_t *ret_port, bool *ret_loopback, struct error *err);

/* The address of the listener |fd|, IPv4 mapped into IPv6; false if it is no TCP socket. */
bool listen_address(int fd, uint8_t ret_addr[16], uint16_t *ret_port);

/* Listens on |path| with |mode|, which holds before a client can connect. Makes the last directory
 * of the path (0755) if it is missing. Replaces a socket without a listening process; -EADDRINUSE
 * when there is one, -EEXIST when the path is something else, -ENAMETOOLONG, or the kernel's error,
 * with |err|. A non-blocking, close-on-exec descriptor which the caller closes. */
int listen_unix_open(const char *path, mode_t mode, struct error *err);

/* Removes the socket at |path| once no process listens on it any more; nothing else. */
void listen_unix_remove(const char *path);
