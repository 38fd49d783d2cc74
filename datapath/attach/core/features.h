/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Features of the running kernel, and what is off without each. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* X(id, name, probe, what is off without it). The probe is a function of features.c. */
#define FEATURES(X)                                                                                \
	X(KERNEL, "kernel", kernel, "weft needs Linux 5.10 or newer")                              \
	X(BTF, "btf", btf, "nothing works: programs cannot be relocated to this kernel")           \
	X(RINGBUF, "ringbuf", ringbuf, "nothing works: there is no ring buffer for events")        \
	X(MEMLOCK, "memlock", memlock, "maps count against RLIMIT_MEMLOCK, which must be raised")  \
	X(BPFFS, "bpffs", bpffs,                                                                   \
	  "nothing is pinned until it is mounted: signals stop with the agent")                    \
	X(CGROUP2, "cgroup2", cgroup2, "payload of sockets is not captured: L4 only")              \
	X(CGROUP_SKB, "cgroup_skb", cgroup_skb, "payload of sockets is not captured: L4 only")     \
	X(SK_STORAGE, "sk_storage", sk_storage, "connections are not followed: flows only")        \
	X(TP_BTF, "tp_btf", tp_btf, "connections are not reported: flows only")                    \
	X(SOCKOPS, "sockops", sockops, "no socket operations hook")                                \
	X(ITER_SOCKETS, "iter/bpf_sk_storage_map", iter_sockets,                                   \
	  "living sockets are found by files of processes: unaccepted connections are missed")     \
	X(ITER_TASK_FILE, "iter/task_file", iter_task_file,                                        \
	  "owners of sockets older than the agent are not known")                                  \
	X(PERF_UPROBE, "uprobe", perf_uprobe,                                                      \
	  "TLS secrets are not taken unless uprobe_multi works")                                   \
	X(UPROBE_MULTI, "uprobe_multi", uprobe_multi,                                              \
	  "uprobes cost one perf event each and need CAP_SYS_ADMIN")                               \
	X(KPROBE, "kprobe", kprobe, "weft uses none")                                              \
	X(FENTRY, "fentry", fentry,                                                                \
	  "mapped libraries are seen by perf events; XDP programs cannot share an interface")      \
	X(LSM, "lsm", lsm, "weft uses none")                                                       \
	X(TCX, "tcx", tcx, "TC programs are filters of a clsact qdisc instead of links")           \
	X(CLSACT, "clsact", clsact, "no flow counters where there is no TCX either")               \
	X(XDP, "xdp", xdp, "ingress is counted by TC")                                             \
	X(XDP_FRAGS, "xdp.frags", xdp_frags, "no native XDP on interfaces with jumbo frames")      \
	X(XDP_NATIVE, "xdp-native", xdp_native, "ingress is counted by TC")                        \
	X(BPF_LOOP, "bpf_loop", bpf_loop, "fewer frames of one packet are parsed")                 \
	X(BATCH, "batch_ops", batch, "flows are read one by one, at several times the cost")       \
	X(SOCK_DESTROY, "sock_destroy", sock_destroy, "a connection cannot be ended by policy")    \
	X(LOCKDOWN, "lockdown", lockdown,                                                          \
	  "in confidentiality mode programs cannot read kernel memory")                            \
	X(UNPRIVILEGED, "unprivileged_bpf_disabled", unprivileged,                                 \
	  "unprivileged users may load BPF programs")

enum feature_id {
#define X(id, ...) FEATURE_##id,
	FEATURES(X)
#undef X
		FEATURE_MAX
};

enum feature_state {
	FEATURE_UNKNOWN,
	FEATURE_YES,
	FEATURE_NO,
};

struct feature {
	const char *name;
	enum feature_state state;
	char reason[128];	 /* a version, a path, the kernel's error; may be empty */
	const char *consequence; /* of FEATURE_NO */
};

struct features {
	struct feature rows[FEATURE_MAX];
	char cgroup2_path[256]; /* empty: not mounted */
	char bpffs_path[256];
};

/* Tries everything and leaves nothing behind; takes some tens of milliseconds, mostly to read the
 * kernel's BTF. Without the needed privileges rows are FEATURE_UNKNOWN. Never fails. */
void features_probe(struct features *ret_features);

/* Whether this kernel has uprobe_multi links: 0, or what it says to one. */
int features_uprobe_multi(void);

/* "yes", "no", "unknown" */
const char *feature_state_text(enum feature_state state);

static inline bool features_has(const struct features *f, enum feature_id id)
{
	return f->rows[id].state == FEATURE_YES;
}
