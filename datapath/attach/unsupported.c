// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One table. */
#include "datapath/attach/unsupported.h"

#include <stddef.h>
#include <string.h>

#include "datapath/attach/openssl_place.h"

#define LIBRARIES(X)                                                                               \
	X("libcrypto",                                                                             \
	  "libcrypto without " OPENSSL_DERIVE " (older than OpenSSL 3, or not OpenSSL)")           \
	X("libgnutls", "GnuTLS: no probe for this library yet")                                    \
	X("libssl3.so", "NSS: no probe for this library yet")                                      \
	X("libmbedtls", "Mbed TLS: no probe for this library yet")                                 \
	X("libwolfssl", "wolfSSL: no probe for this library yet")                                  \
	X("libboringssl", "BoringSSL: no probe for this library yet")

static const struct {
	const char *part; /* of the name */
	const char *reason;
} libraries[] = {
#define X(part, reason) {part, reason},
	LIBRARIES(X)
#undef X
};

const char *unsupported_reason(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
		if (strstr(name, libraries[i].part))
			return libraries[i].reason;
	return NULL;
}
