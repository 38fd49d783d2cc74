// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A table of inodes in the kernel's numbers. */
#include "datapath/attach/tls/seen.h"

#include "base/table.h"

struct inode {
	uint64_t device;
	uint64_t number;
	uint64_t generation;
};

static struct table *table_of(struct seen *s)
{
	return (struct table *)s;
}

static struct inode key_of(const struct mapping *m)
{
	return (struct inode){(uint64_t)m->device_major << 32 | m->device_minor, m->inode,
			      m->generation};
}

struct seen *seen_new(uint64_t seed)
{
	return (struct seen *)table_new(SEEN_MAX, sizeof(struct inode), sizeof(struct inode), seed);
}

void seen_free(struct seen *s)
{
	table_free(table_of(s));
}

bool seen_has(struct seen *s, const struct mapping *m)
{
	struct inode key = key_of(m), *found = table_find(table_of(s), &key);

	if (found)
		table_touch(table_of(s), found);
	return found;
}

void seen_add(struct seen *s, const struct mapping *m)
{
	struct table *t = table_of(s);
	struct inode key = key_of(m);

	if (table_find(t, &key))
		return;
	if (table_count(t) == table_capacity(t))
		table_remove(t, table_oldest(t));
	table_insert(t, &key);
}

void seen_forget(struct seen *s)
{
	struct inode *oldest;

	while ((oldest = table_oldest(table_of(s))))
		table_remove(table_of(s), oldest);
}
