// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Workloads, their addresses and matchers, and who has which label. */
#include "mesh-config/resolve/resolve.h"

#include <stdlib.h>

struct label_key {
	const char *namespace_name, *key, *value;
};

struct label_head {
	struct label_key key;
	uint32_t first, count;
};

static const enum kind_id workload_kinds[] = {KIND_WORKLOAD_ENTRY, KIND_WORKLOAD,
					      KIND_WORKLOAD_GROUP, KIND_POD};
#define WORKLOAD_KINDS (sizeof(workload_kinds) / sizeof(*workload_kinds))

static const char *first_label(const struct mesh_labels *labels, const char *const *keys)
{
	for (; *keys; keys++) {
		const char *value = mesh_labels_find(labels, *keys);

		if (value && value[0])
			return value;
	}
	return NULL;
}

struct mesh_workload *workload_row_add(struct resolve *r, const struct draft *d, uint64_t hash,
				       const char *workload_name, const struct mesh_labels *labels)
{
	static const char *const names[] = {"service.istio.io/canonical-name",
					    "app.kubernetes.io/name", "app", NULL};
	static const char *const revisions[] = {"service.istio.io/canonical-revision",
						"app.kubernetes.io/version", "version", NULL};
	struct mesh_workload *w = ROW_ADD(r, workloads, struct mesh_workload);
	const char *name = first_label(labels, names), *revision = first_label(labels, revisions);
	const char *latest = revision ? revision : pool_text(r->pool, SLICE("latest"));

	r->failed |= !latest;
	*ROW_ADD(r, workload_hashes, uint64_t) = hash;
	w->namespace_name = d->namespace_name;
	w->name = workload_name;
	w->service_account = pool_empty;
	w->canonical_service = name ? name : workload_name;
	w->canonical_revision = latest ? latest : pool_empty;
	w->labels = labels;
	w->locality = (struct mesh_locality){pool_empty, pool_empty, pool_empty};
	w->address_first = ROWS_END(r, addresses);
	w->port_first = ROWS_END(r, workload_ports);
	w->position = position_of(d, d->at);
	return w;
}

void workload_address_add(struct resolve *r, const uint8_t address[16], bool conditional)
{
	struct mesh_address *a = ROW_ADD(r, addresses, struct mesh_address);

	memcpy(a->address, address, sizeof(a->address));
	a->conditional = conditional;
	ROWS(r, workloads, struct mesh_workload)[ROWS_END(r, workloads) - 1].address_count++;
}

/* Of the workload that was added last. */
static void ports_add(struct resolve *r, const struct draft_list *numbers)
{
	const struct draft_number *n = numbers->items;

	for (uint32_t i = 0; i < numbers->count; i++)
		*ROW_ADD(r, workload_ports, uint16_t) = (uint16_t)n[i].value;
	ROWS(r, workloads, struct mesh_workload)
	[ROWS_END(r, workloads) - 1].port_count += numbers->count;
}

static void entry_fill(struct mesh_workload *w, const struct draft_workload_entry *e)
{
	if (e->service_account[0])
		w->service_account = e->service_account;
	if (e->locality)
		w->locality = *e->locality;
}

static void matcher_add(struct resolve *r, const struct draft *d, const struct draft_match *m,
			const struct draft_address *ip)
{
	struct mesh_matcher *to = ROW_ADD(r, matchers, struct mesh_matcher);

	*to = m->value;
	to->workload = d->index;
	to->position = position_of(d, m->at);
	to->has_prefix = ip;
	if (ip)
		to->prefix = ip->prefix;
}

static void workload_matchers(struct resolve *r, const struct draft *d,
			      const struct draft_workload *spec)
{
	const struct draft_match *match = spec->match.items;

	for (uint32_t i = 0; i < spec->match.count; i++) {
		const struct draft_address *ips = match[i].ips.items;

		if (!match[i].ips.count)
			matcher_add(r, d, &match[i], NULL);
		for (uint32_t j = 0; j < match[i].ips.count; j++) {
			matcher_add(r, d, &match[i], &ips[j]);
			if (ips[j].prefix.bits == 128)
				workload_address_add(r, ips[j].prefix.address,
						     mesh_matcher_parts(&match[i].value) != 0);
		}
	}
}

/* ---- pods */

/* Of a ReplicaSet, whose name is its Deployment's and the hash of the template: the Deployment's.
 */
