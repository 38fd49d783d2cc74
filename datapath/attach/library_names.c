// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One table, and prefixes. */
#include "datapath/attach/library_names.h"

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
	X("libboringssl", "BoringSSL: no probe for this library yet")                              \
	X("libjvm.so", "Java: no probe for the TLS of its own classes")

static const struct {
	const char *part; /* of the name */
	const char *reason;
} libraries[] = {
#define X(part, reason) {part, reason},
	LIBRARIES(X)
#undef X
};

const char *const library_dirs[LIBRARY_DIRS] = {
	"/usr/lib/x86_64-linux-gnu",
	"/usr/lib/aarch64-linux-gnu",
	"/usr/lib64",
	"/usr/lib",
	"/usr/local/lib64",
	"/usr/local/lib",
	"/lib",
};

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool library_name_begins(const char *path, const char *with)
{
	return !strncmp(last_component(path), with, strlen(with));
}

bool library_name_is_loader(const char *path)
{
	return library_name_begins(path, "ld-");
}

bool library_name_matters(const char *path)
{
	return library_name_begins(path, LIBRARY_SSL) || library_name_is_loader(path) ||
	       library_name_reason(path);
}

const char *library_name_reason(const char *path)
{
	const char *name = last_component(path);

	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
		if (strstr(name, libraries[i].part))
			return libraries[i].reason;
	return NULL;
}
