// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Workloads keep their numbers over generations because the sequences of their hashes are compared;
 * only what came and went is looked at. */
#include "mesh-config/compile/workload_ids.h"

#include "mesh-config/compile/changes.h"
#include "mesh-config/compile/keys.h"
#include "mesh-config/compile/numbers.h"
#include "mesh-config/compile/slots.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>

#define MOST (1u << 20)

struct facts {
	uint32_t namespace_number, principal_number, class_number;
};

struct sequence {
	uint32_t *numbers;
	uint32_t count;
};

struct list {
	struct identity_change *items; /* room for all workloads */
	uint32_t count;
};

struct workload_ids {
	struct slots slots;
	struct numbers *workloads, *namespaces, *principals, *classes;
	struct facts *facts;   /* by number */
	struct facts *members; /* by number of each: how many workloads have it */
	struct sequence now;   /* by index of workload */
	struct list gone, come;
	struct changes changes;
	uint64_t version, class_version;
	/* the latest, because neighbours are alike */
	const struct mesh_workload *like;
	struct facts like_facts;
};

struct workload_ids *workload_ids_new(void)
{
	struct workload_ids *ids = calloc(1, sizeof(*ids));

	if (!ids)
		return NULL;
	ids->workloads = numbers_new(MOST, sizeof(uint64_t), 1);
	ids->namespaces = numbers_new(MOST, sizeof(uint64_t), 2);
	ids->principals = numbers_new(MOST, sizeof(uint64_t), 3);
	ids->classes = numbers_new(MOST, sizeof(uint64_t), 4);
	ids->facts = calloc(MOST, sizeof(*ids->facts));
	ids->members = calloc(MOST, sizeof(*ids->members));
	if (ids->workloads && ids->namespaces && ids->principals && ids->classes && ids->facts &&
	    ids->members)
		return ids;
	workload_ids_free(ids);
	return NULL;
}

void workload_ids_free(struct workload_ids *ids)
{
	if (!ids)
		return;
	numbers_free(ids->workloads);
	numbers_free(ids->namespaces);
	numbers_free(ids->principals);
	numbers_free(ids->classes);
	free(ids->now.numbers);
	changes_free(&ids->changes);
	slots_free(&ids->slots);
	free(ids->facts);
	free(ids->members);
	free(ids->gone.items);
	free(ids->come.items);
	free(ids);
}

void workload_ids_move(struct workload_ids *ids, struct cells *c)
{
	slots_free(&ids->slots);
	ids->slots.cells = c;
}

void workload_ids_adopt(struct workload_ids *ids, uint64_t key, uint32_t number)
{
	numbers_adopt(ids->workloads, &key, number); /* who has it already keeps it */
}

/* ---- one workload */

static int number_of(struct numbers *n, uint64_t key, uint32_t *ret)
{
	uint32_t number = numbers_find(n, &key);

	if (number == NUMBER_NONE)
		number = numbers_take(n, &key);
	*ret = number;
	return number == NUMBER_NONE ? -ENOSPC : 0;
}

static void count_member(struct workload_ids *ids, const struct facts *f, uint32_t change)
{
	uint32_t *counts[] = {&ids->members[f->namespace_number].namespace_number,
			      &ids->members[f->principal_number].principal_number,
			      &ids->members[f->class_number].class_number};

	ids->version += !*counts[0] || !*counts[1]; /* only who comes meets 0 */
	ids->class_version += !*counts[2];
	for (unsigned i = 0; i < 3; i++)
		*counts[i] += change;
}

static uint64_t labels_key(uint64_t key, const struct mesh_labels *labels)
{
	for (uint32_t i = 0; i < labels->count; i++) {
		key = key_add_text(key, labels->items[i].key);
		key = key_add_text(key, labels->items[i].value);
	}
	return key;
}

/* Texts and label sets of one mesh are interned: equal if their pointers are. */
static bool is_like(const struct mesh_workload *a, const struct mesh_workload *b)
{
	return a && a->namespace_name == b->namespace_name &&
	       a->service_account == b->service_account && a->labels == b->labels;
}

static int find_facts(struct workload_ids *ids, const struct mesh_workload *w, struct facts *ret)
{
	uint64_t namespace_key = key_add_text(0, w->namespace_name);
	uint64_t principal_key = key_add_text(namespace_key, w->service_account);
	uint64_t class_key = labels_key(namespace_key, w->labels);
	int r = number_of(ids->namespaces, namespace_key, &ret->namespace_number);

	if (!r)
		r = number_of(ids->principals, principal_key, &ret->principal_number);
	if (!r)
		r = number_of(ids->classes, class_key, &ret->class_number);
	return r;
}

