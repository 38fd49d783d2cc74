// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Components of paths by their endings. */
#include "control/apply/groups.h"

/* The next component of |rest|, which is cut; empty: there are no more. */
static struct slice component(struct slice *rest)
{
	const char *end = rest->data + rest->size_bytes, *start = rest->data, *stop;

	while (start < end && *start == '/')
		start++;
	stop = start < end ? memchr(start, '/', (size_t)(end - start)) : NULL;
	stop = stop ? stop : end;
	*rest = (struct slice){stop, (size_t)(end - stop)};
	return (struct slice){start, (size_t)(stop - start)};
}

static bool ends_with(struct slice s, struct slice end)
{
	return s.size_bytes > end.size_bytes &&
	       !memcmp(s.data + s.size_bytes - end.size_bytes, end.data, end.size_bytes);
}

void group_descend(struct group_above *g, struct slice name)
{
	bool service = ends_with(name, SLICE(".service"));

	if (service || ends_with(name, SLICE(".scope")))
		g->rank = GROUP_OF_OTHERS;
	else if (g->rank == GROUP_OF_SYSTEM && !ends_with(name, SLICE(".slice")))
		g->rank = GROUP_MAYBE;
	g->of_user |= service && slice_starts_with(name, SLICE("user@"));
}

enum group_rank group_rank(struct slice above)
{
	struct group_above g = GROUP_TOP;

	for (struct slice c = component(&above); c.size_bytes; c = component(&above))
		group_descend(&g, c);
	return g.rank;
}
