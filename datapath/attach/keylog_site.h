/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where OpenSSL's libssl hands the secrets of a handshake to its key log. The function is not
 * exported: it is known by the names of the secrets that its callers load, and by what it does with
 * its arguments. Never a guess: an instruction that is not what it seems would be overwritten. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYLOG_FILE_MAX_BYTES (8u << 20)   /* of a library that is looked into; real ones: 1 MiB */
#define TLS_TEXT_MAX_BYTES    (512u << 20) /* of a file that is searched for a name */

/* Finds, in the ELF file |fd| (64 bit, x86-64), the jump with which
 *	ssl_log_secret(ssl, label, secret, secret_bytes)
 * goes on to
 *	nss_keylog_int(label, ssl, client_random, 32, secret, secret_bytes)
 * and stores its place in the file. At this instruction the arguments of the latter are in their
 * registers, and the kernel emulates it. The file is read, never mapped. 0 or
 *   -ENOENT   there is none in this file, or it is built in another way
 *   -ENOEXEC  no such ELF file
 *   -E2BIG    larger than KEYLOG_FILE_MAX_BYTES
 *   -EIO, -ENOMEM
 * |ret_offset| is untouched on failure. */
int keylog_site_find(int fd, uint64_t *ret_offset, struct error *err);

/* Whether the file |fd| has the names in it by which TLS derives keys. False for what cannot be
 * read. */
bool keylog_names_tls(int fd);