static int set_facts(struct workload_ids *ids, const struct mesh_workload *w, struct facts *ret)
{
	int r = 0;

	if (!is_like(ids->like, w)) {
		r = find_facts(ids, w, &ids->like_facts);
		ids->like = w;
	}
	if (r)
		return r;
	*ret = ids->like_facts;
	count_member(ids, ret, 1);
	return 0;
}

static uint64_t workload_key(const struct mesh *m, const struct mesh_workload *w)
{
	uint64_t key = key_add_text(key_add_text(1, w->namespace_name), w->name);

	if (!w->name[0] && w->address_count)
		key = key_add(key, m->addresses[w->address_first].address, 16);
	return key;
}

/* A key that another workload of this mesh has leads to the next key. */
static int take_number(struct workload_ids *ids, uint64_t key, uint32_t *ret_number)
{
	uint32_t number = numbers_take(ids->workloads, &key);

	while (number != NUMBER_NONE && numbers_holds(ids->workloads, number) > 1) {
		numbers_give(ids->workloads, number);
		key = key_add_number(key, 1);
		number = numbers_take(ids->workloads, &key);
	}
	if (number == NUMBER_NONE || !slots_cell(&ids->slots, number))
		return -ENOSPC;
	*ret_number = number;
	return 0;
}

/* ---- all */

static int sequence_make(struct sequence *s, const struct mesh *m)
{
	s->count = m->workload_count;
	s->numbers = malloc((s->count + 1) * sizeof(*s->numbers));
	if (!s->numbers)
		return -ENOMEM;
	memset(s->numbers, 0xff, s->count * sizeof(*s->numbers)); /* NUMBER_NONE */
	return 0;
}

static int list_make(struct list *l, uint32_t room)
{
	free(l->items);
	l->items = malloc((room + 1) * sizeof(*l->items));
	l->count = 0;
	return l->items ? 0 : -ENOMEM;
}

static void list_add_range(struct list *l, uint32_t first, uint32_t end)
{
	while (first < end)
		l->items[l->count++].workload = first++;
}

static void split(struct workload_ids *ids, struct sequence *next)
{
	uint32_t old_end = 0, new_end = 0;

	for (uint32_t i = 0; i < ids->changes.count; i++) {
		const struct changes_run *r = &ids->changes.runs[i];

		list_add_range(&ids->gone, old_end, r->old_first);
		list_add_range(&ids->come, new_end, r->new_first);
		memcpy(next->numbers + r->new_first, ids->now.numbers + r->old_first,
		       r->count * sizeof(*next->numbers));
		old_end = r->old_first + r->count;
		new_end = r->new_first + r->count;
	}
	list_add_range(&ids->gone, old_end, ids->now.count);
	list_add_range(&ids->come, new_end, next->count);
}

/* Gives their numbers up, so that the same workloads get them again; |ret_facts| is what they are
 * still counted as. */
static void give_all(struct workload_ids *ids, struct facts *ret_facts)
{
	struct identity_change *gone;

	for (uint32_t i = 0; i < ids->gone.count; i++) {
		gone = &ids->gone.items[i];
		gone->number = ids->now.numbers[gone->workload];
		if (gone->number == NUMBER_NONE)
			continue; /* of a failed update */
		ret_facts[i] = ids->facts[gone->number];
		numbers_give(ids->workloads, gone->number);
	}
}

/* After those that came: what goes and comes at once was never away. */
static void discount_all(struct workload_ids *ids, const struct facts *facts)
{
	for (uint32_t i = 0; i < ids->gone.count; i++)
		if (ids->gone.items[i].number != NUMBER_NONE)
			count_member(ids, &facts[i], UINT32_MAX);
}

static int take_one(struct workload_ids *ids, const struct mesh *m, const struct mesh_workload *w,
		    uint32_t *ret_number)
{
	uint32_t number;
	int r = take_number(ids, workload_key(m, w), &number);

	if (r)
		return r;
	r = set_facts(ids, w, &ids->facts[number]);
	if (r)
		numbers_give(ids->workloads, number);
	else
		*ret_number = number;
	return r;
}

static int take_all(struct workload_ids *ids, const struct mesh *m, struct sequence *next)
{
	struct identity_change *come;
	int r = 0;

	ids->like = NULL;
	for (uint32_t i = 0; !r && i < ids->come.count; i++) {
		come = &ids->come.items[i];
		r = take_one(ids, m, &m->workloads[come->workload], &next->numbers[come->workload]);
		come->number = next->numbers[come->workload];
	}
	return r;
}

