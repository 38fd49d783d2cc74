// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One request with all names; a matcher may have a group and a namespace. */
#include "control/apply/names.h"

#include "control/apply/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define NAMES_MAX (IPC_DATA_MAX / sizeof(struct resolve_name))

struct question {
	struct resolve_name *names;
	size_t count;
	bool full;
};

static void add(struct question *q, uint32_t matcher, enum resolve_kind kind, const char *text)
{
	struct resolve_name *n = &q->names[q->count];

	if (!text[0])
		return;
	if (q->count == NAMES_MAX) {
		q->full = true;
		return;
	}
	*n = (struct resolve_name){.matcher = matcher, .kind = kind};
	snprintf(n->text, sizeof(n->text), "%s", text);
	q->count++;
}

static void add_all(struct question *q, const struct mesh *m)
{
	for (uint32_t i = 0; i < m->matcher_count; i++) {
		const struct mesh_matcher *matcher = &m->matchers[i];

		add(q, i, RESOLVE_CGROUP, matcher->cgroup);
		add(q, i, RESOLVE_UNIT, matcher->systemd_unit);
		add(q, i, RESOLVE_CONTAINER, matcher->container);
		add(q, i, RESOLVE_NETNS, matcher->netns);
	}
}

/* Names of one matcher are adjacent: together they are one row. */
static uint32_t take(const struct question *q, struct matcher_names *rows)
{
	uint32_t count = 0;

	for (size_t i = 0; i < q->count; i++) {
		const struct resolve_name *n = &q->names[i];

		if (!count || rows[count - 1].matcher != n->matcher)
			rows[count++] = (struct matcher_names){.matcher = n->matcher};
		if (n->kind == RESOLVE_NETNS)
			rows[count - 1].netns_ino = (uint32_t)n->id;
		else
			rows[count - 1].cgroup_id = n->id;
	}
	return count;
}

int names_resolve(struct ipc *loader, const struct mesh *m, struct matcher_names **ret,
		  uint32_t *ret_count, struct error *err)
{
	struct question q = {0};
	struct ipc_answer answer = {0};
	int r = 0;

	*ret_count = 0;
	if (!m->matcher_count)
		return 0;
	q.names = calloc(NAMES_MAX, sizeof(*q.names));
	*ret = calloc(m->matcher_count, sizeof(**ret));
	if (!q.names || !*ret)
		r = error_set(err, -ENOMEM, "no memory for names");
	else
		add_all(&q, m);
	if (q.full)
		r = error_set(err, -E2BIG,
			      "more than %zu matchers name control groups or namespaces",
			      NAMES_MAX);
	answer = (struct ipc_answer){.data = q.names, .size = q.count * sizeof(*q.names)};
	if (!r && q.count)
		r = ipc_ask(loader, IPC_MESSAGE_RESOLVE, q.names, answer.size, &answer, err);
	if (!r)
		*ret_count = take(&q, *ret);
	free(q.names);
	return r;
}
