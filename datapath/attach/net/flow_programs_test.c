// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Runs the TC and XDP flow programs in the kernel on crafted frames and compares what they count.
 * Needs root. */
#include <linux/types.h>

#include "bpf/abi.h"
#include "weft.skel.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FRAME_MAX_BYTES 2048
#define CPUS_MAX	1024

/* A frame under construction: every header is appended to what is there. */
struct frame {
	__u8 bytes[FRAME_MAX_BYTES];
	size_t size;
	size_t l3_offset;
};

struct programs {
	struct weft_bpf *bpf;
	int cpus;
	int ingress, egress, xdp;
};

static struct programs run;

static void put(struct frame *f, const void *bytes, size_t size)
{
	assert_true(f->size + size <= sizeof(f->bytes));
	memcpy(f->bytes + f->size, bytes, size);
	f->size += size;
}

static void put_zeros(struct frame *f, size_t size)
{
	static const __u8 zeros[FRAME_MAX_BYTES];

	put(f, zeros, size);
}

static void put_u16(struct frame *f, __u16 value)
{
	put(f, &(__u16){htons(value)}, 2);
}

/* Both MAC addresses and |tags| VLAN tags, the outer one of 802.1ad when there are two. */
static struct frame frame_ethernet(int tags, __u16 type)
{
	struct frame f = {0};

	put_zeros(&f, 12);
	for (int i = tags; i > 0; i--) {
		put_u16(&f, i > 1 ? 0x88a8 : 0x8100);
		put_u16(&f, 100 + i);
	}
	put_u16(&f, type);
	f.l3_offset = f.size;
	return f;
}

static void put_ipv4(struct frame *f, __u8 protocol, __u16 fragment, size_t options, size_t payload)
{
	put(f, &(__u8){0x45 + options / 4}, 1);
	put_zeros(f, 1);
	put_u16(f, 20 + options + payload);
	put_u16(f, 7);
	put_u16(f, fragment);
	put(f, (__u8[]){64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}, 12);
	put_zeros(f, options);
}

static void put_ipv6(struct frame *f, __u8 next, size_t payload)
{
	static const __u8 from[16] = {0xfd, [15] = 1}, to[16] = {0xfd, [15] = 2};

	put(f, (__u8[]){0x60, 0, 0, 0}, 4);
	put_u16(f, payload);
	put(f, (__u8[]){next, 64}, 2);
	put(f, from, 16);
	put(f, to, 16);
}

static void put_tcp(struct frame *f, __u8 flags, size_t payload)
{
	put_u16(f, 40000);
	put_u16(f, 443);
	put_zeros(f, 8);
	put(f, (__u8[]){0x50, flags, 0, 0, 0, 0, 0, 0}, 8);
	put_zeros(f, payload);
}

static void put_udp(struct frame *f, size_t payload)
{
	put_u16(f, 5353);
	put_u16(f, 53);
	put_u16(f, 8 + payload);
	put_u16(f, 0);
	put_zeros(f, payload);
}

static void flows_clear(void)
{
	struct weft_flow_key key;
	int fd = bpf_map__fd(run.bpf->maps.weft_flows);

	while (!bpf_map_get_next_key(fd, NULL, &key))
		assert_int_equal(bpf_map_delete_elem(fd, &key), 0);
}

/* How many flows there are; the last one is returned with its CPUs added up. */
static int flows_take(struct weft_flow_key *ret_key, struct weft_flow *ret_flow)
{
	static struct weft_flow parts[CPUS_MAX];
	struct weft_flow_key *previous = NULL;
	int fd = bpf_map__fd(run.bpf->maps.weft_flows);
	int found = 0;

	for (; !bpf_map_get_next_key(fd, previous, ret_key); found++) {
		previous = ret_key;
		assert_int_equal(bpf_map_lookup_elem(fd, ret_key, parts), 0);
		memset(ret_flow, 0, sizeof(*ret_flow));
		for (int i = 0; i < run.cpus; i++) {
			ret_flow->packets += parts[i].packets;
			ret_flow->bytes += parts[i].bytes;
			ret_flow->tcp_flags_seen |= parts[i].tcp_flags_seen;
			ret_flow->syn_count += parts[i].syn_count;
		}
	}
	return found;
}

