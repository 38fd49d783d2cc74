// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Features of the running kernel: each row of the table is tried; nothing is inferred from version
 * numbers. */
#include "datapath/attach/core/features.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <mntent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "datapath/attach/core/sock_diag.h"
#include "datapath/attach/core/uapi.h"

/* State shared by the probes. */
struct probing {
	struct features *features;
	struct feature *row;
	struct btf *kernel_types; /* NULL: cannot be read */
};

__attribute__((format(printf, 2, 3))) static void reason_set(struct probing *p, const char *format,
							     ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(p->row->reason, sizeof(p->row->reason), format, args);
	va_end(args);
}

/* Evaluates a negative errno: "no", or "unknown" where privileges were missing. */
static void refused(struct probing *p, int failed)
{
	p->row->state = failed == -EPERM && geteuid() ? FEATURE_UNKNOWN : FEATURE_NO;
	reason_set(p, "%s", strerror(-failed));
}

static void result_set(struct probing *p, int failed)
{
	if (failed < 0)
		refused(p, failed);
	else
		p->row->state = FEATURE_YES;
}

/* libbpf's probes: 1 yes, 0 no, negative errno not known. */
static void probe_set(struct probing *p, int answer)
{
	if (answer < 0)
		reason_set(p, "%s", strerror(-answer));
	p->row->state = answer < 0 ? FEATURE_UNKNOWN : answer ? FEATURE_YES : FEATURE_NO;
}

/* Loads `return 0` as a program of this type. Returns its file descriptor or a negative errno. */
static int load_empty(enum bpf_prog_type type, struct bpf_prog_load_opts *opts)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(type, "weft_probe", "GPL", insns, 2, opts);
}

/* The same at a function or tracepoint of the kernel. */
static void try_tracing(struct probing *p, enum bpf_prog_type type, enum bpf_attach_type attach,
			const char *target, unsigned int kind)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach);
	cleanup_close int fd = -1;
	int id = p->kernel_types ? btf__find_by_name_kind(p->kernel_types, target, kind) : -ENOENT;

	if (id < 0) {
		p->row->state = p->kernel_types ? FEATURE_NO : FEATURE_UNKNOWN;
		reason_set(p, "%s is not in the kernel's types", target);
		return;
	}
	opts.attach_btf_id = (unsigned int)id;
	fd = load_empty(type, &opts);
	result_set(p, fd);
}

static bool read_line(const char *path, char *out, size_t size)
{
	cleanup_fclose FILE *file = fopen(path, "re");

	if (!file || !fgets(out, (int)size, file))
		return false;
	out[strcspn(out, "\n")] = 0;
	return true;
}

/* Where the first file system of |type| is mounted. */
static void find_mount(struct probing *p, const char *type, char *out, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;

	p->row->state = mounts ? FEATURE_NO : FEATURE_UNKNOWN;
	reason_set(p, "not mounted");
	while (mounts && (m = getmntent(mounts))) {
		if (strcmp(m->mnt_type, type) != 0 || strlen(m->mnt_dir) >= size)
			continue;
		snprintf(out, size, "%s", m->mnt_dir);
		p->row->state = FEATURE_YES;
		reason_set(p, "%.120s", m->mnt_dir);
		break;
	}
	if (mounts)
		endmntent(mounts);
}

static void try_event_source(struct probing *p, const char *path)
{
	p->row->state = access(path, R_OK) ? FEATURE_NO : FEATURE_YES;
	if (p->row->state == FEATURE_NO)
		reason_set(p, "%s is missing", path);
}

/* ---- one function per row ----------------------------------------------- */

static void probe_kernel(struct probing *p)
{
	struct utsname name;
	int major = 0, minor = 0;

	if (uname(&name) || sscanf(name.release, "%d.%d", &major, &minor) != 2)
		return;
	p->row->state = major > 5 || (major == 5 && minor >= 10) ? FEATURE_YES : FEATURE_NO;
	reason_set(p, "%s %s", name.release, name.machine);
}

