/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CompressedCertificate messages (RFC 8879): OpenSSL since 3.2 and BoringSSL send them. */
#pragma once

#include "base/slice.h"

/* Decompresses |body| into |out|: the Certificate message, or its beginning where it is longer than
 * |size| or |body| is not complete; |*ret_bytes| were written. Returns 0, -EBADMSG, -ENOTSUP (an
 * algorithm that is not zlib, brotli or zstd), -ENOMEM. */
int tls_compressed_read(struct slice body, char *out, size_t size, size_t *ret_bytes);
