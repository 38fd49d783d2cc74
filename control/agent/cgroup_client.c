// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Requests to the cgroup resolver, and the container's name in its runtime's file. */
#include "control/agent/cgroup_client.h"

#include "control/agent/runtime_name.h"

#include "base/cleanup.h"
#include "base/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PAUSE_NS    5000000000ull
#define STATE_FILES 8 /* of runtimes, that are asked for the name of a container */

/* Records wait for the answer. When none comes in time no other request is made for a while. 0,
 * -EAGAIN (no answer now) or why there is none. */
static int request(struct cgroup_client *c, enum ipc_message message, const void *data,
		   size_t bytes, struct ipc_answer *ret)
{
	int r;

	if (process_now_ns() < c->due_ns)
		return -EAGAIN;
	r = ipc_ask(c->ipc, message, data, bytes, ret, NULL);
	if (r != -ETIMEDOUT)
		return r;
	c->due_ns = process_now_ns() + PAUSE_NS;
	return -EAGAIN;
}

int cgroup_client_path(struct cgroup_client *c, uint64_t cgroup_id, char *out, size_t size)
{
	struct ipc_path path;
	struct ipc_answer answer = {.data = &path, .size = sizeof(path)};
	int r = request(c, IPC_MESSAGE_CGROUP_PATH, &cgroup_id, sizeof(cgroup_id), &answer);

	if (!r)
		snprintf(out, size, "%s", path.path);
	return r;
}

/* Reads what a runtime keeps of the container |id|. */
static bool read_state(int fd, const char *id, struct observe_names *ret)
{
	off_t size = lseek(fd, 0, SEEK_END); /* fstat is another call in some C libraries */
	ssize_t n = -1;
	bool named;
	char *text;

	if (size <= 0 || size > RUNTIME_NAME_MAX_BYTES)
		return false;
	text = malloc((size_t)size);
	if (text)
		n = pread(fd, text, (size_t)size, 0);
	named = n > 0 && runtime_name_read(text, (size_t)n, id, ret);
	free(text);
	return named;
}

/* The |n|-th file of the runtime of a container, from 1: a descriptor, or a negative errno. */
static int ask_file(struct cgroup_client *c, uint64_t cgroup_id, unsigned n)
{
	struct ipc_container_file file = {cgroup_id, n};
	struct ipc_answer answer = {.wants_fd = true};
	int r = request(c, IPC_MESSAGE_CONTAINER_FILE, &file, sizeof(file), &answer);

	return r ? r : answer.fd;
}

int cgroup_client_container(struct cgroup_client *c, uint64_t cgroup_id, const char *id,
			    struct observe_names *ret)
{
	for (unsigned n = 1; n <= STATE_FILES; n++) {
		cleanup_close int fd = ask_file(c, cgroup_id, n);

		if (fd < 0)
			return fd;
		if (read_state(fd, id, ret))
			return 0;
	}
	return -ENOENT;
}
