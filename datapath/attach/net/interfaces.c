// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Selects network interfaces, attaches the flow counters and follows changes of interfaces. */
#include "datapath/attach/net/interfaces.h"

#include <errno.h>
#include <fnmatch.h>
#include <net/if.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/types.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/rtnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "base/descriptors.h"
#include "base/table.h"
#include "bpf/abi.h"
#include "datapath/attach/net/tc.h"
#include "datapath/attach/net/xdp.h"

#define INTERFACES_MAX	    4096
#define NOTIFY_BUFFER_BYTES (1 << 20)
#define DUMP_TRIES	    5

/* Cards whose host passes large segments: native XDP would split them, as on veth. */
static const char *const paravirtual_drivers[] = {"virtio_net", "vif", "xen_netfront", "vmxnet3",
						  "hv_netvsc"};

/* Key first: an entry of the table. */
struct interface {
	int ifindex;
	struct interface_report report;
	struct tc_hook tc[2]; /* by direction */
	bool xdp;
	bool tried;    /* not tried again until the interface changes */
	uint64_t seen; /* number of the dump that listed it */
};

struct interfaces {
	struct interfaces_options options;
	struct interfaces_programs programs;
	char **patterns;
	char *pin_dir;
	struct nl_sock *notify;
	struct nl_sock *dump;
	struct table *table;
	uint64_t dumps;
	bool again; /* descriptors or memory were short: see interfaces_retry */
};

static const char *const hook_texts[] = {
#define X(name, text) [INTERFACE_HOOK_##name] = text,
	INTERFACE_HOOKS(X)
#undef X
};

const char *interface_hook_text(enum interface_hook hook)
{
	return hook_texts[hook];
}

int interfaces_xdp_mode_parse(const char *text, enum interfaces_xdp_mode *ret_mode)
{
	static const char *const texts[] = {
#define X(name, mode_text) [INTERFACES_XDP_##name] = mode_text,
		INTERFACES_XDP_MODES(X)
#undef X
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (strcmp(text, texts[i]) != 0)
			continue;
		*ret_mode = (enum interfaces_xdp_mode)i;
		return 0;
	}
	return -EINVAL;
}

/* ---- choosing ----------------------------------------------------------- */

/* Driver and bus of a card; both empty where there is none (ETHTOOL_GDRVINFO asks this namespace,
 * sysfs may not). */
static void driver_of(const char *name, struct ethtool_drvinfo *ret_info)
{
	cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_data = (char *)ret_info};

	memset(ret_info, 0, sizeof(*ret_info));
	ret_info->cmd = ETHTOOL_GDRVINFO;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request))
		memset(ret_info, 0, sizeof(*ret_info));
}

static void kind_find(struct interface_report *r, const char *link_kind, unsigned int type)
{
	struct ethtool_drvinfo driver;
	const char *kind = link_kind;

	if (!kind && type == ARPHRD_LOOPBACK)
		kind = "loopback";
	if (!kind && type == ARPHRD_ETHER) {
		driver_of(r->name, &driver);
		kind = driver.bus_info[0] ? "physical" : NULL;
	}
	snprintf(r->kind, sizeof(r->kind), "%s", kind ? kind : "other");
}

static bool is_paravirtual(const char *name)
{
	struct ethtool_drvinfo driver;

	driver_of(name, &driver);
	for (size_t i = 0; i < sizeof(paravirtual_drivers) / sizeof(*paravirtual_drivers); i++) {
		if (!strcmp(driver.driver, paravirtual_drivers[i]))
			return true;
	}
	return false;
}

static bool is_chosen(const struct interfaces *i, const struct interface_report *r)
{
	if (!i->options.pattern_count)
		return !strcmp(r->kind, "veth") || !strcmp(r->kind, "bridge") ||
		       !strcmp(r->kind, "physical");
	for (size_t p = 0; p < i->options.pattern_count; p++) {
		if (!fnmatch(i->patterns[p], r->name, 0))
			return true;
	}
	return false;
}

/* Whether XDP counts ingress, and in which mode. */
static enum interface_hook xdp_wanted(const struct interfaces *i, const struct interface_report *r)
{
	if (!i->programs.xdp)
		return INTERFACE_HOOK_NONE;
	switch (i->options.xdp_mode) {
	case INTERFACES_XDP_OFF:
		return INTERFACE_HOOK_NONE;
	case INTERFACES_XDP_GENERIC:
		return INTERFACE_HOOK_XDP_GENERIC;
	case INTERFACES_XDP_NATIVE:
		return INTERFACE_HOOK_XDP_NATIVE;
	case INTERFACES_XDP_AUTO:
		break;
	}
	return !strcmp(r->kind, "physical") && !is_paravirtual(r->name) ? INTERFACE_HOOK_XDP_NATIVE
									: INTERFACE_HOOK_NONE;
}

