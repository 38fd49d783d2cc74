// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A pin's name says which instruction of which file its probe sits on. */
#include "datapath/attach/library_probe.h"

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
	return lib->symbol && !strcmp(lib->symbol, OPENSSL_LOG);
}

static void pin_name(const struct library *lib, char out[PIN_NAME_MAX])
{
	snprintf(out, PIN_NAME_MAX, "%s%" PRIx64 "-%" PRIx64 "-%" PRIx64,
		 library_probe_is_log(lib) ? PIN_LOG : PIN_DERIVE, lib->device, lib->inode,
		 lib->file_offset);
}

int library_probe_attach(const struct uprobe_programs *programs, const char *pin_dir, int fd,
			 struct library *lib, struct bpf_link **ret, struct error *err)
{
	char path[512], name[PIN_NAME_MAX];
	int r;

	if (!pin_dir)
		return uprobe_link_attach(programs, fd, lib->file_offset, ret, err);
	pin_name(lib, name);
	snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	if (!uprobe_link_adopt(programs, path, ret)) {
		lib->pinned = true;
		return 1;
	}
	r = uprobe_link_attach(programs, fd, lib->file_offset, ret, err);
	if (!r)
		lib->pinned = !uprobe_link_pin(*ret, path);
	return r;
}

bool library_probe_is_pin(const struct library *lib, const char *name)
{
	char own[PIN_NAME_MAX];

	pin_name(lib, own);
	return lib->pinned && !strcmp(own, name);
}

static bool is_ours(const char *name)
{
	return !strncmp(name, PIN_DERIVE, strlen(PIN_DERIVE)) ||
	       !strncmp(name, PIN_LOG, strlen(PIN_LOG));
}

int library_probe_unpin(const char *pin_dir, library_pin_is_used *is_used, void *arg)
{
	DIR *dir cleanup_closedir = opendir(pin_dir);
	struct dirent *entry;
	int removed = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (!is_ours(entry->d_name) || (is_used && is_used(arg, entry->d_name)))
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0))
			return -errno;
		removed++;
	}
	return removed;
}