static const char *deployment_name(struct resolve *r, const struct draft *d, const char *name)
{
	const char *hash = mesh_labels_find(d->labels, "pod-template-hash");
	size_t length = strlen(name), tail = hash ? strlen(hash) + 1 : 0;
	const char *text;

	if (!hash || length <= tail || name[length - tail] != '-' ||
	    strcmp(name + length - tail + 1, hash) != 0)
		return name;
	text = pool_text(r->pool, (struct slice){name, length - tail});
	r->failed |= !text;
	return text ? text : pool_empty;
}

/* As Istio names the workload of a pod: what owns it, else itself. */
static const char *pod_workload_name(struct resolve *r, const struct draft *d)
{
	const struct draft_pod *pod = d->spec;
	const struct draft_pod_owner *owner = pod->metadata ? pod->metadata->owners.items : NULL;

	if (!owner || !pod->metadata->owners.count || !owner->name[0])
		return d->name;
	return strcmp(owner->kind, "ReplicaSet") ? owner->name : deployment_name(r, d, owner->name);
}

/* Addresses of the node, and those that another pod may have got since, say nothing of it. */
static bool pod_has_addresses(const struct draft_pod *pod)
{
	return pod->status && !(pod->spec && pod->spec->host_network) &&
	       strcmp(pod->status->phase, "Succeeded") != 0 &&
	       strcmp(pod->status->phase, "Failed") != 0;
}

static void pod_make(struct resolve *r, const struct draft *d)
{
	const struct draft_pod *pod = d->spec;
	struct mesh_workload *w =
		workload_row_add(r, d, d->hash, pod_workload_name(r, d), d->labels);
	const struct draft_pod_ip *ips;

	if (pod->spec && pod->spec->service_account[0])
		w->service_account = pod->spec->service_account;
	if (!pod_has_addresses(pod))
		return;
	ips = pod->status->ips.items;
	for (uint32_t i = 0; i < pod->status->ips.count; i++)
		workload_address_add(r, ips[i].ip.prefix.address, false);
	if (!pod->status->ips.count && pod->status->ip.prefix.bits)
		workload_address_add(r, pod->status->ip.prefix.address, false);
}

void workload_make(struct resolve *r, struct draft *d)
{
	struct mesh_workload *w;

	d->index = ROWS_END(r, workloads);
	if (d->kind == KIND_POD) {
		pod_make(r, d);
		return;
	}
	w = workload_row_add(r, d, d->hash, d->name, d->labels);
	if (d->kind == KIND_WORKLOAD_ENTRY) {
		const struct draft_workload_entry *e = d->spec;

		entry_fill(w, e);
		if (e->prefix.bits)
			workload_address_add(r, e->prefix.address, false);
		ports_add(r, &e->ports);
	} else if (d->kind == KIND_WORKLOAD_GROUP) {
		const struct draft_workload_group *g = d->spec;

		if (g->template)
			entry_fill(w, g->template);
	} else {
		const struct draft_workload *spec = d->spec;

		if (spec->service_account[0])
			w->service_account = spec->service_account;
		if (spec->locality)
			w->locality = *spec->locality;
		workload_matchers(r, d, spec);
		ports_add(r, &spec->ports);
	}
}

/* Of an inline endpoint of |d|. */
static uint64_t entry_hash(const struct draft *d, const struct draft_workload_entry *e)
{
	uint64_t hash = table_hash(d->namespace_name, strlen(d->namespace_name), 0);

	hash = table_hash(d->name, strlen(d->name), hash);
	hash = table_hash(&e->prefix, sizeof(e->prefix), hash);
	hash = table_hash(e->service_account, strlen(e->service_account), hash);
	for (uint32_t i = 0; i < e->labels->count; i++) {
		const struct mesh_label *label = &e->labels->items[i];

		hash = table_hash(label->key, strlen(label->key), hash);
		hash = table_hash(label->value, strlen(label->value), hash);
	}
	if (!e->locality)
		return hash;
	hash = table_hash(e->locality->region, strlen(e->locality->region), hash);
	hash = table_hash(e->locality->zone, strlen(e->locality->zone), hash);
	return table_hash(e->locality->subzone, strlen(e->locality->subzone), hash);
}

bool inline_is_workload(const struct draft_workload_entry *e)
{
	return e->prefix.bits && (e->labels->count || e->service_account[0]);
}

