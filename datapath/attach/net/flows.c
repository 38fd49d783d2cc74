// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads the L4 flow counters of the kernel half in batches, sums them over CPUs and removes idle
 * flows. */
#include "datapath/attach/net/flows.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "base/table.h"

#define BATCH_FLOWS 256
#define TOTALS_MAX  8192

/* Key first: an entry of the table. */
struct total {
	uint32_t ifindex;
	uint16_t direction;
	uint16_t protocol;		   /* 0: neither TCP nor UDP */
	uint64_t pass_packets, pass_bytes; /* living flows, up to the pass's position */
	uint32_t pass_live;
	uint32_t live;
	uint64_t gone_packets, gone_bytes; /* removed flows */
	uint64_t packets, bytes;	   /* reported totals */
};

struct flows {
	int map_fd;
	int cpus;
	uint64_t idle_ns;
	struct table *totals;
	struct weft_flow_key *keys;
	struct weft_flow *parts; /* BATCH_FLOWS x cpus */
	struct weft_flow_key
		position; /* where the pass continues: a bucket number, or a key without batches */
	bool under_way;
	bool no_batches;
	bool no_take; /* the kernel lacks lookup-and-delete for per-CPU values */
	uint64_t pass_live, live, expired, totals_evicted;
	uint64_t baseline; /* flows created and gone before the first complete pass */
	bool has_pass, has_baseline;
};

void flows_free(struct flows *f)
{
	if (!f)
		return;
	table_free(f->totals);
	free(f->keys);
	free(f->parts);
	free(f);
}

static void flows_free_ptr(struct flows **f)
{
	flows_free(*f);
}

static int check_map(int map_fd, struct error *err)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	int failed = bpf_map_get_info_by_fd(map_fd, &info, &size);

	if (failed)
		return error_set(err, failed, "the flow table cannot be read: %s",
				 strerror(-failed));
	if (info.key_size != sizeof(struct weft_flow_key) ||
	    info.value_size != sizeof(struct weft_flow))
		return error_set(err, -EINVAL, "the flow table has another layout");
	return 0;
}

int flows_new(int map_fd, uint64_t idle_ns, struct flows **ret_flows, struct error *err)
{
	cleanup(flows_free_ptr) struct flows *f = calloc(1, sizeof(*f));
	int failed = check_map(map_fd, err);

	if (failed)
		return failed;
	if (!f)
		return error_set(err, -ENOMEM, "no memory to read flows");
	f->map_fd = map_fd;
	f->idle_ns = idle_ns;
	f->cpus = libbpf_num_possible_cpus();
	if (f->cpus < 1)
		return error_set(err, -ENODEV, "the number of CPUs is not known");
	f->keys = calloc(BATCH_FLOWS, sizeof(*f->keys));
	f->parts = calloc((size_t)BATCH_FLOWS * (size_t)f->cpus, sizeof(*f->parts));
	f->totals = table_new(TOTALS_MAX, sizeof(struct total), 8, process_now_ns());
	if (!f->keys || !f->parts || !f->totals)
		return error_set(err, -ENOMEM, "no memory to read flows");
	*ret_flows = take_ptr(f);
	return 0;
}

static struct weft_flow flow_sum(const struct weft_flow *parts, int cpus)
{
	struct weft_flow sum = {0};

	for (int i = 0; i < cpus; i++) {
		const struct weft_flow *p = &parts[i];

		if (!p->packets)
			continue;
		sum.packets += p->packets;
		sum.bytes += p->bytes;
		sum.tcp_flags_seen |= p->tcp_flags_seen;
		sum.syn_count += p->syn_count;
		if (!sum.first_ns || p->first_ns < sum.first_ns)
			sum.first_ns = p->first_ns;
		if (p->last_ns > sum.last_ns)
			sum.last_ns = p->last_ns;
	}
	return sum;
}

static struct total *total_get(struct flows *f, const struct weft_flow_key *key)
{
	bool named = key->protocol == IPPROTO_TCP || key->protocol == IPPROTO_UDP;
	struct total wanted = {.ifindex = key->ifindex,
			       .direction = key->direction,
			       .protocol = named ? key->protocol : 0};
	struct total *t = table_find(f->totals, &wanted);

	if (t)
		return t;
	t = table_insert(f->totals, &wanted);
	if (t)
		return t;
	table_remove(f->totals, table_oldest(f->totals));
	f->totals_evicted++;
	return table_insert(f->totals, &wanted);
}

/* Removes a flow from the kernel's table; |flow| becomes its last value. False: it is gone
 * already. */
static bool flow_take(struct flows *f, const struct weft_flow_key *key, struct weft_flow *parts,
		      struct weft_flow *flow)
{
	int failed = f->no_take ? -EINVAL : bpf_map_lookup_and_delete_elem(f->map_fd, key, parts);

	if (!failed) {
		*flow = flow_sum(parts, f->cpus);
		return true;
	}
	if (failed == -ENOENT)
		return false;
	f->no_take = true;
	return !bpf_map_delete_elem(f->map_fd, key);
}