static __u64 counter(__u32 index)
{
	struct weft_cpu_counts counts;
	__u64 sum = 0;

	for (int cpu = 0; cpu < run.cpus; cpu++) {
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(run.bpf->maps.weft_counters), &cpu,
						     &counts),
				 0);
		sum += counts.of[index];
	}
	return sum;
}

/* Runs |program| on the frame; |skb| may be NULL (XDP). The verdict must be to go on, the frame
 * unchanged. */
static int program_run(int program, const struct frame *f, struct __sk_buff *skb)
{
	__u8 out[FRAME_MAX_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->bytes, .data_size_in = f->size,
		    .data_out = out, .data_size_out = sizeof(out), .ctx_in = skb,
		    .ctx_size_in = skb ? sizeof(*skb) : 0);
	int err = bpf_prog_test_run_opts(program, &opts);

	if (err)
		return err;
	assert_int_equal((int)opts.retval, program == run.xdp ? 2 /* XDP_PASS */ : -1);
	assert_int_equal(opts.data_size_out, f->size);
	assert_memory_equal(out, f->bytes, f->size);
	return 0;
}

struct expected {
	__u8 protocol;
	__u16 source_port;
	__u16 destination_port;
	__u64 packets;
	__u64 bytes;
};

static void check_counted(const struct expected *want, int direction)
{
	struct weft_flow_key key;
	struct weft_flow flow;

	assert_int_equal(flows_take(&key, &flow), 1);
	assert_int_equal(key.protocol, want->protocol);
	assert_int_equal(key.source_port, want->source_port);
	assert_int_equal(key.destination_port, want->destination_port);
	assert_int_equal(key.direction, direction);
	assert_int_equal(flow.packets, want->packets);
	assert_int_equal(flow.bytes, want->bytes);
}

/* Each program on the same frame must count the same. */
static void check_frame(const struct frame *f, struct expected want)
{
	const struct {
		int program, direction;
	} hooks[] = {
		{run.ingress, WEFT_INGRESS}, {run.egress, WEFT_EGRESS}, {run.xdp, WEFT_INGRESS}};

	for (size_t i = 0; i < 3; i++) {
		flows_clear();
		assert_int_equal(program_run(hooks[i].program, f, NULL), 0);
		check_counted(&want, hooks[i].direction);
	}
}

static void check_no_flow(const struct frame *f, __u64 unreadable)
{
	const int hooks[] = {run.ingress, run.egress, run.xdp};
	struct weft_flow_key key;
	struct weft_flow flow;

	for (size_t i = 0; i < 3; i++) {
		__u64 before = counter(WEFT_LOST_FLOW_PARSE);

		flows_clear();
		assert_int_equal(program_run(hooks[i], f, NULL), 0);
		assert_int_equal(flows_take(&key, &flow), 0);
		assert_int_equal(counter(WEFT_LOST_FLOW_PARSE) - before, unreadable);
	}
}

