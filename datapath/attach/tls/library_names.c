// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One table, and prefixes. Directories are opened like files of other programs: they may lie on
 * another file system. */
#include "datapath/attach/tls/library_names.h"

#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "datapath/attach/core/local_files.h"
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

/* ---- directories */

int library_watch(int inotify_fd, int fd, uint32_t events)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return inotify_add_watch(inotify_fd, path, events);
}

void library_dirs_watch(struct library_dirs *d, struct local_files *local, int inotify_fd)
{
	char root[2];

	d->host_pid = readlink("/proc/1/root", root, sizeof(root)) < 0 ? (uint32_t)getpid() : 1;
	for (size_t i = 0; i < LIBRARY_DIRS; i++) {
		int fd cleanup_close =
			local_files_open_directory(local, d->host_pid, library_dirs[i]);

		d->watches[i] =
			fd < 0 ? -1 : library_watch(inotify_fd, fd, IN_MOVED_TO | IN_CLOSE_WRITE);
	}
}

const char *library_dirs_find(const struct library_dirs *d, int watch, const char *name)
{
	if (!library_name_begins(name, LIBRARY_CRYPTO) && !library_name_begins(name, LIBRARY_SSL))
		return NULL;
	for (size_t i = 0; i < LIBRARY_DIRS; i++)
		if (d->watches[i] == watch)
			return library_dirs[i];
	return NULL;
}
