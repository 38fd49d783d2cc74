// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Walks, started by a timer, until one finds nothing to end. */
#include "datapath/attach/mesh/revocation.h"

#include "base/loop.h"
#include "datapath/attach/core/attach.h"
#include "datapath/attach/net/sock_destroy.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SOON_NS	 1000000ull    /* changes within this time are handled together */
#define APART_NS 100000000ull  /* minimum interval of requested walks */
#define LATER_NS 1000000000ull /* connections that were being made are established by then */
#define CONFINED "CAP_SYS_ADMIN is missing: only in the agent's own network namespace"
#define LOOKS	 2

struct revocation {
	struct attach *attach;
	int timer_fd;
	unsigned looks;	    /* walks still to do */
	uint64_t walked_ns; /* time of the latest walk */
	struct revocation_counts counts;
	char problem[160];
	ino_t own_netns;
	bool confined;	/* other network namespaces cannot be entered */
	uint32_t count; /* of the current walk */
	struct weft_verdict found[REVOCATION_MAX];
	struct sock_target targets[REVOCATION_MAX];
};

static bool has_capability(unsigned capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	return syscall(SYS_capget, &header, data) ||
	       data[capability / 32].effective & 1u << capability % 32;
}

int revocation_new(struct attach *a, struct revocation **ret, struct error *err)
{
	struct revocation *e;
	struct stat st;

	if (!attach_program(a, PROGRAM_mesh_endings) && !attach_program(a, PROGRAM_mesh_ends_files))
		return error_set(err, -ENOENT,
				 "this kernel does not load the walk over connections");
	e = calloc(1, sizeof(*e));
	if (!e)
		return error_set(err, -ENOMEM, "no memory");
	e->attach = a;
	e->confined = !has_capability(CAP_SYS_ADMIN);
	e->own_netns = stat("/proc/self/ns/net", &st) ? 0 : st.st_ino;
	e->timer_fd = loop_timer();
	if (e->timer_fd < 0) {
		free(e);
		return error_set(err, -errno, "cannot make a timer: %s", strerror(errno));
	}
	*ret = e;
	return 0;
}

void revocation_free(struct revocation *e)
{
	if (!e)
		return;
	close(e->timer_fd);
	free(e);
}

int revocation_fd(const struct revocation *e)
{
	return e->timer_fd;
}

const struct revocation_counts *revocation_counts(const struct revocation *e)
{
	return &e->counts;
}

const char *revocation_problem(const struct revocation *e)
{
	return e->problem;
}

const char *revocation_limits(const struct revocation *e)
{
	return e->confined ? CONFINED : "";
}

void revocation_want(struct revocation *e, uint64_t now_ns)
{
	uint64_t next_ns = e->walked_ns + APART_NS;

	e->looks = LOOKS;
	loop_timer_set(e->timer_fd, next_ns > now_ns + SOON_NS ? next_ns - now_ns : SOON_NS);
}

/* ---- one walk */

static int found(void *arg, void *record, size_t size_bytes)
{
	struct revocation *e = arg;
	struct weft_verdict *v = &e->found[e->count];

	if (size_bytes != sizeof(*v))
		return 0;
	memcpy(v, record, sizeof(*v));
	if (e->confined && v->tuple.netns_ino != e->own_netns) {
		e->counts.failed++;
		return 0;
	}
	e->targets[e->count] = (struct sock_target){.tuple = v->tuple,
						    .cookie = v->cookie,
						    .number = e->count,
						    .pid = v->owner.pid,
						    .protocol = v->protocol};
	return ++e->count == REVOCATION_MAX;
}

/* A sort order in which both ends of a connection are equal. */
static int by_connection(const void *a, const void *b)
{
	const struct weft_tuple *t[2] = {&((const struct sock_target *)a)->tuple,
					 &((const struct sock_target *)b)->tuple};
	struct end {
		__u8 addr[16];
		__u16 port;
	} ends[2][2];

	for (int i = 0; i < 2; i++) {
		struct end local = {.port = t[i]->local_port}, remote = {.port = t[i]->remote_port};
		int turned;

		memcpy(local.addr, t[i]->local_addr, 16);
		memcpy(remote.addr, t[i]->remote_addr, 16);
		turned = memcmp(&local, &remote, sizeof(local)) > 0;
		ends[i][turned] = local;
		ends[i][!turned] = remote;
	}
	return memcmp(ends[0], ends[1], sizeof(ends[0]));
}

static void failed(struct revocation *e, int result)
{
	const char *reason = strerror(-result);

	if (result == -EPERM)
		reason = CONFINED;
	else if (result == -EOPNOTSUPP)
		reason = "the kernel was built without CONFIG_INET_DIAG_DESTROY";
	else if (result == -ESRCH)
		reason = "its network namespace has no process any more";
	e->confined |= result == -EPERM;
	e->counts.failed++;
	snprintf(e->problem, sizeof(e->problem), "%s", reason);
}

/* Both ends may have been ended independently: reports the connection once. */
static uint32_t targets_tell(struct revocation *e,
			     void (*ended)(void *arg, const struct weft_verdict *v), void *arg)
{
	const struct sock_target *told = NULL;
	uint32_t gone = 0;

	qsort(e->targets, e->count, sizeof(e->targets[0]), by_connection);
	for (uint32_t i = 0; i < e->count; i++) {
		const struct sock_target *t = &e->targets[i];

		gone += t->result == 0 || t->result == -ENOENT;
		if (t->result && t->result != -ENOENT)
			failed(e, t->result);
		if (t->result || (told && !by_connection(told, t)))
			continue;
		told = t;
		e->counts.ended++;
		if (ended)
			ended(arg, &e->found[t->number]);
	}
	return gone;
}

void revocation_handle(struct revocation *e, uint64_t now_ns,
		       void (*ended)(void *arg, const struct weft_verdict *v), void *arg)
{
	uint32_t gone;

	if (!loop_timer_due(e->timer_fd))
		return;
	e->walked_ns = now_ns;
	e->count = 0;
	attach_iterate_revoked(e->attach, found, e);
	sock_destroy(e->targets, e->count);
	gone = targets_tell(e, ended, arg);
	if (e->count == REVOCATION_MAX && gone) {
		loop_timer_set(e->timer_fd, SOON_NS);
		return;
	}
	e->looks--;
	if (e->looks)
		loop_timer_set(e->timer_fd, LATER_NS);
}