static void probe_btf(struct probing *p)
{
	p->row->state = p->kernel_types ? FEATURE_YES : FEATURE_NO;
	reason_set(p, "%s", p->kernel_types ? "/sys/kernel/btf/vmlinux" : "no kernel types found");
}

/* Since 5.11 maps are charged to the memory cgroup; this helper came with it. */
static void probe_memlock(struct probing *p)
{
	struct rlimit limit;

	probe_set(p, libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_ktime_get_coarse_ns,
					     NULL));
	if (p->row->state != FEATURE_NO)
		return;
	if (!getrlimit(RLIMIT_MEMLOCK, &limit) && limit.rlim_cur == RLIM_INFINITY)
		p->row->state = FEATURE_YES;
}

/* With BPF_F_CLONE: a listener's storage is copied to what it accepts. The map wants BTF for key
 * and value. */
static void probe_sk_storage(struct probing *p)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC | BPF_F_CLONE);
	struct btf *types = btf__new_empty();
	cleanup_close int fd = -1;
	int id = types ? btf__add_int(types, "int", 4, BTF_INT_SIGNED) : -ENOMEM;

	if (id > 0 && !btf__load_into_kernel(types)) {
		opts.btf_fd = (__u32)btf__fd(types);
		opts.btf_key_type_id = (__u32)id;
		opts.btf_value_type_id = (__u32)id;
		fd = bpf_map_create(BPF_MAP_TYPE_SK_STORAGE, "weft_probe", 4, 4, 0, &opts);
		result_set(p, fd);
	}
	btf__free(types);
}

/* Tries a link to something that is not a file: only a kernel that knows the link type returns
 * EBADF. */
int features_uprobe_multi(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, load,
		    .expected_attach_type = (enum bpf_attach_type)UAPI_TRACE_UPROBE_MULTI);
	LIBBPF_OPTS(bpf_link_create_opts, link);
	const unsigned long offset = 0;
	cleanup_close int program = load_empty(BPF_PROG_TYPE_KPROBE, &load);
	cleanup_close int fd = -1;

	if (program < 0)
		return program;
	link.uprobe_multi.path = "/";
	link.uprobe_multi.offsets = &offset;
	link.uprobe_multi.cnt = 1;
	fd = bpf_link_create(program, -1, (enum bpf_attach_type)UAPI_TRACE_UPROBE_MULTI, &link);
	return fd == -EBADF ? 0 : fd;
}

#define ROW(name, answer)                                                                          \
	static void probe_##name(struct probing *p)                                                \
	{                                                                                          \
		answer;                                                                            \
	}

ROW(ringbuf, probe_set(p, libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL)))
ROW(bpffs, find_mount(p, "bpf", p->features->bpffs_path, sizeof(p->features->bpffs_path)))
ROW(cgroup2, find_mount(p, "cgroup2", p->features->cgroup2_path, sizeof(p->features->cgroup2_path)))
ROW(cgroup_skb, probe_set(p, libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_CGROUP_SKB, NULL)))
ROW(tp_btf, try_tracing(p, BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "btf_trace_inet_sock_set_state",
			BTF_KIND_TYPEDEF))
ROW(sockops, probe_set(p, libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SOCK_OPS, NULL)))
ROW(iter_sockets, try_tracing(p, BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER,
			      "bpf_iter_bpf_sk_storage_map", BTF_KIND_FUNC))
ROW(iter_task_file,
    try_tracing(p, BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "bpf_iter_task_file", BTF_KIND_FUNC))
ROW(perf_uprobe, try_event_source(p, "/sys/bus/event_source/devices/uprobe/type"))
ROW(kprobe, try_event_source(p, "/sys/bus/event_source/devices/kprobe/type"))
ROW(fentry, try_tracing(p, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "tcp_close", BTF_KIND_FUNC))
ROW(lsm, try_tracing(p, BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "bpf_lsm_socket_connect", BTF_KIND_FUNC))
ROW(xdp, probe_set(p, libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, NULL)))
ROW(uprobe_multi, result_set(p, features_uprobe_multi()))
ROW(xdp_native, reason_set(p, "depends on each driver: see the interfaces"))
ROW(bpf_loop, probe_set(p, libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_loop, NULL)))
#undef ROW

