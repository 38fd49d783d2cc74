// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Uses the symbol table first, then the code. */
#include "datapath/attach/tls/openssl_place.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "datapath/attach/tls/elf_symbols.h"
#include "datapath/attach/tls/keylog_site.h"

static_assert(KEYLOG_SITES_MAX == UPROBE_PLACES_MAX, "sites are places");

/* Selects the instruction from the function's first bytes. */
static void place_at_entry(int fd, const struct elf_function *function, struct openssl_place *ret)
{
	uint8_t code[PROBE_SITE_REACH_BYTES + 16];
	ssize_t n = pread(fd, code, sizeof(code), (off_t)function->file_offset);
	struct probe_site site = probe_site_choose(function->machine, code, n > 0 ? (size_t)n : 0);

	if (function->size_bytes && site.offset_bytes >= function->size_bytes)
		site = (struct probe_site){0, PROBE_SITE_STEPPED};
	*ret = (struct openssl_place){
		.kind = OPENSSL_DERIVES,
		.symbol = OPENSSL_DERIVE,
		.at = {{function->file_offset + site.offset_bytes}, 1, 0},
		.sits_on = site.kind,
	};
}

int openssl_place_find(int fd, struct openssl_place *ret, struct error *err)
{
	struct elf_function function;
	struct keylog_sites sites;
	int r = elf_function_find(fd, OPENSSL_DERIVE, &function, err);

	if (!r) {
		place_at_entry(fd, &function, ret);
		return 0;
	}
	if (r != -ENOLINK || !keylog_names_tls(fd))
		return r;
	*ret = (struct openssl_place){.kind = OPENSSL_USES};
	if (keylog_sites_find(fd, &sites, NULL))
		return 0;
	*ret = (struct openssl_place){
		.kind = OPENSSL_LOGS,
		.symbol = OPENSSL_LOG,
		.at = {.count = sites.count, .cookie = sites.random_offset_bytes},
		.sits_on = PROBE_SITE_CALL,
	};
	memcpy(ret->at.offsets, sites.offsets, sizeof(sites.offsets));
	return 0;
}

bool openssl_path_beside(const char *path, const char *from, const char *to, char ret[320])
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t from_bytes = strlen(from);

	if (strncmp(name, from, from_bytes) != 0)
		return false;
	return snprintf(ret, 320, "%.*s%s%s", (int)(name - path), path, to, name + from_bytes) <
	       320;
}
