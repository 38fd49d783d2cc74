// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Attaches the flow counters to veth pairs and bridges in a network namespace of its own, follows
 * them as they change, sends traffic through them and compares what was counted with the kernel's
 * own counters. Needs root. */
#include <linux/types.h>

#include "bpf/abi.h"
#include "datapath/attach/flows.h"
#include "datapath/attach/interfaces.h"
#include "weft.skel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PIN_DIR "/mnt/links"

static struct weft_bpf *bpf;
static char why_skipped[128];

/* Runs a shell command in this namespace. */
__attribute__((format(printf, 1, 2))) static int sh(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command);
}

static struct interfaces_programs programs(void)
{
	return (struct interfaces_programs){bpf->progs.weft_tc_ingress, bpf->progs.weft_tc_egress,
					    bpf->progs.weft_xdp};
}

static struct interfaces *follow(const struct interfaces_options *options)
{
	struct interfaces_programs all = programs();
	struct interfaces *i = NULL;
	struct error err = {0};

	if (interfaces_new(options, &all, &i, &err))
		fail_msg("%s", err.text);
	return i;
}

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
	return atoi(line);
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

	/* somebody's filter in our qdisc keeps the qdisc */
	i = follow(&options);
	hook.ifindex = (int)if_nametoindex("c0");
	assert_int_equal(bpf_tc_attach(&hook, &theirs), 0);
	interfaces_free(i);
	assert_int_equal(sh("tc qdisc show dev c0 | grep -q clsact"), 0);
	assert_int_equal(programs_on("c0"), 1);
	sh("ip link del c0");
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

/* A pinned link of an interface that is not chosen any more, or whose ingress XDP counts now, goes.
 */
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

/* ---- traffic
 * -------------------------------------------------------------------------------------- */

struct sum {
	unsigned int ifindex;
	int direction;
	int protocol; /* 0: all */
	int port;     /* 0: all */
	uint64_t packets, bytes, flows;
};

static void add(void *arg, const struct weft_flow_key *key, const struct weft_flow *flow,
		bool expired)
{
	struct sum *s = arg;

	(void)expired;
	if (key->ifindex != s->ifindex || key->direction != s->direction ||
	    (s->protocol && key->protocol != s->protocol) ||
	    (s->port && key->source_port != s->port && key->destination_port != s->port))
		return;
	s->packets += flow->packets;
	s->bytes += flow->bytes;
	s->flows++;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct sum sum_of(struct flows *f, const char *name, int direction, int protocol, int port)
{
	struct sum s = {if_nametoindex(name), direction, protocol, port, 0, 0, 0};

	assert_int_equal(flows_read(f, now_ns(), 1000000000, add, &s), 1);
	return s;
}

static uint64_t read_number(const char *command)
{
	FILE *pipe = popen(command, "r");
	uint64_t value = 0;

	assert_non_null(pipe);
	if (fscanf(pipe, "%" SCNu64, &value) != 1)
		value = 0;
	pclose(pipe);
	return value;
}

/* What the kernel's network layer says of an interface in this namespace. */
static uint64_t statistic(const char *name, const char *direction, const char *what)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "ip -s -j link show dev %s | tr ',{}' '\\n' | grep -A9 '\"%s\":' | grep -m1 "
		 "'\"%s\":' |"
		 " tr -dc 0-9",
		 name, direction, what);
	return read_number(command);
}

/* A pair t0 (here) and t1 in the namespace of another process; no IPv6 chatter, static neighbours.
 */
static pid_t pair_make(void)
{
	pid_t peer = fork();

	if (!peer) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET))
			_exit(1);
		pause();
		_exit(0);
	}
	usleep(100000);
	sh("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
	sh("nsenter -t %d -n sysctl -qw net.ipv6.conf.default.disable_ipv6=1", peer);
	sh("ip link add t0 address 02:00:00:00:00:01 type veth peer name t1 address "
	   "02:00:00:00:00:02 netns %d",
	   peer);
	sh("ip addr add 10.7.0.1/24 dev t0; ip link set t0 up;"
	   "ip neigh add 10.7.0.2 lladdr 02:00:00:00:00:02 dev t0 nud permanent");
	sh("nsenter -t %d -n sh -c 'ip addr add 10.7.0.2/24 dev t1; ip link set t1 up; ip link set "
	   "lo "
	   "up; ip neigh add 10.7.0.1 lladdr 02:00:00:00:00:01 dev t1 nud permanent'",
	   peer);
	return peer;
}

static void pair_end(pid_t peer)
{
	kill(peer, SIGKILL);
	waitpid(peer, NULL, 0);
	sh("ip link del t0 2>/dev/null"); /* gone already when the peer's namespace was faster */
}

