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

/* A unix socket that is listened on. */
struct listen_unix {
	int fd; /* -1 = none */
	dev_t device;
	ino_t inode;
	char path[108];
};

/* Listens on |path| with |mode|, which holds before anybody can connect. Makes the last directory
 * of the path (0755) if it is missing. Replaces a socket nobody answers on; -EADDRINUSE when
 * somebody does, -EEXIST when the path is something else, -ENAMETOOLONG, or what the kernel says,
 * with |err|. */
int listen_unix_open(const char *path, mode_t mode, struct listen_unix *ret, struct error *err);

/* Removes the path if it is still this socket. Does not close |fd|. */
void listen_unix_remove(const struct listen_unix *l);
