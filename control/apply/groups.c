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

enum group_rank group_rank(struct slice above)
{
	enum group_rank rank = GROUP_OF_SYSTEM;

	for (struct slice c = component(&above); c.size_bytes; c = component(&above)) {
		if (ends_with(c, SLICE(".service")) || ends_with(c, SLICE(".scope")))
			return GROUP_OF_OTHERS;
		if (!ends_with(c, SLICE(".slice")))
			rank = GROUP_MAYBE;
	}
	return rank;
}

bool group_is_of_user(struct slice above)
{
	for (struct slice c = component(&above); c.size_bytes; c = component(&above))
		if (slice_starts_with(c, SLICE("user@")) && ends_with(c, SLICE(".service")))
			return true;
	return false;
}
