// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A pin's name identifies the file and the instruction of its probe. */
#include "datapath/attach/tls/library_probe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define PIN_DERIVE   "libcrypto-"
#define PIN_LOG	     "libssl-"
#define PIN_NAME_MAX 128

bool library_probe_is_log(const struct library *lib)
{
	return lib->place.symbol && !strcmp(lib->place.symbol, OPENSSL_LOG);
}

static void pin_name(const struct library *lib, unsigned number, char out[PIN_NAME_MAX])
{
	snprintf(out, PIN_NAME_MAX, "%s%" PRIx64 "-%" PRIx64 "-%" PRIx64,
		 library_probe_is_log(lib) ? PIN_LOG : PIN_DERIVE, lib->device, lib->inode,
		 lib->place.at.offsets[number]);
}

/* Like library_probe_attach, for one link. */
static int attach_one(const struct uprobe_programs *programs, const char *pin_dir, int fd,
		      struct library *lib, unsigned number, struct bpf_link **ret,
		      struct error *err)
{
	const struct uprobe_places *at = &lib->place.at;
	char path[512], name[PIN_NAME_MAX];
	int r;

	if (!pin_dir)
		return uprobe_link_attach(programs, fd, at, number, ret, err);
	pin_name(lib, number, name);
	snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	if (!uprobe_link_adopt(programs, path, ret)) {
		lib->pinned = true;
		return 1;
	}
	r = uprobe_link_attach(programs, fd, at, number, ret, err);
	if (!r)
		lib->pinned = !uprobe_link_pin(*ret, path);
	return r;
}

int library_probe_attach(const struct uprobe_programs *programs, const char *pin_dir, int fd,
			 struct library *lib, struct bpf_link *ret[UPROBE_PLACES_MAX],
			 struct error *err)
{
	unsigned count = uprobe_link_count(programs, &lib->place.at);
	int adopted = 1;

	for (unsigned i = 0; i < count; i++) {
		int r = attach_one(programs, pin_dir, fd, lib, i, &ret[i], err);

		adopted &= r;
		if (r >= 0)
			continue;
		for (; i; i--)
			uprobe_link_close(take_ptr(ret[i - 1]), false);
		return r;
	}
	return adopted;
}

bool library_probe_is_pin(const struct library *lib, const char *name)
{
	char own[PIN_NAME_MAX];

	for (unsigned i = 0; lib->pinned && i < lib->place.at.count; i++) {
		pin_name(lib, i, own);
		if (!strcmp(own, name))
			return true;
	}
	return false;
}

int library_probe_unpin(const char *pin_dir, library_pin_is_used *is_used, void *arg)
{
	DIR *dir cleanup_closedir = opendir(pin_dir);
	struct dirent *entry;
	int removed = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name;
		bool ours = !strncmp(name, PIN_DERIVE, strlen(PIN_DERIVE)) ||
			    !strncmp(name, PIN_LOG, strlen(PIN_LOG));

		if (!ours || (is_used && is_used(arg, name)))
			continue;
		if (unlinkat(dirfd(dir), name, 0))
			return -errno;
		removed++;
	}
	return removed;
}
