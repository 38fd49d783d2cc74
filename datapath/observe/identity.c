// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Interned identities: who owns an end. */
#include "datapath/observe/identity.h"
#include "base/slice.h"
#include "base/table.h"
#include "datapath/observe/cgroup_name.h"

#include <errno.h>
#include <stdlib.h>

/* Control groups whose path is kept; after the oldest one is removed its path is looked up
 * again. */
#define KNOWN_GROUPS 4096

struct name_key {
	char kind[12];
	char name[64];
	uint8_t pad[4];
	uint64_t names; /* hash of what configuration says, 0 = nothing */
};

struct name_entry {
	struct name_key key;
	struct identity identity;
};

struct group_entry {
	uint64_t cgroup_id;
	const struct identity *identity; /* NULL: the group names nothing */
};

struct identities {
	struct table *names;
	struct table *groups;
	const struct observe_listener *listener;
	struct observe_counters *counters;
	struct identity unknown;
	struct identity overflow;
	struct identity nameless; /* a container of which nothing but its id is known */
};

static void text_set(char *out, size_t size, const char *text)
{
	slice_copy((struct slice){text, strlen(text)}, out, size);
}

static void identity_fill(struct identity *id, uint32_t index, const char *kind, const char *name)
{
	id->index = index;
	text_set(id->workload, sizeof(id->workload), name);
	text_set(id->kind, sizeof(id->kind), kind);
	text_set(id->namespace_, sizeof(id->namespace_), "unknown");
	text_set(id->service, sizeof(id->service), name);
	text_set(id->app, sizeof(id->app), name);
	text_set(id->version, sizeof(id->version), "latest");
}

struct identities *identities_new(uint32_t limit, uint64_t seed,
				  const struct observe_listener *listener,
				  struct observe_counters *counters)
{
	struct identities *ids = calloc(1, sizeof(*ids));

	if (!ids)
		return NULL;
	ids->names = table_new(limit, sizeof(struct name_entry), sizeof(struct name_key), seed);
	ids->groups = table_new(KNOWN_GROUPS, sizeof(struct group_entry), sizeof(uint64_t), seed);
	ids->listener = listener;
	ids->counters = counters;
	if (!ids->names || !ids->groups) {
		identities_free(ids);
		return NULL;
	}
	identity_fill(&ids->unknown, 0, "unknown", "unknown");
	text_set(ids->unknown.version, sizeof(ids->unknown.version), "unknown");
	identity_fill(&ids->overflow, 1, "unknown", "overflow");
	counters->identities = 2;
	return ids;
}

void identities_free(struct identities *ids)
{
	if (!ids)
		return;
	table_free(ids->names);
	table_free(ids->groups);
	free(ids);
}

static void text_override(char *out, size_t size, const char *text)
{
	if (text[0])
		text_set(out, size, text);
}

/* |names| may be NULL. */
static const struct identity *intern(struct identities *ids, const char *kind, const char *name,
				     const struct observe_names *names)
{
	struct name_key key = {0};
	struct name_entry *e;

	text_set(key.kind, sizeof(key.kind), kind);
	text_set(key.name, sizeof(key.name), name);
	if (names)
		key.names = table_hash(names, sizeof(*names), 0);
	e = table_find(ids->names, &key);
	if (e)
		return &e->identity;
	e = table_insert(ids->names, &key);
	if (!e) {
		ids->counters->lost[OBSERVE_LOST_IDENTITIES_FULL]++;
		return &ids->overflow;
	}
	identity_fill(&e->identity, ids->counters->identities++, kind, key.name);
	if (!names)
		return &e->identity;
	text_override(e->identity.namespace_, sizeof(e->identity.namespace_),
		      names->namespace_name);
	text_override(e->identity.service, sizeof(e->identity.service), names->service);
	text_override(e->identity.app, sizeof(e->identity.app), names->app);
	text_override(e->identity.version, sizeof(e->identity.version), names->version);
	return &e->identity;
}

/* |*ret|: NULL where the group has no name. 0, or -EAGAIN: |*ret| is only for now. */
static int group_ask(struct identities *ids, uint64_t cgroup_id, const struct identity **ret)
{
	const struct observe_listener *l = ids->listener;
	char path[512], name[64], id[CGROUP_CONTAINER_ID_BYTES + 1];
	struct observe_names names = {0};
	const char *kind;
	int r = l->cgroup_path ? l->cgroup_path(l->arg, cgroup_id, path, sizeof(path)) : -ENOENT;

	*ret = NULL;
	if (r)
		return r == -EAGAIN ? r : 0;
	path[sizeof(path) - 1] = 0;
	if (l->container && cgroup_container_id(path, id)) {
		r = l->container(l->arg, cgroup_id, id, &names);
		*ret = r || !names.workload[0] ? &ids->nameless
					       : intern(ids, "container", names.workload, &names);
		return r == -EAGAIN ? r : 0;
	}
	kind = cgroup_name(path, name, sizeof(name));
	*ret = kind ? intern(ids, kind, name, NULL) : NULL;
	return 0;
}

static const struct identity *group_identity(struct identities *ids, uint64_t cgroup_id)
{
	const struct identity *id;
	struct group_entry *e;

	if (!cgroup_id)
		return NULL;
	e = table_find(ids->groups, &cgroup_id);
	if (e)
		return e->identity;
	if (group_ask(ids, cgroup_id, &id))
		return id;
	e = table_use(ids->groups, &cgroup_id);
	e->identity = id;
	return id;
}

/* The identity without configuration. */
static const struct identity *owner_identity(struct identities *ids, const struct weft_owner *owner)
{
	const struct identity *id = group_identity(ids, owner->cgroup_id);
	char name[sizeof(owner->exe) + 1] = {0};

	const char *kind = id == &ids->nameless ? "container" : "process";

	if (id && id != &ids->nameless)
		return id;
	if (owner->exe[0])
		memcpy(name, owner->exe, sizeof(owner->exe));
	else
		memcpy(name, owner->comm, sizeof(owner->comm));
	return name[0] ? intern(ids, kind, name, NULL) : &ids->unknown;
}

const struct identity *identity_of(struct identities *ids, const struct weft_owner *owner,
				   const uint8_t addr[16], uint16_t port)
{
	const struct observe_listener *l = ids->listener;
	const struct identity *id = owner ? owner_identity(ids, owner) : &ids->unknown;
	struct observe_names names = {0};

	if (!l->names || l->names(l->arg, owner, addr, port, &names))
		return id;
	if (names.workload[0])
		return intern(ids, "mesh", names.workload, &names);
	if (!names.namespace_name[0] && strcmp(id->namespace_, "unknown") != 0)
		text_set(names.namespace_name, sizeof(names.namespace_name), id->namespace_);
	return intern(ids, id->kind, id->workload, &names);
}
