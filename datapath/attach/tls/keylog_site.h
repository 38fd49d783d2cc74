/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where OpenSSL's libssl passes the secrets of a handshake to its key log, ssl_log_secret(ssl,
 * label, secret, secret_bytes). Neither that function nor its callers are exported. They are
 * identified by the names of secrets that are loaded, by the control flow between the calls, and by
 * how the function uses its arguments. Nothing is guessed: a probe at a wrong place would overwrite
 * part of an instruction. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYLOG_FILE_MAX_BYTES (8u << 20)   /* of an examined library; real ones: 1 MiB */
#define TLS_TEXT_MAX_BYTES    (512u << 20) /* limit for a file that is searched for a name */
#define KEYLOG_SITES_MAX      3

/* Calls of ssl_log_secret, as file offsets; the kernel emulates each of these instructions. In this
 * order: with the traffic secrets of TLS 1.3, with the master secret of TLS 1.2, and, in versions
 * that log them, with the secrets after a KeyUpdate. The call with the exporter secret is not
 * included. */
struct keylog_sites {
	uint64_t offsets[KEYLOG_SITES_MAX];
	unsigned count;
	uint32_t random_offset_bytes; /* offset of the client random in |ssl| */
};

/* Finds them in the ELF file |fd| (64 bit, x86-64), which is read, never mapped. 0 or
 *   -ENOENT   there are none in this file, or it is built in another way
 *   -ENOEXEC  no such ELF file
 *   -E2BIG    larger than KEYLOG_FILE_MAX_BYTES
 *   -EIO, -ENOMEM
 * |ret| is untouched on failure. */
int keylog_sites_find(int fd, struct keylog_sites *ret, struct error *err);

/* Whether the file |fd| contains the labels with which TLS derives keys. False for a file that
 * cannot be read. */
bool keylog_names_tls(int fd);