void inline_workloads_make(struct resolve *r, uint32_t service)
{
	struct service_work *work = &r->work[service];
	struct workload_range *made = &work->made[MADE_INLINE];
	const struct draft_service_entry *s = work->draft->spec;
	const struct draft_workload_entry *e = s->endpoints.items;

	made->first = ROWS_END(r, workloads);
	for (uint32_t i = 0; i < s->endpoints.count && work->draft->kind == KIND_SERVICE_ENTRY;
	     i++) {
		struct mesh_workload *w;

		if (!inline_is_workload(&e[i]))
			continue;
		w = workload_row_add(r, work->draft, entry_hash(work->draft, &e[i]), pool_empty,
				     e[i].labels);
		w->position = position_of(work->draft, e[i].at);
		entry_fill(w, &e[i]);
		workload_address_add(r, e[i].prefix.address, false);
	}
	made->count = ROWS_END(r, workloads) - made->first;
}

/* ---- by address */

static bool workload_same(const void *arg, uint32_t value, const void *key)
{
	const struct resolve *r = arg;

	return workload_has(&ROWS(r, workloads, struct mesh_workload)[value],
			    ROWS(r, addresses, struct mesh_address), key);
}

uint32_t workload_at(const struct resolve *r, const uint8_t address[16])
{
	return lookup_find(&r->index->addresses, table_hash(address, 16, 0), workload_same, r,
			   address);
}

void address_index(struct resolve *r, const uint8_t address[16], uint32_t workload)
{
	const struct mesh_workload *w = ROWS(r, workloads, struct mesh_workload);
	uint32_t first = workload_at(r, address);

	if (first == MESH_NONE)
		lookup_add(&r->index->addresses, table_hash(address, 16, 0), workload);
	else if (w[first].namespace_name != w[workload].namespace_name ||
		 w[first].labels != w[workload].labels)
		r->index->shares = true;
}

void resolve_addresses(struct resolve *r)
{
	const struct mesh_workload *w = ROWS(r, workloads, struct mesh_workload);
	const struct mesh_address *a = ROWS(r, addresses, struct mesh_address);
	uint32_t count = ROWS_END(r, addresses);

	if (!count)
		return;
	if (!lookup_init(&r->index->addresses, count)) {
		r->failed = true;
		return;
	}
	for (uint32_t i = 0; i < ROWS_END(r, workloads); i++)
		for (uint32_t j = 0; j < w[i].address_count; j++)
			address_index(r, a[w[i].address_first + j].address, i);
}

/* ---- by label */

static bool label_same(const void *arg, uint32_t value, const void *key)
{
	const struct resolve *r = arg;

	return !memcmp(&r->heads[value].key, key, sizeof(struct label_key));
}

static bool selectors_exist(struct resolve *r)
{
	uint32_t count;
	struct draft *const *drafts = drafts_of(r, KIND_SERVICE_ENTRY, &count);

	for (uint32_t i = 0; i < count; i++)
		if (((const struct draft_service_entry *)drafts[i]->spec)->selector)
			return true;
	drafts = drafts_of(r, KIND_SERVICE, &count);
	for (uint32_t i = 0; i < count; i++)
		if (((const struct draft_service *)drafts[i]->spec)->selector->count)
			return true;
	return false;
}

static void label_add(struct resolve *r, struct draft *d, const struct mesh_label *label,
		      uint32_t *head_count, uint32_t posting)
{
	const struct label_key key = {d->namespace_name, label->key, label->value};
	uint64_t hash = table_hash(&key, sizeof(key), 0);
	uint32_t at = lookup_find(&r->labels, hash, label_same, r, &key);

	if (at == MESH_NONE) {
		at = (*head_count)++;
		r->heads[at] = (struct label_head){key, MESH_NONE, 0};
		lookup_add(&r->labels, hash, at);
	}
	r->postings[posting] = (struct label_posting){d, r->heads[at].first};
	r->heads[at].first = posting;
	r->heads[at].count++;
}

static void labels_index(struct resolve *r, struct draft *const *drafts, uint32_t count)
{
	uint32_t total = 0, heads = 0;

	if (!selectors_exist(r))
		return;
	for (uint32_t i = 0; i < count; i++)
		total += drafts[i]->labels->count;
	r->heads = arena_array(&r->arena, struct label_head, total + 1);
	r->postings = arena_array(&r->arena, struct label_posting, total + 1);
	if (!r->heads || !r->postings || !lookup_init(&r->labels, total)) {
		r->failed = true;
		return;
	}
	total = 0;
	for (uint32_t i = count; i-- > 0;) /* from the last: lists are in order then */
		for (uint32_t j = 0; j < drafts[i]->labels->count; j++)
			label_add(r, drafts[i], &drafts[i]->labels->items[j], &heads, total++);
}

