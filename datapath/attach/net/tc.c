// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One program at one TC hook of one interface: a TCX link, or a filter of a clsact qdisc on kernels
 * before 6.6. */
#include "datapath/attach/net/tc.h"

#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/types.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/abi.h"
#include "datapath/attach/core/programs.h"
#include "datapath/attach/core/uapi.h"

/* The filter is identified by these and by its program's name. Priority 1 runs first; the other is
 * for interfaces that have foreign filters of another kind at 1. */
#define FILTER_HANDLE 0x77656674
static const uint32_t filter_priorities[] = {1, 0x7765};

/* Names of pins: hook, inode of the network namespace, interface index. */
#define PIN_FORMAT "tc-%s-%lu-%d"
#define QDISC_PIN  "qdisc"

static const char *const hook_names[] = {[WEFT_EGRESS] = "egress", [WEFT_INGRESS] = "ingress"};
static const enum program directions[] = {
	[WEFT_EGRESS] = PROGRAM_weft_tc_egress, [WEFT_INGRESS] = PROGRAM_weft_tc_ingress};

static unsigned long netns_inode(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) ? 0 : (unsigned long)st.st_ino;
}

static void pin_path(const char *pin_dir, const char *what, int ifindex, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/" PIN_FORMAT, pin_dir, what, netns_inode(), ifindex);
}

/* ---- TCX ---------------------------------------------------------------- */

static bool link_is_at(const struct bpf_link *link, const struct tc_place *place)
{
	union {
		struct bpf_link_info any;
		struct uapi_tcx_link_info tcx;
	} info = {0};
	uint32_t size = sizeof(info);

	return !bpf_link_get_info_by_fd(bpf_link__fd(link), &info.any, &size) &&
	       info.tcx.type == UAPI_LINK_TYPE_TCX && (int)info.tcx.ifindex == place->ifindex &&
	       info.tcx.attach_type == (uint32_t)(place->direction == WEFT_INGRESS
							  ? UAPI_TCX_INGRESS
							  : UAPI_TCX_EGRESS);
}

/* The link pinned for this place, updated to |program|; NULL if there is no usable one. */
static struct bpf_link *link_adopt(const struct tc_place *place, const struct bpf_program *program)
{
	char path[PATH_MAX];
	struct bpf_link *link;

	if (!place->pin_dir)
		return NULL;
	pin_path(place->pin_dir, hook_names[place->direction], place->ifindex, path);
	link = access(path, F_OK) ? NULL : bpf_link__open(path);
	if (!link)
		return NULL;
	if (link_is_at(link, place) &&
	    !bpf_link_update(bpf_link__fd(link), bpf_program__fd(program), NULL))
		return link;
	unlink(path);
	bpf_link__destroy(link);
	return NULL;
}

static bool link_pin(const struct tc_place *place, struct bpf_link *link, struct error *err)
{
	char path[PATH_MAX];
	int failed;

	if (!place->pin_dir)
		return false;
	pin_path(place->pin_dir, hook_names[place->direction], place->ifindex, path);
	unlink(path);
	failed = bpf_link__pin(link, path);
	if (failed)
		error_set(err, failed, "not pinned, counting ends with the agent: %s",
			  strerror(-failed));
	return !failed;
}

static int tcx_attach(const struct tc_place *place, const struct bpf_program *program,
		      struct tc_hook *hook, struct error *err)
{
	LIBBPF_OPTS(bpf_tcx_opts, opts, .flags = UAPI_F_BEFORE);
	struct bpf_link *link = link_adopt(place, program);

	bool adopted = link, pinned = link;

	if (!link) {
		link = bpf_program__attach_tcx(program, place->ifindex, &opts);
		if (!link)
			return -errno;
		pinned = link_pin(place, link, err);
	}
	if (pinned)
		bpf_link__destroy(take_ptr(link)); /* the pin keeps it, without a descriptor */
	*hook = (struct tc_hook){.link = link, .pinned = pinned, .adopted = adopted};
	return 0;
}

/* ---- clsact ------------------------------------------------------------- */

static struct bpf_tc_hook clsact_hook(int ifindex, int direction)
{
	return (struct bpf_tc_hook){.sz = sizeof(struct bpf_tc_hook),
				    .ifindex = ifindex,
				    .attach_point = direction == WEFT_INGRESS ? BPF_TC_INGRESS
									      : BPF_TC_EGRESS};
}

