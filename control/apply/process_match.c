// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Matchers are in order of precedence. A program opens many connections, so results are cached. */
#include "control/apply/process_match.h"

#include "base/slice.h"
#include "base/table.h"
#include "control/apply/groups.h"
#include "mesh-config/compile/matchers.h"
#include "mesh-config/model/programs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 1024 /* a power of two */

enum fit { FITS, FITS_NOT, FITS_UNKNOWN };

/* The key of a cached result; no padding. */
struct question {
	uint64_t generation;
	uint64_t cgroup_id;
	uint8_t addr[16];
	struct weft_program program;
	uint32_t uid;
	uint32_t known; /* 1: the entry is used */
};

struct process_match {
	process_match_path_fn path;
	void *arg;
	struct {
		struct question question;
		uint32_t workload;
	} kept[KEPT];
};

struct facts {
	const struct weft_owner *owner;
	const uint8_t *addr;
	char path[512]; /* of its control group; "" = not known */
	bool later;	/* it is not known now */
};

struct process_match *process_match_new(process_match_path_fn path, void *arg)
{
	struct process_match *r = calloc(1, sizeof(*r));

	if (r) {
		r->path = path;
		r->arg = arg;
	}
	return r;
}

void process_match_free(struct process_match *r)
{
	free(r);
}

/* ---- control groups */

static bool pattern_fits(const char *pattern, struct slice text)
{
	size_t n = strlen(pattern);

	if (n && pattern[n - 1] == '*')
		return slice_starts_with(text, (struct slice){pattern, n - 1});
	if (pattern[0] == '*')
		return text.size_bytes >= n - 1 &&
		       !memcmp(text.data + text.size_bytes - (n - 1), pattern + 1, n - 1);
	return slice_equal(text, (struct slice){pattern, n});
}

static bool part_holds(struct slice part, const char *text)
{
	return memmem(part.data, part.size_bytes, text, strlen(text)) != NULL;
}

/* Whether |path| or an ancestor satisfies the conditions of |m| on groups. */
static bool group_fits(const struct mesh_matcher *m, const char *path)
{
	struct group_above above = GROUP_TOP;
	const char *part = path, *end;

	while (*part == '/') {
		struct slice last;

		part++;
		end = part + strcspn(part, "/");
		last = (struct slice){part, (size_t)(end - part)};
		if ((m->cgroup[0] &&
		     pattern_fits(m->cgroup, (struct slice){path, (size_t)(end - path)})) ||
		    (m->systemd_unit[0] && pattern_fits(m->systemd_unit, last) &&
		     above.rank != GROUP_OF_OTHERS) ||
		    (m->container[0] && part_holds(last, m->container) && !above.of_user))
			return true;
		group_descend(&above, last);
		part = end;
	}
	return false;
}

static enum fit fit_group(const struct mesh_matcher *m, const struct facts *f)
{
	unsigned conditions =
		(m->cgroup[0] != 0) + (m->systemd_unit[0] != 0) + (m->container[0] != 0);

	if (!conditions)
		return FITS;
	if (!f->path[0])
		return FITS_UNKNOWN;
	return group_fits(m, f->path) ? FITS : FITS_NOT;
}

/* ---- other conditions */

static bool executable_fits(const struct mesh_matcher *m, const struct weft_program *program)
{
	struct weft_program wanted;

	if (!m->executable[0])
		return true;
	if (m->executable_owner != MESH_NONE && !weft_program_owned(program, m->executable_owner))
		return false;
	program_of(m->executable, &wanted);
	if (!wanted.path)
		return wanted.name == program->name;
	return weft_program_is(program, wanted.path, wanted.path_more);
}

static enum fit fit_of(const struct mesh_matcher *m, const struct facts *f)
{
	enum fit group;

	if (!matchers_supported(m) || !executable_fits(m, &f->owner->program) ||
	    (m->uid != MESH_NONE && m->uid != f->owner->uid) ||
	    (m->has_prefix && !mesh_prefix_has(&m->prefix, f->addr)))
		return FITS_NOT;
	group = fit_group(m, f);
	return group == FITS && m->netns[0] ? FITS_UNKNOWN : group;
}

static bool matches_groups(const struct mesh *m)
{
	for (uint32_t i = 0; i < m->matcher_count; i++)
		if (m->matchers[i].cgroup[0] || m->matchers[i].systemd_unit[0] ||
		    m->matchers[i].container[0])
			return true;
	return false;
}

static void look_for_path(const struct process_match *r, struct facts *f)
{
	int e = r->path(r->arg, f->owner->cgroup_id, f->path, sizeof(f->path));

	f->later = e == -EAGAIN;
	if (e)
		f->path[0] = 0;
}

static uint32_t first_that_holds(const struct mesh *m, const struct facts *f)
{
	for (uint32_t i = 0; i < m->matcher_count; i++) {
		enum fit fit;

		if (mesh_matcher_is_address(&m->matchers[i]))
			return MESH_NONE; /* so are all that follow: addresses are looked up */
		fit = fit_of(&m->matchers[i], f);
		if (fit != FITS_NOT)
			return fit == FITS ? m->matchers[i].workload : MESH_NONE;
	}
	return MESH_NONE;
}

uint32_t process_match_owner(struct process_match *r, const struct mesh *m, uint64_t generation,
			     const struct weft_owner *owner, const uint8_t addr[16])
{
	struct question q = {.generation = generation,
			     .cgroup_id = owner->cgroup_id,
			     .uid = owner->uid,
			     .known = 1};
	struct facts f = {.owner = owner, .addr = addr};
	uint32_t at;

	if (!m->matcher_count)
		return MESH_NONE;
	memcpy(q.addr, addr, sizeof(q.addr));
	q.program = owner->program;
	at = (uint32_t)table_hash(&q, sizeof(q), 0) & (KEPT - 1);
	if (memcmp(&r->kept[at].question, &q, sizeof(q)) != 0) {
		if (r->path && owner->cgroup_id && matches_groups(m))
			look_for_path(r, &f);
		q.known = !f.later;
		r->kept[at].question = q;
		r->kept[at].workload = first_that_holds(m, &f);
	}
	return r->kept[at].workload;
}
