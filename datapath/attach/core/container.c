// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The initial namespaces are recognized by the fixed inode numbers that the kernel gives them. */
#include "datapath/attach/core/container.h"

#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/seccomp.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "datapath/attach/core/mounts.h"

/* include/linux/proc_ns.h: PROC_PID_INIT_INO */
#define FIRST_PID_NAMESPACE 0xEFFFFFFCu
#define BPFFS		    "/sys/fs/bpf"

static const char *const texts[] = {
#define X(name, matter, option) [CONTAINER_LIMIT_##name] = matter ": " option,
	CONTAINER_LIMITS(X)
#undef X
};

const char *container_limit_text(enum container_limit limit)
{
	return texts[limit];
}

static ino_t inode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

/* A number of /proc/self/status, 0 when it is not there. */
static unsigned long long status_number(const char *field, int base)
{
	cleanup_fclose FILE *status = fopen("/proc/self/status", "re");
	unsigned long long value = 0;
	size_t length = strlen(field);
	char line[256];

	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, field, length) && line[length] == ':')
			value = strtoull(line + length + 1, NULL, base);
	return value;
}

static bool may_mount(void)
{
	return status_number("CapEff", 16) >> CAP_SYS_ADMIN & 1;
}

/* A seccomp filter fails the call before the kernel looks at the arguments, which name no map. */
static bool bpf_is_refused(void)
{
	union bpf_attr attr = {0};

	attr.map_fd = UINT32_MAX;
	return syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) < 0 &&
	       (errno == EPERM || errno == ENOSYS) &&
	       status_number("Seccomp", 10) == SECCOMP_MODE_FILTER;
}

void container_look(const char *cgroup_path, const char *pin_dir, struct container_limits *ret)
{
	ino_t pids = inode_of("/proc/self/ns/pid");
	bool own_pids = pids && pids != FIRST_PID_NAMESPACE;
	/* of the node, if its process 1 is visible */
	ino_t network = own_pids ? 0 : inode_of("/proc/1/ns/net");

	*ret = (struct container_limits){0};
	ret->limited[CONTAINER_LIMIT_seccomp] = bpf_is_refused();
	ret->limited[CONTAINER_LIMIT_pid] = own_pids;
	ret->limited[CONTAINER_LIMIT_network] = network && network != inode_of("/proc/self/ns/net");
	ret->limited[CONTAINER_LIMIT_cgroup] =
		cgroup_path[0] ? !mounts_is_cgroup2_root(cgroup_path) : !may_mount();
	ret->limited[CONTAINER_LIMIT_bpffs] =
		!strncmp(pin_dir, BPFFS, strlen(BPFFS)) && !mounts_is_bpffs(BPFFS) && !may_mount();
}