static bool program_is_ours(uint32_t id, int direction)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);
	cleanup_close int fd = bpf_prog_get_fd_by_id(id);

	return fd >= 0 && !bpf_prog_get_info_by_fd(fd, &info, &size) &&
	       !strcmp(info.name, program_table[directions[direction]].name);
}

/* Removes our filters at one hook. */
static void filters_remove(int ifindex, int direction)
{
	struct bpf_tc_hook hook = clsact_hook(ifindex, direction);

	for (size_t i = 0; i < sizeof(filter_priorities) / sizeof(*filter_priorities); i++) {
		LIBBPF_OPTS(bpf_tc_opts, found, .handle = FILTER_HANDLE,
			    .priority = filter_priorities[i]);
		LIBBPF_OPTS(bpf_tc_opts, gone, .handle = FILTER_HANDLE,
			    .priority = filter_priorities[i]);

		if (!bpf_tc_query(&hook, &found) && program_is_ours(found.prog_id, direction))
			bpf_tc_detach(&hook, &gone);
	}
}

static int count_message(struct nl_msg *message, void *arg)
{
	(void)message;
	++*(int *)arg;
	return NL_OK;
}

/* The number of filters at a hook, of any owner; -1: not known. */
static int filters_count(int ifindex, int direction)
{
	struct tcmsg ask = {.tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex};
	struct nl_sock *sock = nl_socket_alloc();
	int count = 0;
	int failed;

	if (!sock)
		return -1;
	ask.tcm_parent = TC_H_MAKE(TC_H_CLSACT,
				   direction == WEFT_INGRESS ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, count_message, &count);
	failed = nl_connect(sock, NETLINK_ROUTE);
	if (!failed)
		failed = nl_send_simple(sock, RTM_GETTFILTER, NLM_F_DUMP, &ask, sizeof(ask));
	if (failed >= 0)
		failed = nl_recvmsgs_default(sock);
	nl_socket_free(sock);
	return failed < 0 ? -1 : count;
}

/* Removes the qdisc unless it has foreign filters. */
static void qdisc_remove(const char *pin_dir, int ifindex)
{
	struct bpf_tc_hook hook = clsact_hook(ifindex, WEFT_INGRESS);
	char path[PATH_MAX];

	if (filters_count(ifindex, WEFT_INGRESS) || filters_count(ifindex, WEFT_EGRESS))
		return;
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	bpf_tc_hook_destroy(&hook);
	if (!pin_dir)
		return;
	pin_path(pin_dir, QDISC_PIN, ifindex, path);
	unlink(path);
}

/* Creates the qdisc if there is none. A pinned program records that weft made it, for cleanup. */
static int qdisc_ensure(const struct tc_place *place, const struct bpf_program *program,
			bool *ret_made)
{
	struct bpf_tc_hook hook = clsact_hook(place->ifindex, place->direction);
	int failed = bpf_tc_hook_create(&hook);
	char path[PATH_MAX];

	*ret_made = !failed;
	if (place->pin_dir) {
		pin_path(place->pin_dir, QDISC_PIN, place->ifindex, path);
		if (*ret_made)
			bpf_obj_pin(bpf_program__fd(program), path);
		else if (failed == -EEXIST)
			*ret_made = !access(path, F_OK);
	}
	return failed == -EEXIST ? 0 : failed;
}

static int filter_attach(const struct tc_place *place, const struct bpf_program *program)
{
	struct bpf_tc_hook hook = clsact_hook(place->ifindex, place->direction);
	int failed = -EINVAL;

	filters_remove(place->ifindex, place->direction);
	for (size_t i = 0; i < sizeof(filter_priorities) / sizeof(*filter_priorities); i++) {
		LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE,
			    .priority = filter_priorities[i], .prog_fd = bpf_program__fd(program));

		failed = bpf_tc_attach(&hook, &opts);
		if (!failed)
			return 0;
	}
	return failed;
}

static int clsact_attach(const struct tc_place *place, const struct bpf_program *program,
			 struct tc_hook *hook)
{
	bool made;
	int failed = qdisc_ensure(place, program, &made);

	if (failed)
		return failed;
	failed = filter_attach(place, program);
	if (failed && made)
		qdisc_remove(place->pin_dir, place->ifindex);
	if (!failed)
		*hook = (struct tc_hook){.clsact = true, .owns_qdisc = made};
	return failed;
}

/* Detaches at once, even while an agent holds the link; unpinning alone would not. */
static void link_remove(const char *path)
{
	struct bpf_link *link = bpf_link__open(path);

	if (link)
		bpf_link__detach(link);
	unlink(path);
	bpf_link__destroy(link);
}

