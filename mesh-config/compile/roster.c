// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Workloads keep their numbers over generations because the sequences of their hashes are compared;
 * only what came and went is looked at. */
#include "mesh-config/compile/roster.h"

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

struct roster {
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

struct roster *roster_new(void)
{
	struct roster *roster = calloc(1, sizeof(*roster));

	if (!roster)
		return NULL;
	roster->workloads = numbers_new(MOST, sizeof(uint64_t), 1);
	roster->namespaces = numbers_new(MOST, sizeof(uint64_t), 2);
	roster->principals = numbers_new(MOST, sizeof(uint64_t), 3);
	roster->classes = numbers_new(MOST, sizeof(uint64_t), 4);
	roster->facts = calloc(MOST, sizeof(*roster->facts));
	roster->members = calloc(MOST, sizeof(*roster->members));
	if (roster->workloads && roster->namespaces && roster->principals && roster->classes &&
	    roster->facts && roster->members)
		return roster;
	roster_free(roster);
	return NULL;
}

void roster_free(struct roster *roster)
{
	if (!roster)
		return;
	numbers_free(roster->workloads);
	numbers_free(roster->namespaces);
	numbers_free(roster->principals);
	numbers_free(roster->classes);
	free(roster->now.numbers);
	changes_free(&roster->changes);
	slots_free(&roster->slots);
	free(roster->facts);
	free(roster->members);
	free(roster->gone.items);
	free(roster->come.items);
	free(roster);
}

void roster_move(struct roster *roster, struct cells *c)
{
	slots_free(&roster->slots);
	roster->slots.cells = c;
}

void roster_adopt(struct roster *roster, uint64_t key, uint32_t number)
{
	numbers_adopt(roster->workloads, &key, number); /* who has it already keeps it */
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

static void count_member(struct roster *roster, const struct facts *f, uint32_t change)
{
	uint32_t *counts[] = {&roster->members[f->namespace_number].namespace_number,
			      &roster->members[f->principal_number].principal_number,
			      &roster->members[f->class_number].class_number};

	roster->version += !*counts[0] || !*counts[1]; /* only who comes meets 0 */
	roster->class_version += !*counts[2];
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

static int find_facts(struct roster *roster, const struct mesh_workload *w, struct facts *ret)
{
	uint64_t namespace_key = key_add_text(0, w->namespace_name);
	uint64_t principal_key = key_add_text(namespace_key, w->service_account);
	uint64_t class_key = labels_key(namespace_key, w->labels);
	int r = number_of(roster->namespaces, namespace_key, &ret->namespace_number);

	if (!r)
		r = number_of(roster->principals, principal_key, &ret->principal_number);
	if (!r)
		r = number_of(roster->classes, class_key, &ret->class_number);
	return r;
}

static int set_facts(struct roster *roster, const struct mesh_workload *w, struct facts *ret)
{
	int r = 0;

	if (!is_like(roster->like, w)) {
		r = find_facts(roster, w, &roster->like_facts);
		roster->like = w;
	}
	if (r)
		return r;
	*ret = roster->like_facts;
	count_member(roster, ret, 1);
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
static int take_number(struct roster *roster, uint64_t key, uint32_t *ret_number)
{
	uint32_t number = numbers_take(roster->workloads, &key);

	while (number != NUMBER_NONE && numbers_holds(roster->workloads, number) > 1) {
		numbers_give(roster->workloads, number);
		key = key_add_number(key, 1);
		number = numbers_take(roster->workloads, &key);
	}
	if (number == NUMBER_NONE || !slots_cell(&roster->slots, number))
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

static void split(struct roster *roster, struct sequence *next)
{
	uint32_t old_end = 0, new_end = 0;

	for (uint32_t i = 0; i < roster->changes.count; i++) {
		const struct changes_run *r = &roster->changes.runs[i];

		list_add_range(&roster->gone, old_end, r->old_first);
		list_add_range(&roster->come, new_end, r->new_first);
		memcpy(next->numbers + r->new_first, roster->now.numbers + r->old_first,
		       r->count * sizeof(*next->numbers));
		old_end = r->old_first + r->count;
		new_end = r->new_first + r->count;
	}
	list_add_range(&roster->gone, old_end, roster->now.count);
	list_add_range(&roster->come, new_end, next->count);
}

/* Gives their numbers up, so that the same workloads get them again; |ret_facts| is what they are
 * still counted as. */
static void give_all(struct roster *roster, struct facts *ret_facts)
{
	struct identity_change *gone;

	for (uint32_t i = 0; i < roster->gone.count; i++) {
		gone = &roster->gone.items[i];
		gone->number = roster->now.numbers[gone->workload];
		if (gone->number == NUMBER_NONE)
			continue; /* of a failed update */
		ret_facts[i] = roster->facts[gone->number];
		numbers_give(roster->workloads, gone->number);
	}
}

/* After those that came: what goes and comes at once was never away. */
static void discount_all(struct roster *roster, const struct facts *facts)
{
	for (uint32_t i = 0; i < roster->gone.count; i++)
		if (roster->gone.items[i].number != NUMBER_NONE)
			count_member(roster, &facts[i], UINT32_MAX);
}

static int take_one(struct roster *roster, const struct mesh *m, const struct mesh_workload *w,
		    uint32_t *ret_number)
{
	uint32_t number;
	int r = take_number(roster, workload_key(m, w), &number);

	if (r)
		return r;
	r = set_facts(roster, w, &roster->facts[number]);
	if (r)
		numbers_give(roster->workloads, number);
	else
		*ret_number = number;
	return r;
}

static int take_all(struct roster *roster, const struct mesh *m, struct sequence *next)
{
	struct identity_change *come;
	int r = 0;

	roster->like = NULL;
	for (uint32_t i = 0; !r && i < roster->come.count; i++) {
		come = &roster->come.items[i];
		r = take_one(roster, m, &m->workloads[come->workload],
			     &next->numbers[come->workload]);
		come->number = next->numbers[come->workload];
	}
	return r;
}

int roster_update(struct roster *roster, const struct mesh *previous, const struct mesh *m)
{
	cleanup_free struct facts *gone = NULL;
	struct sequence next = {0};
	int r = sequence_make(&next, m);

	if (!r)
		r = list_make(&roster->gone, roster->now.count);
	if (!r)
		r = list_make(&roster->come, next.count);
	if (!r)
		r = changes_find(previous ? previous->workload_hashes : NULL,
				 previous ? previous->workload_count : 0, m->workload_hashes,
				 m->workload_count, &roster->changes);
	if (r) {
		free(next.numbers);
		return r;
	}
	split(roster, &next);
	gone = calloc(roster->gone.count + 1u, sizeof(*gone));
	if (!gone) {
		free(next.numbers);
		return -ENOMEM;
	}
	give_all(roster, gone);
	r = take_all(roster, m, &next);
	discount_all(roster, gone);
	free(roster->now.numbers);
	roster->now = next;
	return r;
}

const struct identity_change *roster_gone(const struct roster *roster, uint32_t *ret_count)
{
	*ret_count = roster->gone.count;
	return roster->gone.items;
}

const struct identity_change *roster_come(const struct roster *roster, uint32_t *ret_count)
{
	*ret_count = roster->come.count;
	return roster->come.items;
}

uint32_t roster_number(const struct roster *roster, uint32_t workload)
{
	return roster->now.numbers[workload];
}

uint32_t roster_cell(const struct roster *roster, uint32_t number)
{
	return slots_find(&roster->slots, number);
}

bool roster_alike(const struct roster *roster, uint32_t a, uint32_t b)
{
	return !memcmp(&roster->facts[a], &roster->facts[b], sizeof(*roster->facts));
}

uint64_t roster_version(const struct roster *roster)
{
	return roster->version;
}

uint64_t roster_class_version(const struct roster *roster)
{
	return roster->class_version;
}

void roster_retire(struct roster *roster)
{
	numbers_retire(roster->workloads, NULL, NULL);
}

uint32_t roster_end(const struct roster *roster)
{
	return numbers_end(roster->workloads);
}

/* ---- for policies */

int roster_view(const struct roster *roster, const struct mesh *m, struct identity_view *ret)
{
	struct identity_view v = {.namespace_count = numbers_end(roster->namespaces),
				  .principal_count = numbers_end(roster->principals),
				  .class_count = numbers_end(roster->classes)};

	v.namespaces = calloc(v.namespace_count + 1, sizeof(*v.namespaces));
	v.principals = calloc(v.principal_count + 1, sizeof(*v.principals));
	v.classes = calloc(v.class_count + 1, sizeof(*v.classes));
	if (!v.namespaces || !v.principals || !v.classes) {
		roster_view_free(&v);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < m->workload_count; i++) {
		const struct mesh_workload *w = &m->workloads[i];
		const struct facts *f = &roster->facts[roster->now.numbers[i]];

		v.namespaces[f->namespace_number] = w->namespace_name;
		v.principals[f->principal_number] =
			(struct identity_principal){w->namespace_name, w->service_account};
		v.classes[f->class_number] = (struct identity_class){w->namespace_name, w->labels};
	}
	*ret = v;
	return 0;
}

void roster_view_free(struct identity_view *v)
{
	free(v->namespaces);
	free(v->principals);
	free(v->classes);
	*v = (struct identity_view){0};
}

static void write_one(const struct roster *roster, const struct identity_policies *policies,
		      uint32_t number)
{
	const struct facts *f = &roster->facts[number];
	struct weft_mesh_identity cell = {.number = number,
					  .namespace_number = f->namespace_number,
					  .principal_number = f->principal_number,
					  .class_number = f->class_number};

	if (policies->by_class)
		cell.policy = policies->by_class[f->class_number];
	memcpy(&cell.key, numbers_key(roster->workloads, number), sizeof(cell.key));
	cells_put(roster->slots.cells, slots_find(&roster->slots, number), &cell);
}

void roster_write(const struct roster *roster, const struct identity_policies *policies, bool all)
{
	if (all) {
		for (uint32_t i = 0; i < roster->now.count; i++)
			write_one(roster, policies, roster->now.numbers[i]);
		return;
	}
	for (uint32_t i = 0; i < roster->come.count; i++)
		write_one(roster, policies, roster->come.items[i].number);
}
