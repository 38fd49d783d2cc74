// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sends traffic through counted interfaces and compares what was counted with the kernel's own
 * counters. Needs root. */
#include "datapath/attach/net/flows.h"

#include "datapath/attach/net/namespace_test.h"

#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

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

/* A pair t0 (here) and t1 in the namespace of another process; no IPv6
 * chatter, static neighbours. */
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
	struct interfaces *i;
	struct flows_health health;
	struct flows *f = NULL;

	(void)state;
	sh("ip link set lo up");
	i = follow(&options);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flows_expire_into_totals),
		cmocka_unit_test(test_traffic_equals_socket),
		cmocka_unit_test(test_traffic_without_offloads),
		cmocka_unit_test(test_traffic_with_offloads),
	};

	return namespace_run(tests);
}