int workload_ids_update(struct workload_ids *ids, const struct mesh *previous, const struct mesh *m)
{
	cleanup_free struct facts *gone = NULL;
	struct sequence next = {0};
	int r = sequence_make(&next, m);

	if (!r)
		r = list_make(&ids->gone, ids->now.count);
	if (!r)
		r = list_make(&ids->come, next.count);
	if (!r)
		r = changes_find(previous ? previous->workload_hashes : NULL,
				 previous ? previous->workload_count : 0, m->workload_hashes,
				 m->workload_count, &ids->changes);
	if (r) {
		free(next.numbers);
		return r;
	}
	split(ids, &next);
	gone = calloc(ids->gone.count + 1u, sizeof(*gone));
	if (!gone) {
		free(next.numbers);
		return -ENOMEM;
	}
	give_all(ids, gone);
	r = take_all(ids, m, &next);
	discount_all(ids, gone);
	free(ids->now.numbers);
	ids->now = next;
	return r;
}

const struct identity_change *workload_ids_gone(const struct workload_ids *ids, uint32_t *ret_count)
{
	*ret_count = ids->gone.count;
	return ids->gone.items;
}

const struct identity_change *workload_ids_come(const struct workload_ids *ids, uint32_t *ret_count)
{
	*ret_count = ids->come.count;
	return ids->come.items;
}

uint32_t workload_ids_number(const struct workload_ids *ids, uint32_t workload)
{
	return ids->now.numbers[workload];
}

uint32_t workload_ids_cell(const struct workload_ids *ids, uint32_t number)
{
	return slots_find(&ids->slots, number);
}

bool workload_ids_alike(const struct workload_ids *ids, uint32_t a, uint32_t b)
{
	return !memcmp(&ids->facts[a], &ids->facts[b], sizeof(*ids->facts));
}

uint64_t workload_ids_version(const struct workload_ids *ids)
{
	return ids->version;
}

uint64_t workload_ids_class_version(const struct workload_ids *ids)
{
	return ids->class_version;
}

void workload_ids_retire(struct workload_ids *ids)
{
	numbers_retire(ids->workloads, NULL, NULL);
}

uint32_t workload_ids_end(const struct workload_ids *ids)
{
	return numbers_end(ids->workloads);
}

/* ---- for policies */

int workload_ids_view(const struct workload_ids *ids, const struct mesh *m,
		      struct identity_view *ret)
{
	struct identity_view v = {.namespace_count = numbers_end(ids->namespaces),
				  .principal_count = numbers_end(ids->principals),
				  .class_count = numbers_end(ids->classes)};

	v.namespaces = calloc(v.namespace_count + 1, sizeof(*v.namespaces));
	v.principals = calloc(v.principal_count + 1, sizeof(*v.principals));
	v.classes = calloc(v.class_count + 1, sizeof(*v.classes));
	if (!v.namespaces || !v.principals || !v.classes) {
		workload_ids_view_free(&v);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < m->workload_count; i++) {
		const struct mesh_workload *w = &m->workloads[i];
		const struct facts *f = &ids->facts[ids->now.numbers[i]];

		v.namespaces[f->namespace_number] = w->namespace_name;
		v.principals[f->principal_number] =
			(struct identity_principal){w->namespace_name, w->service_account};
		v.classes[f->class_number] = (struct identity_class){w->namespace_name, w->labels};
	}
	*ret = v;
	return 0;
}

void workload_ids_view_free(struct identity_view *v)
{
	free(v->namespaces);
	free(v->principals);
	free(v->classes);
	*v = (struct identity_view){0};
}

static void write_one(const struct workload_ids *ids, const struct identity_policies *policies,
		      uint32_t number)
{
	const struct facts *f = &ids->facts[number];
	struct weft_mesh_identity cell = {.number = number,
					  .namespace_number = f->namespace_number,
					  .principal_number = f->principal_number,
					  .class_number = f->class_number};

	if (policies->by_class)
		cell.policy = policies->by_class[f->class_number];
	memcpy(&cell.key, numbers_key(ids->workloads, number), sizeof(cell.key));
	cells_put(ids->slots.cells, slots_find(&ids->slots, number), &cell);
}

void workload_ids_write(const struct workload_ids *ids, const struct identity_policies *policies,
			bool all)
{
	if (all) {
		for (uint32_t i = 0; i < ids->now.count; i++)
			write_one(ids, policies, ids->now.numbers[i]);
		return;
	}
	for (uint32_t i = 0; i < ids->come.count; i++)
		write_one(ids, policies, ids->come.items[i].number);
}