static void flow_account(struct flows *f, const struct weft_flow_key *key,
			 const struct weft_flow *flow, bool expired)
{
	struct total *t = total_get(f, key);

	if (expired) {
		f->expired++;
		t->gone_packets += flow->packets;
		t->gone_bytes += flow->bytes;
		return;
	}
	f->pass_live++;
	t->pass_live++;
	t->pass_packets += flow->packets;
	t->pass_bytes += flow->bytes;
	table_touch(f->totals, t);
}

static void batch_account(struct flows *f, uint32_t count, uint64_t now_ns, flows_fn fn, void *arg)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct weft_flow_key *key = &f->keys[i];
		struct weft_flow *parts = &f->parts[(size_t)i * (size_t)f->cpus];
		struct weft_flow flow = flow_sum(parts, f->cpus);
		/* without batches the iteration continues at the last key, so that flow stays until
		 * the next pass */
		bool may_go = f->idle_ns && (!f->no_batches || i + 1 < count);
		bool idle = flow.last_ns < now_ns && now_ns - flow.last_ns > f->idle_ns;
		bool expired = may_go && idle && flow_take(f, key, parts, &flow);

		if (!flow.packets && !expired)
			continue;
		flow_account(f, key, &flow, expired);
		if (fn)
			fn(arg, key, &flow, expired);
	}
}

/* Fills keys and parts. Returns 1 at the end of the table, 0 when there is more, or a negative
 * errno. */
static int batch_read(struct flows *f, uint32_t *ret_count)
{
	struct weft_flow_key next;
	int failed;

	*ret_count = BATCH_FLOWS;
	failed = bpf_map_lookup_batch(f->map_fd, f->under_way ? &f->position : NULL, &next, f->keys,
				      f->parts, ret_count, NULL);
	if (failed && failed != -ENOENT)
		return failed;
	memcpy(&f->position, &next, sizeof(uint32_t));
	return failed ? 1 : 0;
}

/* The same, one flow at a time. */
static int keys_read(struct flows *f, uint32_t *ret_count)
{
	uint32_t count = 0;
	int failed = 0;

	while (count < BATCH_FLOWS) {
		struct weft_flow_key *key = &f->keys[count];

		failed = bpf_map_get_next_key(f->map_fd, f->under_way ? &f->position : NULL, key);
		if (failed)
			break;
		f->position = *key;
		f->under_way = true;
		if (!bpf_map_lookup_elem(f->map_fd, key,
					 &f->parts[(size_t)count * (size_t)f->cpus]))
			count++;
	}
	*ret_count = count;
	return failed == -ENOENT ? 1 : failed;
}

static void pass_begin(struct flows *f)
{
	f->pass_live = 0;
	for (struct total *t = table_oldest(f->totals); t; t = table_next(f->totals, t)) {
		t->pass_packets = 0;
		t->pass_bytes = 0;
		t->pass_live = 0;
	}
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Publishes the totals of the pass; a flow that the kernel evicted does not reduce a total. */
static void pass_end(struct flows *f)
{
	for (struct total *t = table_oldest(f->totals); t; t = table_next(f->totals, t)) {
		t->packets = later(t->packets, t->gone_packets + t->pass_packets);
		t->bytes = later(t->bytes, t->gone_bytes + t->pass_bytes);
		t->live = t->pass_live;
	}
	f->live = f->pass_live;
	f->has_pass = true;
	f->under_way = false;
}

/* Whether |failed| means that this kernel has no batches, or that a bucket exceeds our batch. */
static bool lacks_batches(int failed)
{
	return failed == -EINVAL || failed == -EOPNOTSUPP || failed == -ENOSPC || failed == -524;
}

int flows_read(struct flows *f, uint64_t now_ns, uint64_t budget_ns, flows_fn fn, void *arg)
{
	uint64_t began_ns = process_now_ns();
	uint32_t count;
	int end;

	do {
		if (!f->under_way)
			pass_begin(f);
		end = f->no_batches ? keys_read(f, &count) : batch_read(f, &count);
		if (end < 0) {
			f->under_way = false;
			if (f->no_batches || !lacks_batches(end))
				return end;
			f->no_batches = true;
			continue;
		}
		f->under_way = true;
		batch_account(f, count, now_ns, fn, arg);
		if (end)
			pass_end(f);
	} while (end != 1 && process_now_ns() - began_ns < budget_ns);
	return end == 1;
}

void flows_visit_totals(const struct flows *f,
			void (*visit)(void *arg, const struct flows_total *total), void *arg)
{
	for (struct total *t = table_oldest(f->totals); t; t = table_next(f->totals, t)) {
		struct flows_total shown = {t->ifindex, t->direction, t->protocol,
					    t->packets, t->bytes,     t->live};

		visit(arg, &shown);
	}
}

struct flows_health flows_health(struct flows *f, uint64_t created)
{
	struct flows_health health = {f->live, f->expired, 0, f->totals_evicted};
	uint64_t known = f->live + f->expired;

	if (!f->has_pass)
		return health;
	if (!f->has_baseline && created >= known) {
		f->baseline = created - known;
		f->has_baseline = true;
	}
	if (created > known + f->baseline)
		health.evicted = created - known - f->baseline;
	return health;
}