static void test_tcp_ipv4(void **state)
{
	struct frame f = frame_ethernet(0, 0x0800);
	struct weft_flow_key key;
	struct weft_flow flow;
	__u64 seen = counter(WEFT_LOSS_MAX + WEFT_COUNT_FLOWS_SEEN);

	(void)state;
	put_ipv4(&f, 6, 0x4000, 0, 20 + 100);
	put_tcp(&f, 0x02, 100);
	check_frame(&f, (struct expected){6, 40000, 443, 1, 140});
	assert_int_equal(counter(WEFT_LOSS_MAX + WEFT_COUNT_FLOWS_SEEN) - seen, 3);
	assert_int_equal(program_run(run.xdp, &f, NULL), 0);
	assert_int_equal(flows_take(&key, &flow), 1);
	assert_int_equal(flow.packets, 2);
	assert_int_equal(flow.syn_count, 2);
	assert_int_equal(flow.tcp_flags_seen, 2);
	assert_memory_equal(key.source_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1", 16);
	assert_memory_equal(key.destination_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\2", 16);
}

static void test_padding_is_not_counted(void **state)
{
	struct frame f = frame_ethernet(0, 0x0800);

	(void)state;
	put_ipv4(&f, 6, 0, 0, 20);
	put_tcp(&f, 0x10, 0);
	put_zeros(&f, 6);
	check_frame(&f, (struct expected){6, 40000, 443, 1, 40});
}

static void test_ipv4_options_and_vlans(void **state)
{
	(void)state;
	for (int tags = 0; tags <= 2; tags++) {
		struct frame f = frame_ethernet(tags, 0x0800);

		put_ipv4(&f, 17, 0, 24, 8 + 30);
		put_udp(&f, 30);
		check_frame(&f, (struct expected){17, 5353, 53, 1, 20 + 24 + 38});
	}
}

static void test_fragments(void **state)
{
	struct frame first = frame_ethernet(0, 0x0800), later = frame_ethernet(0, 0x0800);

	(void)state;
	put_ipv4(&first, 17, 0x2000, 0, 8 + 56);
	put_udp(&first, 56);
	check_frame(&first, (struct expected){17, 5353, 53, 1, 84});
	put_ipv4(&later, 17, 8, 0, 64);
	put_zeros(&later, 64);
	check_frame(&later, (struct expected){17, 0, 0, 1, 84});
}

static void test_ipv6_extensions(void **state)
{
	struct frame f = frame_ethernet(0, 0x86dd), later = frame_ethernet(0, 0x86dd);

	(void)state;
	put_ipv6(&f, 0, 8 + 24 + 8 + 20 + 5);
	put(&f, (__u8[8]){43}, 8);	   /* hop by hop */
	put(&f, (__u8[24]){44, 2}, 24);	   /* routing */
	put(&f, (__u8[8]){6, 0, 0, 1}, 8); /* first fragment */
	put_tcp(&f, 0x18, 5);
	check_frame(&f, (struct expected){6, 40000, 443, 1, 40 + 65});

	put_ipv6(&later, 44, 8 + 32);
	put(&later, (__u8[8]){17, 0, 0, 16}, 8);
	put_zeros(&later, 32);
	check_frame(&later, (struct expected){17, 0, 0, 1, 80});
}

static void test_ipv6_extension_bound(void **state)
{
	struct frame f = frame_ethernet(0, 0x86dd);

	(void)state;
	put_ipv6(&f, 60, 8 * 8 + 8);
	for (int i = 0; i < 8; i++)
		put(&f, (__u8[8]){i < 7 ? 60 : 17}, 8);
	put_udp(&f, 0);
	check_frame(&f, (struct expected){60, 0, 0, 1, 40 + 72});
}

static void test_others(void **state)
{
	struct frame icmp = frame_ethernet(0, 0x0800), arp = frame_ethernet(0, 0x0806);
	struct frame wrong = frame_ethernet(0, 0x0800);

	(void)state;
	put_ipv4(&icmp, 1, 0, 0, 64);
	put_zeros(&icmp, 64);
	check_frame(&icmp, (struct expected){1, 0, 0, 1, 84});
	put_zeros(&arp, 46);
	check_no_flow(&arp, 0);
	put_zeros(&wrong, 46); /* version 0 */
	check_no_flow(&wrong, 1);
}

/* A large segment that becomes two packets of 1000 and 400 bytes. */
static void test_gso(void **state)
{
	struct frame f = frame_ethernet(1, 0x0800);
	struct __sk_buff skb = {.gso_segs = 2, .gso_size = 1000};
	struct expected want = {6, 40000, 443, 2, 40 + 1400 + 40};

	(void)state;
	put_ipv4(&f, 6, 0, 0, 20 + 1400);
	put_tcp(&f, 0x10, 1400);
	flows_clear();
	assert_int_equal(program_run(run.egress, &f, &skb), 0);
	check_counted(&want, WEFT_EGRESS);
	skb.gso_segs = 0; /* a sender outside the kernel did not say: the size does */
	flows_clear();
	assert_int_equal(program_run(run.ingress, &f, &skb), 0);
	check_counted(&want, WEFT_INGRESS);
}

/* Cut at every length: counted as an IP packet, counted as unreadable, or refused by the test hook
 * itself. */
static void check_cut(const struct frame *whole, int program)
{
	struct frame cut = *whole;
	struct weft_flow_key key;
	struct weft_flow flow;

	for (cut.size = whole->size; cut.size >= 14; cut.size--) {
		__u64 unreadable = counter(WEFT_LOST_FLOW_PARSE);
		int flows;

		flows_clear();
		if (program_run(program, &cut, NULL))
			continue;
		flows = flows_take(&key, &flow);
		unreadable = counter(WEFT_LOST_FLOW_PARSE) - unreadable;
		assert_int_equal(flows + unreadable, 1);
		if (flows)
			assert_int_equal(flow.bytes, cut.size - whole->l3_offset);
	}
}

static void test_cut_everywhere(void **state)
{
	const int hooks[] = {run.ingress, run.egress, run.xdp};
	struct frame v4 = frame_ethernet(2, 0x0800), v6 = frame_ethernet(0, 0x86dd);

	(void)state;
	put_ipv4(&v4, 6, 0, 8, 20 + 40);
	put_tcp(&v4, 0x10, 40);
	put_ipv6(&v6, 0, 8 + 24 + 8 + 20);
	put(&v6, (__u8[8]){60}, 8);
	put(&v6, (__u8[24]){51, 2}, 24);
	put(&v6, (__u8[8]){6, 0}, 8);
	put_tcp(&v6, 0x10, 0);
	for (size_t i = 0; i < 3; i++) {
		check_cut(&v4, hooks[i]);
		check_cut(&v6, hooks[i]);
	}
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN && getenv("DEBUG") ? vfprintf(stderr, format, args) : 0;
}

/* Only the flow programs of the object. */
static int programs_load(void **state)
{
	struct bpf_program *program;

	(void)state;
	libbpf_set_print(quiet);
	run.bpf = weft_bpf__open();
	if (!run.bpf)
		return -1;
	bpf_object__for_each_program(program, run.bpf->obj)
		bpf_program__set_autoload(program, false);
	bpf_program__set_autoload(run.bpf->progs.weft_tc_ingress, true);
	bpf_program__set_autoload(run.bpf->progs.weft_tc_egress, true);
	bpf_program__set_autoload(run.bpf->progs.weft_xdp, true);
	if (weft_bpf__load(run.bpf))
		return -1;
	run.cpus = libbpf_num_possible_cpus();
	if (run.cpus > CPUS_MAX)
		return -1;
	run.ingress = bpf_program__fd(run.bpf->progs.weft_tc_ingress);
	run.egress = bpf_program__fd(run.bpf->progs.weft_tc_egress);
	run.xdp = bpf_program__fd(run.bpf->progs.weft_xdp);
	return 0;
}

static int programs_unload(void **state)
{
	(void)state;
	weft_bpf__destroy(run.bpf);
	return 0;
}

static void test_needs_root(void **state)
{
	(void)state;
	printf("skipped: loading BPF programs needs root\n");
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp_ipv4),
		cmocka_unit_test(test_padding_is_not_counted),
		cmocka_unit_test(test_ipv4_options_and_vlans),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_ipv6_extensions),
		cmocka_unit_test(test_ipv6_extension_bound),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_gso),
		cmocka_unit_test(test_cut_everywhere),
	};

	const struct CMUnitTest skipped[] = {cmocka_unit_test(test_needs_root)};

	if (geteuid())
		return cmocka_run_group_tests(skipped, NULL, NULL);
	return cmocka_run_group_tests(tests, programs_load, programs_unload);
}