/* ---- attaching ---------------------------------------------------------- */

static struct tc_place place_of(const struct interfaces *i, const struct interface *n,
				int direction)
{
	return (struct tc_place){n->ifindex, direction, i->pin_dir, i->options.clsact_only};
}

static void problem_add(struct interface_report *r, const struct error *err)
{
	size_t used = strlen(r->problem);

	snprintf(r->problem + used, sizeof(r->problem) - used, "%s%s", used ? "; " : "", err->text);
}

/* Attaches TC in one direction; returns the kind of hook. */
static enum interface_hook attach_tc(struct interfaces *i, struct interface *n, int direction,
				     const struct bpf_program *program)
{
	struct tc_place place = place_of(i, n, direction);
	struct tc_hook *hook = &n->tc[direction];
	struct error err = {0};
	int failed;

	if (!program)
		return INTERFACE_HOOK_NONE;
	failed = tc_attach(&place, program, hook, &err);
	if (err.code)
		problem_add(&n->report, &err);
	i->again |= descriptors_short(failed);
	if (failed)
		return INTERFACE_HOOK_NONE;
	n->report.adopted |= hook->adopted;
	return hook->clsact ? INTERFACE_HOOK_CLSACT : INTERFACE_HOOK_TCX;
}

/* Attaches XDP where it is wanted and works; false: TC has to count. */
static bool attach_xdp(struct interfaces *i, struct interface *n)
{
	enum interface_hook hook = xdp_wanted(i, &n->report);
	struct error err = {0};

	if (hook == INTERFACE_HOOK_NONE) {
		xdp_detach(n->ifindex);
		return false;
	}
	if (xdp_attach(n->ifindex, i->programs.xdp, hook == INTERFACE_HOOK_XDP_NATIVE, &err)) {
		error_prefix(&err, "TC counts instead");
		problem_add(&n->report, &err);
		return false;
	}
	n->report.ingress = hook;
	n->xdp = true;
	return true;
}

static void attach_all(struct interfaces *i, struct interface *n)
{
	n->report.problem[0] = 0;
	if (!descriptors_spare()) {
		snprintf(n->report.problem, sizeof(n->report.problem),
			 "no file descriptor can be spared for it: raise LimitNOFILE");
		i->again = true;
		return;
	}
	n->tried = true;
	if (!attach_xdp(i, n))
		n->report.ingress = attach_tc(i, n, WEFT_INGRESS, i->programs.tc_ingress);
	n->report.egress = attach_tc(i, n, WEFT_EGRESS, i->programs.tc_egress);
}

static bool is_attached(const struct interface *n)
{
	return n->report.ingress != INTERFACE_HOOK_NONE || n->report.egress != INTERFACE_HOOK_NONE;
}

static void detach_xdp(const struct interfaces *i, const struct interface *n)
{
	bool native = n->report.ingress == INTERFACE_HOOK_XDP_NATIVE;

	if (n->xdp && !xdp_detach_own(n->ifindex, i->programs.xdp, native))
		xdp_detach(n->ifindex);
}

static void detach_all(struct interfaces *i, struct interface *n)
{
	for (int direction = 0; direction < 2; direction++) {
		struct tc_place place = place_of(i, n, direction);

		tc_detach(&place, &n->tc[direction]);
	}
	detach_xdp(i, n);
	n->xdp = false;
	n->report.ingress = INTERFACE_HOOK_NONE;
	n->report.egress = INTERFACE_HOOK_NONE;
	n->report.adopted = false;
	n->report.problem[0] = 0;
}

/* An interface that goes down stays attached, so nothing is missed when it comes up again. */
static void reconcile(struct interfaces *i, struct interface *n)
{
	n->report.chosen = is_chosen(i, &n->report);
	if (!n->report.chosen && is_attached(n))
		detach_all(i, n);
	if (n->report.chosen && n->report.up && !is_attached(n) && !n->tried)
		attach_all(i, n);
}

/* ---- following ---------------------------------------------------------- */

static void forget(struct interfaces *i, struct interface *n)
{
	detach_all(i, n);
	table_remove(i->table, n);
}

static const char *link_kind(struct nlattr *const *attributes)
{
	struct nlattr *info[IFLA_INFO_MAX + 1];

	if (!attributes[IFLA_LINKINFO] ||
	    nla_parse_nested(info, IFLA_INFO_MAX, attributes[IFLA_LINKINFO], NULL) < 0 ||
	    !info[IFLA_INFO_KIND])
		return NULL;
	return nla_get_string(info[IFLA_INFO_KIND]);
}

