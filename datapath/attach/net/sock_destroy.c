// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One request and its answer per socket. A separate thread enters another namespace, so that it
 * need not return. */
#include "datapath/attach/net/sock_destroy.h"

#include "base/address.h"
#include "base/cleanup.h"
#include "datapath/attach/core/sock_diag.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* Targets of one namespace. */
struct group {
	struct sock_target *targets;
	size_t count;
	int netns_fd; /* -1: our own */
};

static int socket_end(struct nl_sock *diag, const struct sock_target *t)
{
	bool v4 = address_is_v4(t->tuple.local_addr);
	size_t skipped = v4 ? 12 : 0;
	struct inet_diag_req_v2 which = {
		.sdiag_family = v4 ? AF_INET : AF_INET6,
		.sdiag_protocol = (__u8)t->protocol,
		.id = {.idiag_sport = htons(t->tuple.local_port),
		       .idiag_dport = htons(t->tuple.remote_port),
		       .idiag_cookie = {(__u32)t->cookie, (__u32)(t->cookie >> 32)}},
	};

	memcpy(which.id.idiag_src, t->tuple.local_addr + skipped, 16 - skipped);
	memcpy(which.id.idiag_dst, t->tuple.remote_addr + skipped, 16 - skipped);
	return sock_diag_destroy(diag, &which);
}

/* ---- one namespace */

static void group_fail(struct group *g, int result)
{
	for (size_t i = 0; i < g->count; i++)
		g->targets[i].result = result;
}

static void *group_end(void *arg)
{
	struct group *g = arg;
	struct nl_sock *diag;

	if (g->netns_fd >= 0 && setns(g->netns_fd, CLONE_NEWNET)) {
		group_fail(g, -errno);
		return NULL;
	}
	diag = sock_diag_open();
	if (!diag)
		group_fail(g, -errno);
	for (size_t i = 0; diag && i < g->count; i++)
		g->targets[i].result = socket_end(diag, &g->targets[i]);
	nl_socket_free(diag);
	return NULL;
}

static bool is_netns(const char *path, __u32 ino)
{
	struct stat st;

	return !stat(path, &st) && st.st_ino == ino;
}

static int netns_of_pid(const char *pid, __u32 ino)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.16s/ns/net", pid);
	return is_netns(path, ino) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

/* Any process in the namespace gives access to it, if the process that made the socket is gone. */
static int netns_open(__u32 ino, __u32 pid)
{
	DIR *proc cleanup_closedir = NULL;
	struct dirent *entry;
	char text[16];
	int fd = -1;

	snprintf(text, sizeof(text), "%u", pid);
	fd = netns_of_pid(text, ino);
	if (fd >= 0)
		return fd;
	proc = opendir("/proc");
	while (proc && (entry = readdir(proc))) {
		fd = isdigit((unsigned char)entry->d_name[0]) ? netns_of_pid(entry->d_name, ino)
							      : -1;
		if (fd >= 0)
			return fd;
	}
	return -ESRCH;
}

static void group_run(struct group *g)
{
	const struct sock_target *first = g->targets;
	int fd cleanup_close = -1;
	pthread_t thread;
	int r;

	g->netns_fd = -1;
	if (is_netns("/proc/self/ns/net", first->tuple.netns_ino)) {
		group_end(g);
		return;
	}
	fd = g->netns_fd = netns_open(first->tuple.netns_ino, first->pid);
	r = fd < 0 ? -fd : pthread_create(&thread, NULL, group_end, g);
	if (r)
		group_fail(g, -r);
	else
		pthread_join(thread, NULL);
}

static int by_netns(const void *a, const void *b)
{
	__u32 x = ((const struct sock_target *)a)->tuple.netns_ino;
	__u32 y = ((const struct sock_target *)b)->tuple.netns_ino;

	return (x > y) - (x < y);
}

void sock_destroy(struct sock_target *targets, size_t count)
{
	struct group g;

	qsort(targets, count, sizeof(*targets), by_netns);
	for (size_t i = 0; i < count; i += g.count) {
		g = (struct group){.targets = &targets[i]};
		while (i + g.count < count && !by_netns(&targets[i], &targets[i + g.count]))
			g.count++;
		group_run(&g);
	}
}
