// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A walk on request; results that occur several times are kept once. */
#include "datapath/attach/mesh/where.h"

#include "datapath/attach/core/attach.h"
#include "datapath/attach/core/iterator.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct finding {
	struct weft_place *places;
	size_t count;
	bool more;
};

static bool same_place(const struct weft_place *a, const struct weft_place *b)
{
	return a->netns_ino == b->netns_ino && a->protocol == b->protocol &&
	       a->identity == b->identity && a->exact == b->exact &&
	       !memcmp(a->owner.exe, b->owner.exe, sizeof(a->owner.exe));
}

static int found(void *arg, void *record, size_t size_bytes)
{
	const struct weft_place *place = record;
	struct finding *f = arg;

	if (size_bytes != sizeof(*place))
		return 0;
	for (size_t i = 0; i < f->count; i++)
		if (same_place(&f->places[i], place))
			return 0;
	f->more = f->count == WHERE_PLACES_MAX;
	if (!f->more)
		f->places[f->count++] = *place;
	return f->more;
}

/* Whether a socket bound to the address precedes this one, which takes any address. */
static bool is_behind(const struct finding *f, const struct weft_place *place)
{
	for (size_t i = 0; i < f->count && !place->exact; i++)
		if (f->places[i].exact && f->places[i].protocol == place->protocol &&
		    f->places[i].netns_ino == place->netns_ino)
			return true;
	return false;
}

int where_find(struct attach *a, const struct weft_where *where, struct weft_place *ret)
{
	struct bpf_program *program =
		attach_program(a, where->servers ? PROGRAM_mesh_servers : PROGRAM_mesh_places);
	struct finding finding = {.places = ret};
	struct bpf_link *link;
	__u32 zero = 0;
	int r, kept = 0;

	if (!program)
		return -ENOTSUP;
	if (bpf_map_update_elem(attach_map_fd(a, "weft_where"), &zero, where, BPF_ANY))
		return -errno;
	link = iterator_attach(program, -1);
	if (!link)
		return -errno;
	r = iterator_read(link, found, &finding);
	bpf_link__destroy(link);
	if (r || finding.more)
		return r ? r : -E2BIG;
	for (size_t i = 0; i < finding.count; i++)
		if (!is_behind(&finding, &ret[i]))
			ret[kept++] = ret[i];
	return kept;
}