static void interface_update(struct interfaces *i, const struct ifinfomsg *link,
			     struct nlattr *const *attributes)
{
	struct interface *n = table_find(i->table, &link->ifi_index);
	bool up = link->ifi_flags & IFF_UP;
	char name[sizeof(n->report.name)] = "";

	n = n ? n : table_insert(i->table, &link->ifi_index);
	if (!n)
		return; /* the table is full */
	n->report.ifindex = n->ifindex;
	if (attributes[IFLA_IFNAME])
		nla_strlcpy(name, attributes[IFLA_IFNAME], sizeof(name));
	if (up != n->report.up || strcmp(name, n->report.name) != 0)
		n->tried = false;
	n->seen = i->dumps;
	n->report.up = up;
	memcpy(n->report.name, name, sizeof(name));
	if (!n->report.kind[0])
		kind_find(&n->report, link_kind(attributes), link->ifi_type);
	reconcile(i, n);
}

/* One RTM_NEWLINK or RTM_DELLINK. */
static int take_message(struct nl_msg *message, void *arg)
{
	struct nlattr *attributes[IFLA_MAX + 1];
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct interfaces *i = arg;
	const struct ifinfomsg *link = nlmsg_data(header);
	struct interface *n;

	if (header->nlmsg_type != RTM_NEWLINK && header->nlmsg_type != RTM_DELLINK)
		return NL_OK;
	if (nlmsg_parse(header, sizeof(*link), attributes, IFLA_MAX, NULL) < 0)
		return NL_OK;
	/* from a bridge, about a port, not an interface */
	if (link->ifi_family != AF_UNSPEC)
		return NL_OK;
	if (header->nlmsg_type == RTM_NEWLINK) {
		interface_update(i, link, attributes);
		return NL_OK;
	}
	n = table_find(i->table, &link->ifi_index);
	if (n)
		forget(i, n);
	return NL_OK;
}

static int netlink_errno(int failed)
{
	switch (-failed) {
	case NLE_NOMEM:
		return -ENOBUFS;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_DUMP_INTR:
		return -EAGAIN;
	default:
		return -EIO;
	}
}

/* Reads all interfaces and forgets those that are gone. */
static int read_all(struct interfaces *i, struct error *err)
{
	struct interface *n, *next;
	int failed = -NLE_DUMP_INTR;

	i->dumps++;
	for (int tries = 0; failed == -NLE_DUMP_INTR && tries < DUMP_TRIES; tries++) {
		failed = nl_rtgen_request(i->dump, RTM_GETLINK, AF_UNSPEC, NLM_F_DUMP);
		if (failed >= 0)
			failed = nl_recvmsgs_default(i->dump);
	}
	if (failed < 0)
		return error_set(err, netlink_errno(failed), "interfaces cannot be read: %s",
				 nl_geterror(failed));
	for (n = table_oldest(i->table); n; n = next) {
		next = table_next(i->table, n);
		if (n->seen != i->dumps)
			forget(i, n);
	}
	return 0;
}

static struct nl_sock *socket_open(struct interfaces *i, struct error *err)
{
	struct nl_sock *sock = nl_socket_alloc();
	int failed = -NLE_NOMEM;

	if (sock)
		failed = nl_connect(sock, NETLINK_ROUTE);
	if (failed >= 0)
		failed = nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, take_message, i);
	if (failed >= 0)
		return sock;
	nl_socket_free(sock);
	error_set(err, netlink_errno(failed), "no netlink socket: %s", nl_geterror(failed));
	return NULL;
}

/* Subscribes before the first dump, so that no change is missed in between. */
static int sockets_open(struct interfaces *i, struct error *err)
{
	struct error why = {0};
	int failed = 0;

	i->dump = socket_open(i, &why);
	i->notify = socket_open(i, &why);
	if (why.code)
		return error_set(err, why.code, "%s", why.text);
	nl_socket_disable_seq_check(i->notify);
	nl_socket_set_buffer_size(i->notify, NOTIFY_BUFFER_BYTES, 0);
	failed = nl_socket_add_membership(i->notify, RTNLGRP_LINK);
	if (failed >= 0)
		failed = nl_socket_set_nonblocking(i->notify);
	if (failed < 0)
		return error_set(err, netlink_errno(failed), "interfaces cannot be followed: %s",
				 nl_geterror(failed));
	return 0;
}

