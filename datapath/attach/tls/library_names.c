// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One table, and prefixes. */
#include "datapath/attach/tls/library_names.h"

#include <stdio.h>
#include <string.h>

#include "datapath/attach/tls/openssl_place.h"

static const struct {
	const char *part;     /* of the file name */
	enum tls_stack stack; /* NONE: not known from the name */
} libraries[] = {
	{"libcrypto", TLS_STACK_NONE},	   {"libgnutls", TLS_STACK_GNUTLS},
	{"libssl3.so", TLS_STACK_NSS},	   {"libmbedtls", TLS_STACK_MBEDTLS},
	{"libwolfssl", TLS_STACK_WOLFSSL}, {"libboringssl", TLS_STACK_BORINGSSL},
	{"libjvm.so", TLS_STACK_JAVA},
};
#define LIBRARIES (sizeof(libraries) / sizeof(libraries[0]))

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

/* Returns LIBRARIES if the name is not that of a TLS library. */
static size_t find(const char *path)
{
	const char *name = last_component(path);
	size_t i = 0;

	while (i < LIBRARIES && !strstr(name, libraries[i].part))
		i++;
	return i;
}

bool library_name_matters(const char *path)
{
	return library_name_begins(path, LIBRARY_SSL) || library_name_is_loader(path) ||
	       find(path) < LIBRARIES;
}

enum tls_stack library_name_stack(const char *path)
{
	size_t i = find(path);

	return i < LIBRARIES ? libraries[i].stack : TLS_STACK_NONE;
}

bool library_name_reason(const char *path, char ret[128])
{
	enum tls_stack stack = library_name_stack(path);

	if (stack)
		snprintf(ret, 128, "%s: %s", tls_stack_shown(stack), tls_stack_reason(stack));
	else
		snprintf(ret, 128, "libcrypto without %s (older than OpenSSL 3, or not OpenSSL)",
			 OPENSSL_DERIVE);
	return find(path) < LIBRARIES;
}
