// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One question, one answer: a number, a path. */
#include "control/namer.h"

#include "control/agent/runtime_state.h"
#include "control/broker.h"

#include "base/cleanup.h"
#include "base/schedule.h"
#include "datapath/attach/cgroups.h"
#include "datapath/attach/local_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct namer {
	pthread_t thread;
	const char *cgroup_root;
	struct local_files *local;
	int fd;
};

static void *run(void *arg)
{
	struct namer *n = arg;
	struct broker_name name;

	while (!broker_name_read(n->fd, &name)) {
		cleanup_close int state = -1;

		if (cgroups_path(n->cgroup_root, name.cgroup_id, name.path, sizeof(name.path)))
			name.path[0] = 0;
		else if (name.state)
			state = runtime_state_open(n->local, name.path, (unsigned)name.state);
		broker_name_answer(n->fd, &name, state);
	}
	return NULL;
}

int namer_new(const char *cgroup_root, int fd, struct namer **ret, struct error *err)
{
	struct namer *n = calloc(1, sizeof(*n));
	int r = n ? local_files_new(&n->local, err) : -ENOMEM;

	if (!r) {
		n->cgroup_root = cgroup_root;
		n->fd = fd;
		r = schedule_first(&n->thread, run, n);
		r = r == -EPERM ? -pthread_create(&n->thread, NULL, run, n) : r;
	}
	if (r) {
		if (n)
			local_files_free(n->local);
		free(n);
		return error_set(err, r, "cannot start the thread that names control groups: %s",
				 strerror(-r));
	}
	*ret = n;
	return 0;
}

void namer_free(struct namer *n)
{
	if (!n)
		return;
	shutdown(n->fd, SHUT_RDWR);
	pthread_join(n->thread, NULL);
	local_files_free(n->local);
	free(n);
}