/* ---- both --------------------------------------------------------------- */

int tc_attach(const struct tc_place *place, const struct bpf_program *program, struct tc_hook *hook,
	      struct error *err)
{
	int failed = place->clsact_only ? -EINVAL : tcx_attach(place, program, hook, err);

	/* the error of kernels before 6.6 for a TCX link */
	if (failed == -EINVAL)
		failed = clsact_attach(place, program, hook);
	if (failed)
		return error_set(err, failed, "TC %s was refused: %s", hook_names[place->direction],
				 strerror(-failed));
	return 0;
}

bool tc_is_gone(const struct tc_place *place, const struct tc_hook *hook)
{
	char path[PATH_MAX];

	if (!hook->pinned)
		return false;
	pin_path(place->pin_dir, hook_names[place->direction], place->ifindex, path);
	return access(path, F_OK);
}

void tc_detach(const struct tc_place *place, struct tc_hook *hook)
{
	char path[PATH_MAX];

	if (hook->pinned) {
		pin_path(place->pin_dir, hook_names[place->direction], place->ifindex, path);
		link_remove(path);
	}
	bpf_link__destroy(hook->link);
	if (hook->clsact)
		filters_remove(place->ifindex, place->direction);
	if (hook->owns_qdisc)
		qdisc_remove(place->pin_dir, place->ifindex);
	*hook = (struct tc_hook){0};
}

void tc_release(const struct tc_place *place, struct tc_hook *hook)
{
	if (!place->pin_dir) {
		tc_detach(place, hook);
		return;
	}
	bpf_link__destroy(hook->link);
	*hook = (struct tc_hook){0};
}

/* Parses a pin's name. */
static bool pin_parse(const char *name, char ret_what[16], unsigned long *ret_netns,
		      int *ret_ifindex)
{
	int end = 0;

	return sscanf(name, "tc-%15[a-z]-%lu-%d%n", ret_what, ret_netns, ret_ifindex, &end) == 3 &&
	       !name[end];
}

void tc_prune(const char *pin_dir, bool (*keep)(void *arg, int ifindex, int direction), void *arg)
{
	cleanup_closedir DIR *dir = pin_dir ? opendir(pin_dir) : NULL;
	struct dirent *entry;
	char what[16], path[PATH_MAX];
	unsigned long netns;
	int ifindex;

	while (dir && (entry = readdir(dir))) {
		if (!pin_parse(entry->d_name, what, &netns, &ifindex) || netns != netns_inode() ||
		    !strcmp(what, QDISC_PIN))
			continue;
		if (keep(arg, ifindex, strcmp(what, "ingress") ? WEFT_EGRESS : WEFT_INGRESS))
			continue;
		snprintf(path, sizeof(path), "%s/%s", pin_dir, entry->d_name);
		link_remove(path);
	}
}

static int remove_link(const char *path, const struct stat *st, int type, struct FTW *at)
{
	unsigned long netns;
	char what[16];
	int ifindex;

	(void)st;
	if (type == FTW_F && pin_parse(path + at->base, what, &netns, &ifindex) &&
	    strcmp(what, QDISC_PIN))
		link_remove(path);
	return 0;
}

void tc_remove_pinned(const char *pin_dir)
{
	nftw(pin_dir, remove_link, 8, FTW_PHYS | FTW_MOUNT);
}

/* nftw passes no argument to its callback */
static __thread struct {
	unsigned long netns;
	int ifindex;
	bool found;
} search;

static int find_qdisc(const char *path, const struct stat *st, int type, struct FTW *at)
{
	unsigned long netns;
	char what[16];
	int ifindex;

	(void)st;
	if (type != FTW_F || !pin_parse(path + at->base, what, &netns, &ifindex) ||
	    strcmp(what, QDISC_PIN) != 0 || netns != search.netns || ifindex != search.ifindex)
		return 0;
	unlink(path);
	search.found = true;
	return 0;
}

void tc_remove_clsact(const char *pin_dir, int ifindex)
{
	filters_remove(ifindex, WEFT_INGRESS);
	filters_remove(ifindex, WEFT_EGRESS);
	if (!pin_dir)
		return;
	search.netns = netns_inode();
	search.ifindex = ifindex;
	search.found = false;
	nftw(pin_dir, find_qdisc, 8, FTW_PHYS | FTW_MOUNT);
	if (search.found)
		qdisc_remove(NULL, ifindex);
}
