// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One question, one answer: a number, a path. */
#include "control/agent/cgroup_resolver.h"

#include "control/agent/runtime_state.h"

#include "base/cleanup.h"
#include "base/schedule.h"
#include "datapath/attach/core/cgroups.h"
#include "datapath/attach/core/local_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct cgroup_resolver {
	pthread_t thread;
	const char *cgroup_root;
	struct local_files *local;
	struct ipc *requests;
};

static void answer_path(struct cgroup_resolver *n, const struct ipc_request *request,
			uint64_t cgroup_id)
{
	struct ipc_path path;

	if (cgroups_path(n->cgroup_root, cgroup_id, path.path, sizeof(path.path)))
		ipc_refuse(n->requests, request, -ENOENT, NULL);
	else
		ipc_answer(n->requests, request, &path, sizeof(path), -1);
}

static void answer_file(struct cgroup_resolver *n, const struct ipc_request *request,
			const struct ipc_container_file *wanted)
{
	cleanup_close int fd = -1;
	char path[256];

	if (!cgroups_path(n->cgroup_root, wanted->cgroup_id, path, sizeof(path)))
		fd = runtime_state_open(n->local, path, (unsigned)wanted->number);
	if (fd < 0)
		ipc_refuse(n->requests, request, -ENOENT, NULL);
	else
		ipc_answer(n->requests, request, NULL, 0, fd);
}

static void *run(void *arg)
{
	struct cgroup_resolver *n = arg;
	struct ipc_request request;
	struct ipc_container_file data;
	int r = 0;

	while (!r || r == -EAGAIN) {
		ipc_wait(n->requests, -1);
		r = ipc_receive(n->requests, &request, &data, sizeof(data), NULL);
		if (!r && request.message == IPC_MESSAGE_CGROUP_PATH)
			answer_path(n, &request, data.cgroup_id);
		else if (!r)
			answer_file(n, &request, &data);
	}
	return NULL;
}

int cgroup_resolver_new(const char *cgroup_root, struct ipc *requests, struct cgroup_resolver **ret,
			struct error *err)
{
	struct cgroup_resolver *n = calloc(1, sizeof(*n));
	int r = n ? local_files_new(&n->local, err) : -ENOMEM;

	if (!r) {
		n->cgroup_root = cgroup_root;
		n->requests = requests;
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

void cgroup_resolver_free(struct cgroup_resolver *n)
{
	if (!n)
		return;
	shutdown(n->requests->fd, SHUT_RDWR);
	pthread_join(n->thread, NULL);
	local_files_free(n->local);
	free(n);
}