/* Tries a link to an interface that does not exist: only a kernel that knows the link type returns
 * ENODEV. */
static void probe_tcx(struct probing *p)
{
	cleanup_close int program = load_empty(BPF_PROG_TYPE_SCHED_CLS, NULL);
	cleanup_close int fd = -1;

	if (program < 0) {
		refused(p, program);
		return;
	}
	fd = bpf_link_create(program, -1, (enum bpf_attach_type)UAPI_TCX_INGRESS, NULL);
	result_set(p, fd == -ENODEV ? 0 : fd);
}

/* A qdisc cannot be tried without an interface. */
static void probe_clsact(struct probing *p)
{
	bool built_in = p->kernel_types &&
			btf__find_by_name_kind(p->kernel_types, "clsact_init", BTF_KIND_FUNC) > 0;

	if (built_in || !access("/sys/module/sch_ingress", F_OK))
		p->row->state = FEATURE_YES;
	else
		reason_set(p, "known after the first attachment (it may load a module)");
}

static void probe_xdp_frags(struct probing *p)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_XDP_HAS_FRAGS);
	cleanup_close int fd = load_empty(BPF_PROG_TYPE_XDP, &opts);

	result_set(p, fd);
}

static void probe_batch(struct probing *p)
{
	cleanup_close int map = bpf_map_create(BPF_MAP_TYPE_HASH, "weft_probe", 4, 4, 1, NULL);
	__u32 position, key, value, count = 1;
	int failed;

	if (map < 0) {
		refused(p, map);
		return;
	}
	failed = bpf_map_lookup_batch(map, NULL, &position, &key, &value, &count, NULL);
	result_set(p, failed == -ENOENT ? 0 : failed);
}

/* Tries to end a connection that cannot exist (port 0). */
static void probe_sock_destroy(struct probing *p)
{
	const struct inet_diag_req_v2 none = {
		.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .id.idiag_cookie = {1, 1}};
	struct nl_sock *diag = sock_diag_open();
	int r;

	if (!diag)
		return;
	r = sock_diag_destroy(diag, &none);
	nl_socket_free(diag);
	if (r != -EIO)
		result_set(p, r == -ENOENT ? 0 : r);
}

static void probe_lockdown(struct probing *p)
{
	char modes[64];
	char *end, *mode;

	if (!read_line("/sys/kernel/security/lockdown", modes, sizeof(modes))) {
		reason_set(p, "securityfs is not mounted");
		return;
	}
	mode = strchr(modes, '[');
	end = mode ? strchr(mode, ']') : NULL;
	if (!end)
		return;
	*end = 0;
	reason_set(p, "%s", mode + 1);
	p->row->state = strcmp(mode + 1, "confidentiality") ? FEATURE_YES : FEATURE_NO;
}

static void probe_unprivileged(struct probing *p)
{
	char value[16];

	if (!read_line("/proc/sys/kernel/unprivileged_bpf_disabled", value, sizeof(value)))
		return;
	p->row->state = value[0] == '0' ? FEATURE_NO : FEATURE_YES;
	reason_set(p, "%s", value);
}

static const struct {
	const char *name;
	void (*probe)(struct probing *p);
	const char *consequence;
} table[] = {
#define X(id, text, function, without) [FEATURE_##id] = {text, probe_##function, without},
	FEATURES(X)
#undef X
};

void features_probe(struct features *ret_features)
{
	libbpf_print_fn_t previous = libbpf_set_print(NULL);
	struct probing p = {.features = ret_features, .kernel_types = btf__load_vmlinux_btf()};

	memset(ret_features, 0, sizeof(*ret_features));
	for (size_t i = 0; i < FEATURE_MAX; i++) {
		p.row = &ret_features->rows[i];
		p.row->name = table[i].name;
		p.row->consequence = table[i].consequence;
		table[i].probe(&p);
	}
	btf__free(p.kernel_types);
	libbpf_set_print(previous);
}

const char *feature_state_text(enum feature_state state)
{
	return state == FEATURE_YES ? "yes" : state == FEATURE_NO ? "no" : "unknown";
}
