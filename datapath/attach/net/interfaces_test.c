// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Attaches the flow counters to interfaces in a network namespace of its own and follows them as
 * they change. */
#include "datapath/attach/net/namespace_test.h"

#include <linux/capability.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>

/* Takes the changes that the last commands made. */
static void handle(struct interfaces *i)
{
	struct pollfd waiting = {.fd = interfaces_fd(i), .events = POLLIN};
	struct error err = {0};

	while (poll(&waiting, 1, 50) > 0)
		assert_int_equal(interfaces_handle(i, &err), 0);
}

struct lookup {
	const char *name;
	struct interface_report found;
};

static void look(void *arg, const struct interface_report *report)
{
	struct lookup *l = arg;

	if (!strcmp(report->name, l->name))
		l->found = *report;
}

static struct interface_report report_of(const struct interfaces *i, const char *name)
{
	struct lookup l = {.name = name};

	interfaces_visit(i, look, &l);
	return l.found;
}

#define assert_hooks(i, name, in, out)                                                             \
	do {                                                                                       \
		struct interface_report r_ = report_of(i, name);                                   \
		assert_string_equal(interface_hook_text(r_.ingress), in);                          \
		assert_string_equal(interface_hook_text(r_.egress), out);                          \
	} while (0)

/* Our TC and XDP programs on an interface, as the kernel tells. */
static int programs_on(const char *name)
{
	char command[256], line[64] = "";
	FILE *pipe;

	snprintf(
		command, sizeof(command),
		"{ bpftool net show dev %s; ip -d link show dev %s | grep prog/xdp; } 2>/dev/null |"
		" grep -cE 'weft_tc|prog/xdp'",
		name, name);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	if (!fgets(line, sizeof(line), pipe))
		line[0] = 0;
	pclose(pipe);
	return (int)strtol(line, NULL, 10);
}

static void test_followed(void **state)
{
	struct interfaces_options options = {0};
	struct interfaces *i;

	(void)state;
	sh("ip link add a0 type veth peer name a1; ip link set a0 up; ip link set a1 up");
	i = follow(&options);
	assert_hooks(i, "a0", "tcx", "tcx");
	assert_hooks(i, "lo", "off", "off");
	assert_string_equal(report_of(i, "lo").kind, "loopback");

	sh("ip link add br0 type bridge; ip link set a0 master br0");
	handle(i);
	assert_hooks(i, "br0", "off", "off"); /* not up yet */
	sh("ip link set br0 up; ip link set a0 nomaster");
	handle(i);
	assert_hooks(i, "br0", "tcx", "tcx");
	assert_hooks(i, "a0", "tcx", "tcx"); /* leaving a bridge is not leaving */

	sh("ip link set a0 down; ip link set a0 name z0; ip link set z0 up");
	handle(i);
	assert_hooks(i, "z0", "tcx", "tcx");
	assert_int_equal(report_of(i, "a0").ifindex, 0);
	assert_int_equal(programs_on("z0"), 2);

	sh("ip link del z0");
	handle(i);
	assert_int_equal(report_of(i, "z0").ifindex, 0);
	assert_int_equal(report_of(i, "a1").ifindex, 0);
	interfaces_free(i);
	assert_int_equal(programs_on("br0"), 0);
	sh("ip link del br0");
}

static void test_patterns(void **state)
{
	const char *patterns[] = {"lo", "w*"};
	struct interfaces_options options = {.patterns = patterns, .pattern_count = 2};
	struct interfaces *i;

	(void)state;
	sh("ip link set lo up; ip link add v0 type veth peer name w1;"
	   "ip link set v0 up; ip link set w1 up");
	i = follow(&options);
	assert_hooks(i, "lo", "tcx", "tcx");
	assert_hooks(i, "v0", "off", "off");
	assert_hooks(i, "w1", "tcx", "tcx");
	sh("ip link set w1 name v1; ip link set v0 name w0");
	handle(i);
	assert_hooks(i, "v1", "off", "off");
	assert_hooks(i, "w0", "tcx", "tcx");
	assert_int_equal(programs_on("v1"), 0);
	interfaces_free(i);
	sh("ip link del w0");
}

/* More changes than the socket's buffer holds. */
static void test_many_changes(void **state)
{
	struct interfaces_options options = {0};
	struct interfaces *i = follow(&options);

	(void)state;
	for (int k = 0; k < 60; k++)
		sh("ip link add m%d type veth peer name n%d; ip link set m%d up", k, k, k);
	handle(i);
	for (int k = 0; k < 60; k++) {
		char name[16];

		snprintf(name, sizeof(name), "m%d", k);
		assert_hooks(i, name, "tcx", "tcx");
	}
	for (int k = 0; k < 60; k++)
		sh("ip link del m%d", k);
	handle(i);
	assert_int_equal(report_of(i, "m7").ifindex, 0);
	interfaces_free(i);
}

static void test_clsact(void **state)
{
	struct interfaces_options options = {.clsact_only = true};
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, theirs, .handle = 1, .priority = 9,
		    .prog_fd = bpf_program__fd(bpf->progs.weft_tc_egress));
	struct interfaces *i;

	(void)state;
	sh("ip link add c0 type veth peer name c1; ip link set c0 up; ip link set c1 up;"
	   "tc qdisc add dev c1 clsact");
	i = follow(&options);
	assert_hooks(i, "c0", "clsact", "clsact");
	assert_int_equal(programs_on("c0"), 2);
	interfaces_free(i);
	assert_int_not_equal(sh("tc qdisc show dev c0 | grep -q clsact"), 0);
	assert_int_equal(sh("tc qdisc show dev c1 | grep -q clsact"), 0); /* not ours */
	assert_int_equal(programs_on("c1"), 0);

	/* a filter of another program in our qdisc keeps the qdisc */
	i = follow(&options);
	hook.ifindex = (int)if_nametoindex("c0");
	assert_int_equal(bpf_tc_attach(&hook, &theirs), 0);
	interfaces_free(i);
	assert_int_equal(sh("tc qdisc show dev c0 | grep -q clsact"), 0);
	assert_int_equal(programs_on("c0"), 1);
	sh("ip link del c0");
}