/* Where few services are made anew no lookup is. */
static void workloads_search(struct resolve *r, const char *namespace_name,
			     const struct mesh_labels *selector,
			     void (*visit)(struct resolve *r, void *arg, struct draft *workload),
			     void *arg)
{
	uint32_t count;
	struct draft **drafts =
		drafts_merge(r, workload_kinds, WORKLOAD_KINDS, namespace_name, &count);

	for (uint32_t i = 0; i < count; i++)
		if (mesh_labels_select(selector, drafts[i]->labels))
			visit(r, arg, drafts[i]);
}

void workloads_select(struct resolve *r, const char *namespace_name,
		      const struct mesh_labels *selector,
		      void (*visit)(struct resolve *r, void *arg, struct draft *workload),
		      void *arg)
{
	const struct label_head *best = NULL;

	if (r->reuse && selector->count)
		workloads_search(r, namespace_name, selector, visit, arg);
	if (!r->labels.slots)
		return;
	for (uint32_t i = 0; i < selector->count; i++) {
		const struct label_key key = {namespace_name, selector->items[i].key,
					      selector->items[i].value};
		uint32_t at = lookup_find(&r->labels, table_hash(&key, sizeof(key), 0), label_same,
					  r, &key);

		if (at == MESH_NONE)
			return;
		if (!best || r->heads[at].count < best->count)
			best = &r->heads[at];
	}
	for (uint32_t at = best ? best->first : MESH_NONE; at != MESH_NONE;
	     at = r->postings[at].next)
		if (mesh_labels_select(selector, r->postings[at].draft->labels))
			visit(r, arg, r->postings[at].draft);
}

/* ---- the order of matchers */

static int matcher_order(const void *left, const void *right)
{
	const struct mesh_matcher *a = left, *b = right;
	unsigned parts_a = mesh_matcher_parts(a), parts_b = mesh_matcher_parts(b);

	if (mesh_matcher_is_address(a) != mesh_matcher_is_address(b))
		return mesh_matcher_is_address(a) ? 1 : -1;
	if (parts_a != parts_b)
		return parts_a > parts_b ? -1 : 1;
	if (a->prefix.bits != b->prefix.bits)
		return a->prefix.bits > b->prefix.bits ? -1 : 1;
	if (a->workload != b->workload)
		return a->workload < b->workload ? -1 : 1;
	return a->position.line < b->position.line ? -1 : a->position.line > b->position.line;
}

/* More than one, which may be the same. */
static bool has_prefixes(const struct resolve *r)
{
	const struct mesh_matcher *m = ROWS(r, matchers, struct mesh_matcher);
	uint32_t count = 0;

	for (uint32_t i = 0; i < ROWS_END(r, matchers); i++)
		count += mesh_matcher_is_prefix(&m[i]);
	return count > 1;
}

/* Where others have no workload. */
static void bare_workloads_make(struct resolve *r)
{
	uint32_t declared = ROWS_END(r, workloads);

	for (uint32_t i = 0; i < ROWS_END(r, services) && !r->failed; i++)
		bare_workload_make(r, i);
	if (ROWS_END(r, workloads) == declared)
		return;
	lookup_free(&r->index->addresses);
	resolve_addresses(r);
}

void resolve_workloads(struct resolve *r)
{
	uint32_t count;
	struct draft **drafts = drafts_merge(r, workload_kinds, WORKLOAD_KINDS, NULL, &count);

	for (uint32_t i = 0; i < count && !r->failed; i++)
		workload_make(r, drafts[i]);
	for (uint32_t i = 0; i < ROWS_END(r, services) && !r->failed; i++)
		inline_workloads_make(r, i);
	if (ROWS_END(r, matchers))
		qsort(r->rows[ROWS_matchers].items, ROWS_END(r, matchers),
		      sizeof(struct mesh_matcher), matcher_order);
	r->index->shares = has_prefixes(r);
	resolve_addresses(r);
	bare_workloads_make(r);
	labels_index(r, drafts, count);
}
