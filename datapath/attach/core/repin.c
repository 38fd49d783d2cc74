// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One access(2) for each pin that is there. */
#include "datapath/attach/core/repin.h"

#include "datapath/attach/core/mounts.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(struct repin *r, const char *path, const char *why)
{
	snprintf(r->problem, sizeof(r->problem), "%.160s: %s", path, why);
}

bool repin_begin(struct repin *r, const char *pin_dir)
{
	bool made = !mkdir(pin_dir, 0700);

	r->problem[0] = 0;
	if (!made && errno != EEXIST)
		fail(r, pin_dir, strerror(errno));
	else if (!mounts_is_bpffs(pin_dir))
		fail(r, pin_dir, "not on a bpf file system any more");
	else if (access(pin_dir, W_OK))
		fail(r, pin_dir, strerror(errno));
	if (r->problem[0] && made)
		rmdir(pin_dir);
	return !r->problem[0];
}

void repin_directory(struct repin *r, const char *path)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		fail(r, path, strerror(errno));
}

void repin_object(struct repin *r, const char *path, int fd)
{
	if (fd < 0 || !access(path, F_OK))
		return;
	if (bpf_obj_pin(fd, path))
		fail(r, path, strerror(errno));
	else
		r->count++;
}