static void transfer(pid_t peer, const char *options)
{
	assert_int_equal(
		sh("nsenter -t %d -n sh -c 'timeout 20 iperf3 -s -1 >/mnt/iperf.log 2>&1 &'", peer),
		0);
	usleep(300000);
	assert_int_equal(sh("timeout 15 iperf3 -c 10.7.0.2 %s >/mnt/client.log 2>&1", options), 0);
	usleep(100000);
}

/* With offloads the queueing discipline of the sender counts as a wire does; without them the
 * interface too. */
static void compare_traffic(bool offloads)
{
	struct interfaces_options options = {0};
	pid_t peer = pair_make();
	struct interfaces *i;
	struct flows *f = NULL;
	struct error err = {0};
	struct sum out, in;

	if (!offloads) {
		sh("ethtool -K t0 tso off gso off gro off tx-udp-segmentation off >/dev/null 2>&1");
		sh("nsenter -t %d -n ethtool -K t1 tso off gso off gro off >/dev/null 2>&1", peer);
	}
	sh("tc qdisc add dev t0 root pfifo limit 20000");
	assert_int_equal(flows_new(bpf_map__fd(bpf->maps.weft_flows), 0, &f, &err), 0);
	i = follow(&options);
	uint64_t tx_packets = statistic("t0", "tx", "packets"),
		 tx_bytes = statistic("t0", "tx", "bytes"),
		 rx_packets = statistic("t0", "rx", "packets"),
		 rx_bytes = statistic("t0", "rx", "bytes");

	transfer(peer, "-n 60M");
	transfer(peer, "-u -b 200M -n 5M -l 1200");
	out = sum_of(f, "t0", WEFT_EGRESS, 0, 0);
	in = sum_of(f, "t0", WEFT_INGRESS, 0, 0);
	assert_int_equal(out.packets,
			 read_number("tc -s qdisc show dev t0 | awk '/Sent/{print $4}'"));
	assert_int_equal(out.bytes + 14 * out.packets,
			 read_number("tc -s qdisc show dev t0 | awk '/Sent/{print $2}'"));
	tx_packets = statistic("t0", "tx", "packets") - tx_packets;
	tx_bytes = statistic("t0", "tx", "bytes") - tx_bytes;
	rx_packets = statistic("t0", "rx", "packets") - rx_packets;
	rx_bytes = statistic("t0", "rx", "bytes") - rx_bytes;
	printf("egress packets=%" PRIu64 " bytes=%" PRIu64 " sysfs packets=%" PRIu64
	       " bytes=%" PRIu64 "; ingress packets=%" PRIu64 " sysfs=%" PRIu64 "\n",
	       out.packets, out.bytes, tx_packets, tx_bytes, in.packets, rx_packets);
	if (offloads) {
		assert_true(out.packets > 2 * tx_packets);
	} else {
		assert_int_equal(out.packets, tx_packets);
		assert_int_equal(out.bytes + 14 * out.packets, tx_bytes);
		assert_int_equal(in.packets, rx_packets);
		assert_int_equal(in.bytes + 14 * in.packets, rx_bytes);
	}
	interfaces_free(i);
	flows_free(f);
	pair_end(peer);
}

static void test_traffic_without_offloads(void **state)
{
	(void)state;
	if (sh("command -v iperf3 ethtool >/dev/null"))
		skip();
	compare_traffic(false);
}

static void test_traffic_with_offloads(void **state)
{
	(void)state;
	if (sh("command -v iperf3 >/dev/null"))
		skip();
	compare_traffic(true);
}

/* Exactly the counters of one TCP connection: what its sender sent, as told by its own socket. */
static void test_traffic_equals_socket(void **state)
{
	struct interfaces_options options = {0};
	struct error err = {0};
	pid_t peer = pair_make();
	struct interfaces *i = follow(&options);
	struct flows *f = NULL;
	struct sum out;

	(void)state;
	assert_int_equal(flows_new(bpf_map__fd(bpf->maps.weft_flows), 0, &f, &err), 0);
	assert_int_equal(sh("nsenter -t %d -n /usr/bin/python3 -c 'import "
			    "socket;s=socket.create_server((\"10.7.0.2\",7100));"
			    "c,_=s.accept()\nwhile c.recv(1<<20):pass' & sleep 0.4",
			    peer),
			 0);
	uint64_t segments =
		read_number("/usr/bin/python3 -c 'import "
			    "socket,struct,time;s=socket.create_connection((\"10.7.0.2\",7100));"
			    "s.sendall(bytes(30000000));s.shutdown(1);time.sleep(0.5);"
			    "i=s.getsockopt(6,11,256);print(struct.unpack_from(\"I\",i,136)[0])'");
	out = sum_of(f, "t0", WEFT_EGRESS, 6, 7100);
	assert_true(segments > 20000);
	assert_int_equal(out.packets, segments);
	assert_int_equal(out.flows, 1);
	interfaces_free(i);
	flows_free(f);
	pair_end(peer);
}

