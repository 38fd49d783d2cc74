/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CompressedCertificate messages (RFC 8879): OpenSSL since 3.2 and BoringSSL send them. */
#pragma once

#include "base/slice.h"

/* Puts the Certificate message that |body| is compressed from into |out|, the beginning of one that
 * is longer than |size|, and no more of it than |body| has; *ret_bytes are there then. Returns 0,
 * -EBADMSG, -ENOTSUP (an algorithm that is not zlib, brotli or zstd), -ENOMEM. */
int tls_compressed_read(struct slice body, char *out, size_t size, size_t *ret_bytes);
