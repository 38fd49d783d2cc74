// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Blocks of steps: one for all classes, and one for each time that classes came later. */
#include "mesh-config/compile/policies.h"

#include "mesh-config/compile/keys.h"
#include "mesh-config/policy/authorize.h"

#include <errno.h>
#include <stdlib.h>

#define BLOCKS_MAX 64 /* then everything is compiled anew */

void policies_free(struct policies *p)
{
	free(p->of_classes.by_class);
	free(p->compiled);
	free(p->blocks);
	*p = (struct policies){.cells = p->cells, .all = p->all};
}

static uint64_t hash_of(const struct mesh *m)
{
	uint64_t hash =
		key_add_text(key_add_text(1, m->settings.root_namespace), m->settings.trust_domain);

	for (uint32_t i = 0; i < m->policy_count; i++)
		hash = key_add_number(hash, m->policies[i].hash);
	return hash;
}

static bool all_outdated(const struct policies *p, const struct workload_ids *ids,
			 const struct mesh *m)
{
	return p->hash != hash_of(m) || p->version != workload_ids_version(ids) ||
	       p->block_count >= BLOCKS_MAX;
}

bool policies_outdated(const struct policies *p, const struct workload_ids *ids,
		       const struct mesh *m)
{
	if (!m->policy_count)
		return p->of_classes.by_class;
	return all_outdated(p, ids, m) || p->class_version != workload_ids_class_version(ids);
}

/* ---- arrays by class */

static int reach(struct policies *p, uint32_t class_count)
{
	uint32_t *by_class = realloc(p->of_classes.by_class, (class_count + 1) * sizeof(*by_class));
	uint8_t *compiled;

	if (!by_class)
		return -ENOMEM;
	p->of_classes.by_class = by_class;
	compiled = realloc(p->compiled, class_count + 1);
	if (!compiled)
		return -ENOMEM;
	p->compiled = compiled;
	for (uint32_t i = p->class_count; i < class_count; i++)
		by_class[i] = compiled[i] = 0;
	p->class_count = class_count;
	return 0;
}

/* ---- blocks */

static void release_blocks(struct policies *p)
{
	for (uint32_t i = 0; i < p->block_count; i++)
		cells_release(p->cells, p->blocks[i].first, p->blocks[i].count);
	p->block_count = 0;
}

/* Places the steps of |a| in the arena. */
static int write_block(struct policies *p, struct authorize *a)
{
	struct policy_block *grown = realloc(p->blocks, (p->block_count + 1) * sizeof(*p->blocks));
	struct policy_block block = {.count = a->steps.count};

	if (!grown)
		return -ENOMEM;
	p->blocks = grown;
	if (!block.count)
		return 0;
	block.first = cells_alloc(p->cells, block.count);
	if (!block.first)
		return -ENOSPC;
	p->blocks[p->block_count++] = block;
	authorize_place(a, block.first);
	cells_put_all(p->cells, block.first, a->steps.cells, block.count);
	return 0;
}

/* ---- compiling */

/* For the classes that |wanted| has; takes over what is said of them. */
static int compile(struct policies *p, const struct mesh *m, const struct identity_view *wanted,
		   struct error *err)
{
	struct authorize a;
	int r = authorize_compile(m, wanted, &a, err);

	if (r)
		return r;
	r = write_block(p, &a);
	for (uint32_t i = 0; !r && i < wanted->class_count; i++) {
		if (!wanted->classes[i].namespace_name)
			continue;
		p->of_classes.by_class[i] = a.policies.by_class[i];
		p->compiled[i] = true;
	}
	authorize_free(&a);
	return r;
}

static int compile_all(struct policies *p, const struct mesh *m, const struct identity_view *view,
		       struct error *err)
{
	release_blocks(p);
	memset(p->compiled, 0, p->class_count);
	return compile(p, m, view, err);
}

/* Classes that are not compiled yet; the names stay as they are. */
static int compile_later(struct policies *p, const struct mesh *m, const struct identity_view *view,
			 struct error *err)
{
	struct identity_view wanted = *view;
	int r;

	wanted.classes = calloc(view->class_count + 1, sizeof(*wanted.classes));
	if (!wanted.classes)
		return -ENOMEM;
	for (uint32_t i = 0; i < view->class_count; i++)
		if (!p->compiled[i])
			wanted.classes[i] = view->classes[i];
	r = compile(p, m, &wanted, err);
	free(wanted.classes);
	return r;
}

int policies_update(struct policies *p, const struct workload_ids *ids,
		    const struct identity_view *view, const struct mesh *m, struct error *err)
{
	int r;

	p->all = !m->policy_count || all_outdated(p, ids, m);
	if (!m->policy_count) {
		release_blocks(p);
		policies_free(p);
		return 0;
	}
	r = reach(p, view->class_count);
	if (!r)
		r = p->all ? compile_all(p, m, view, err) : compile_later(p, m, view, err);
	if (r)
		return r;
	p->hash = hash_of(m);
	p->version = workload_ids_version(ids);
	p->class_version = workload_ids_class_version(ids);
	return 0;
}