static void count_total(void *arg, const struct flows_total *total)
{
	struct sum *s = arg;

	if (total->ifindex != s->ifindex || (int)total->direction != s->direction)
		return;
	s->packets = total->packets;
	s->bytes = total->bytes;
	s->flows = total->live;
}

static void test_flows_expire_into_totals(void **state)
{
	const char *pattern[] = {"lo"};
	struct interfaces_options options = {.patterns = pattern, .pattern_count = 1};
	struct error err = {0};
	struct sum before = {.ifindex = 1, .direction = WEFT_INGRESS}, after = before, live;
	struct interfaces *i = follow(&options);
	struct flows_health health;
	struct flows *f = NULL;

	(void)state;
	assert_int_equal(flows_new(bpf_map__fd(bpf->maps.weft_flows), 200000000, &f, &err), 0);
	assert_int_equal(flows_read(f, 1, 1000000000, NULL, NULL), 1);
	flows_visit_totals(f, count_total, &before);
	sh("/usr/bin/python3 -c '\nimport socket\ns=socket.socket(2,2)\nfor p in range(2000, "
	   "4000): "
	   "s.sendto(bytes(100), (\"127.0.0.1\", p))'");
	live = sum_of(f, "lo", WEFT_INGRESS, IPPROTO_UDP, 0);
	assert_int_equal(live.packets, 2000);
	assert_int_equal(live.bytes, 2000 * 128);
	/* time goes on: everything is idle, nothing is missing from the totals */
	assert_int_equal(flows_read(f, now_ns() + 10000000000, 1000000000, NULL, NULL), 1);
	assert_int_equal(flows_read(f, now_ns(), 1000000000, NULL, NULL), 1);
	flows_visit_totals(f, count_total, &after);
	assert_int_equal(after.flows, 0);
	assert_true(after.packets - before.packets >= 2000);
	assert_true(after.bytes - before.bytes >= 2000 * 128);
	health = flows_health(f, 0);
	assert_int_equal(health.live, 0);
	assert_true(health.expired >= 2000);
	/* a budget of nothing still makes progress and ends */
	for (int k = 0; k < 1000 && flows_read(f, now_ns(), 0, NULL, NULL) != 1; k++)
		assert_int_not_equal(k, 999);
	flows_free(f);
	interfaces_free(i);
}

/* ---- frame
 * ---------------------------------------------------------------------------------------- */

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN && getenv("DEBUG") ? vfprintf(stderr, format, args) : 0;
}

/* A mount and a network namespace of our own, with a bpf file system: nothing has to be cleaned up.
 */
static int world_make(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	if (mount("none", "/mnt", "tmpfs", 0, NULL) || mkdir(PIN_DIR, 0700) ||
	    mount("none", PIN_DIR, "bpf", 0, NULL))
		return -errno;
	return 0;
}

static int programs_load(void)
{
	struct bpf_program *program;

	libbpf_set_print(quiet);
	bpf = weft_bpf__open();
	if (!bpf)
		return -errno;
	bpf_object__for_each_program(program, bpf->obj) bpf_program__set_autoload(program, false);
	bpf_program__set_autoload(bpf->progs.weft_tc_ingress, true);
	bpf_program__set_autoload(bpf->progs.weft_tc_egress, true);
	bpf_program__set_autoload(bpf->progs.weft_xdp, true);
	return weft_bpf__load(bpf);
}

static void test_not_here(void **state)
{
	(void)state;
	printf("skipped: %s\n", why_skipped);
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_followed),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_many_changes),
		cmocka_unit_test(test_clsact),
		cmocka_unit_test(test_xdp_counts_alone),
		cmocka_unit_test(test_adopted),
		cmocka_unit_test(test_pruned),
		cmocka_unit_test(test_flows_expire_into_totals),
		cmocka_unit_test(test_traffic_equals_socket),
		cmocka_unit_test(test_traffic_without_offloads),
		cmocka_unit_test(test_traffic_with_offloads),
	};
	const struct CMUnitTest skipped[] = {cmocka_unit_test(test_not_here)};
	int failed;

	if (geteuid()) {
		snprintf(why_skipped, sizeof(why_skipped), "namespaces and BPF need root");
		return cmocka_run_group_tests(skipped, NULL, NULL);
	}
	failed = world_make();
	if (failed) {
		snprintf(why_skipped, sizeof(why_skipped), "no namespace of its own: %s",
			 strerror(-failed));
		return cmocka_run_group_tests(skipped, NULL, NULL);
	}
	if (programs_load())
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	weft_bpf__destroy(bpf);
	return failed;
}