static int options_copy(struct interfaces *i, const struct interfaces_options *options)
{
	i->options = *options;
	i->options.patterns = NULL;
	i->options.pin_dir = NULL;
	i->patterns = calloc(options->pattern_count + 1, sizeof(*i->patterns));
	if (!i->patterns)
		return -ENOMEM;
	for (size_t p = 0; p < options->pattern_count; p++) {
		i->patterns[p] = strdup(options->patterns[p]);
		if (!i->patterns[p])
			return -ENOMEM;
	}
	if (options->pin_dir)
		i->pin_dir = strdup(options->pin_dir);
	return options->pin_dir && !i->pin_dir ? -ENOMEM : 0;
}

/* Whether a pinned link is one of those that are in use. */
static bool is_in_use(void *arg, int ifindex, int direction)
{
	struct interfaces *i = arg;
	const struct interface *n = table_find(i->table, &ifindex);

	return n && (n->tc[direction].link || n->tc[direction].pinned);
}

static void free_memory(struct interfaces *i)
{
	nl_socket_free(i->notify);
	nl_socket_free(i->dump);
	table_free(i->table);
	for (size_t p = 0; i->patterns && i->patterns[p]; p++)
		free(i->patterns[p]);
	free(i->patterns);
	free(i->pin_dir);
	free(i);
}

int interfaces_new(const struct interfaces_options *options,
		   const struct interfaces_programs *programs, struct interfaces **ret_interfaces,
		   struct error *err)
{
	struct interfaces *i = calloc(1, sizeof(*i));
	int failed;

	if (!i)
		return error_set(err, -ENOMEM, "no memory for interfaces");
	i->programs = *programs;
	i->table = table_new(INTERFACES_MAX, sizeof(struct interface), sizeof(int), 0);
	if (options_copy(i, options) || !i->table) {
		free_memory(i);
		return error_set(err, -ENOMEM, "no memory for interfaces");
	}
	failed = sockets_open(i, err);
	if (!failed)
		failed = read_all(i, err);
	if (failed) {
		interfaces_free(i);
		return failed;
	}
	tc_prune(i->pin_dir, is_in_use, i);
	*ret_interfaces = i;
	return 0;
}

void interfaces_free(struct interfaces *i)
{
	struct interface *n;

	if (!i)
		return;
	for (n = table_oldest(i->table); n; n = table_next(i->table, n)) {
		for (int direction = 0; direction < 2; direction++) {
			struct tc_place place = place_of(i, n, direction);

			tc_release(&place, &n->tc[direction]);
		}
		if (!i->pin_dir)
			detach_xdp(i, n);
	}
	free_memory(i);
}

int interfaces_fd(const struct interfaces *i)
{
	return nl_socket_get_fd(i->notify);
}

int interfaces_handle(struct interfaces *i, struct error *err)
{
	int failed;

	do {
		failed = nl_recvmsgs_default(i->notify);
	} while (failed >= 0);
	if (failed == -NLE_AGAIN)
		return 0;
	if (failed != -NLE_NOMEM)
		return error_set(err, netlink_errno(failed), "interfaces cannot be followed: %s",
				 nl_geterror(failed));
	return read_all(i, err); /* the socket's buffer overflowed */
}

void interfaces_retry(struct interfaces *i)
{
	if (!i->again || !descriptors_spare())
		return;
	i->again = false;
	for (struct interface *n = table_oldest(i->table); n; n = table_next(i->table, n)) {
		n->tried &= is_attached(n);
		reconcile(i, n);
	}
}

unsigned interfaces_repin(struct interfaces *i)
{
	unsigned count = 0;

	for (struct interface *n = table_oldest(i->table); n; n = table_next(i->table, n)) {
		unsigned gone = 0;

		for (int direction = 0; direction < 2; direction++) {
			struct tc_place place = place_of(i, n, direction);

			gone += tc_is_gone(&place, &n->tc[direction]);
		}
		if (!gone)
			continue;
		detach_all(i, n);
		n->tried = false;
		reconcile(i, n);
		count += gone;
	}
	return count;
}

void interfaces_visit(const struct interfaces *i,
		      void (*visit)(void *arg, const struct interface_report *report), void *arg)
{
	for (struct interface *n = table_oldest(i->table); n; n = table_next(i->table, n))
		visit(arg, &n->report);
}

int interfaces_detach_all(const char *pin_dir, struct error *err)
{
	struct if_nameindex *names = if_nameindex();

	if (pin_dir)
		tc_remove_pinned(pin_dir);
	if (!names)
		return error_set(err, -errno, "interfaces cannot be read: %s", strerror(errno));
	for (struct if_nameindex *n = names; n->if_index; n++) {
		xdp_detach((int)n->if_index);
		tc_remove_clsact(pin_dir, (int)n->if_index);
	}
	if_freenameindex(names);
	return 0;
}