/* The service gives it up when it has started. */
static void have_admin(bool have)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	data[0].effective &= ~(1u << CAP_SYS_ADMIN);
	if (have)
		data[0].effective |= 1u << CAP_SYS_ADMIN;
	assert_int_equal(syscall(SYS_capset, &header, data), 0);
}

/* An interface that is renamed, so that it is not chosen and then is again, with no more rights
 * than the service has: nothing stays, nothing is counted twice. */
static void test_xdp_goes_and_comes(void **state)
{
	const char *pattern[] = {"y0"};
	struct interfaces_options options = {.patterns = pattern, .pattern_count = 1};
	struct interfaces *i;

	(void)state;
	for (int native = 0; native < 2; native++) {
		options.xdp_mode = native ? INTERFACES_XDP_NATIVE : INTERFACES_XDP_GENERIC;
		sh("ip link add y0 type veth peer name y1; ip link set y0 up; ip link set y1 up");
		i = follow(&options);
		sh("ip link set y0 down; ip link set y0 name z0; ip link set z0 up");
		have_admin(false);
		handle(i);
		have_admin(true);
		assert_int_equal(programs_on("z0"), 0);
		sh("ip link set z0 down; ip link set z0 name y0; ip link set y0 up");
		have_admin(false);
		handle(i);
		have_admin(true);
		assert_hooks(i, "y0", native ? "xdp-native" : "xdp-generic", "tcx");
		assert_int_equal(programs_on("y0"), 2);
		interfaces_free(i);
		sh("ip link del y0");
	}
}

static void test_xdp_counts_alone(void **state)
{
	struct interfaces_options options = {.xdp_mode = INTERFACES_XDP_GENERIC};
	struct interfaces *i;

	(void)state;
	sh("ip link add x0 type veth peer name x1; ip link set x0 up; ip link set x1 up");
	i = follow(&options);
	assert_hooks(i, "x0", "xdp-generic", "tcx");
	assert_int_equal(programs_on("x0"), 2);
	interfaces_free(i);
	assert_int_equal(programs_on("x0"), 0);

	options.xdp_mode = INTERFACES_XDP_NATIVE;
	i = follow(&options);
	assert_hooks(i, "x0", "xdp-native", "tcx");
	interfaces_free(i);
	assert_int_equal(programs_on("x0"), 0);

	options.xdp_mode = INTERFACES_XDP_AUTO; /* never on veth */
	i = follow(&options);
	assert_hooks(i, "x0", "tcx", "tcx");
	interfaces_free(i);
	sh("ip link del x0");
}

/* Without an agent counting goes on; the next one takes over and attaches nothing twice. */
static void test_adopted(void **state)
{
	struct interfaces_options options = {.pin_dir = PIN_DIR};
	const bool clsact[] = {false, true};
	struct error err = {0};
	struct interfaces *i;

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		options.clsact_only = clsact[k];
		sh("ip link add p0 type veth peer name p1; ip link set p0 up; ip link set p1 up");
		interfaces_free(follow(&options));
		assert_int_equal(programs_on("p0"), 2);
		i = follow(&options);
		assert_int_equal(report_of(i, "p0").adopted, !clsact[k]);
		assert_int_equal(programs_on("p0"), 2);
		interfaces_free(i);
		assert_int_equal(interfaces_detach_all(PIN_DIR, &err), 0);
		assert_int_equal(programs_on("p0"), 0);
		assert_int_not_equal(sh("tc qdisc show dev p0 | grep -q clsact"), 0);
		assert_int_not_equal(sh("ls %s | grep -q ^tc-", PIN_DIR), 0);
		sh("ip link del p0");
	}
}

/* A pinned link of an interface that is not chosen any more, or whose ingress XDP
 * counts now, goes. */
static void test_pruned(void **state)
{
	const char *pattern[] = {"q1"};
	struct interfaces_options options = {.pin_dir = PIN_DIR};
	struct error err = {0};
	struct interfaces *i;

	(void)state;
	sh("ip link add q0 type veth peer name q1; ip link set q0 up; ip link set q1 up");
	interfaces_free(follow(&options));
	options.patterns = pattern;
	options.pattern_count = 1;
	options.xdp_mode = INTERFACES_XDP_GENERIC;
	i = follow(&options);
	assert_int_equal(programs_on("q0"), 0);
	assert_int_equal(programs_on("q1"), 2);
	interfaces_free(i);
	assert_int_equal(interfaces_detach_all(PIN_DIR, &err), 0);
	assert_int_equal(programs_on("q1"), 0);
	sh("ip link del q0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_followed),	 cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_many_changes),	 cmocka_unit_test(test_clsact),
		cmocka_unit_test(test_xdp_counts_alone), cmocka_unit_test(test_adopted),
		cmocka_unit_test(test_pruned),		 cmocka_unit_test(test_xdp_goes_and_comes),
	};

	return namespace_run(tests);
}
