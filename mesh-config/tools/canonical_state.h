/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of canonical.h share. */
#pragma once

#include "mesh-config/schema/draft.h"
#include "mesh-config/tools/canonical_options.h"
#include "mesh-config/yaml/write.h"

/* One object that was written. */
struct canonical_object {
	uint32_t kind; /* enum kind_id; KIND_COUNT: nothing but comments */
	uint32_t sequence;
	const char *namespace_name, *name; /* of the arena */
	const char *service;		   /* namespace/name of a slice's service; NULL: no slice */
	bool made;			   /* of Endpoints: only where there is no other slice */
	const char *file, *source;	   /* where, and what it was */
	struct place at;
	struct slice text; /* owned */
};

struct canonical {
	struct canonical_options options;
	struct arena arena;
	struct canonical_object *items;
	uint32_t count, capacity;
	uint32_t stripped;
	struct pool *pool; /* to ask what is wrong with a kind; made when first needed */
};

/* An object in the making. */
struct canonical_writer {
	struct canonical *c;
	struct yaml_writer yaml;
	FILE *comments;
	struct canonical_sheets {
		char *comments, *lines;
		size_t comments_bytes, lines_bytes;
	} sheets; /* what is written becomes of it */
	const char *file, *object;
	struct place at; /* of the object */
	char path[256];	 /* of the field at hand */
	size_t path_used;
	bool whole; /* nothing is taken out: that would weaken security */
};

/* A new one, or NULL: memory is short, and the arena failed. Good until the next is added. */
struct canonical_object *canonical_object_add(struct canonical *c);

/* Opens the files that |w| writes to; false when memory is short. */
bool canonical_begin(struct canonical_writer *w);
/* Closes them: the whole text, which the caller frees; empty when memory was short. */
struct slice canonical_end(struct canonical_writer *w);

/* apiVersion, kind and what of metadata counts. */
void canonical_head_write(struct canonical_writer *w, const struct kind *k,
			  const struct yaml_node *metadata);

/* "NAMESPACE/NAME" of the service that a slice with this metadata belongs to. */
const char *canonical_slice_service(struct canonical *c, const struct yaml_node *metadata);

/* The fields of an object that not every object has; NULL when memory is short. */
struct yaml_node *canonical_own_fields(struct arena *arena, const struct kind *k,
				       const struct yaml_node *node);

/* A field at the top of objects of |k| that means something to it, NULL: none. */
const struct field *canonical_root_field(const struct kind *k, const char *name);

/* The text of a key, "" where there is none. |map| may be NULL. */
const char *canonical_text(const struct yaml_node *map, const char *key);

/* Tells that the field |n| below the path, or that what the path says, is left out. */
void canonical_lose(struct canonical_writer *w, struct place at, struct slice field,
		    const char *why, bool kept);

/* The fields of |map| as |schema| has them, in its order. */
void canonical_write_fields(struct canonical_writer *w, unsigned indent,
			    const struct schema *schema, const struct yaml_node *map);

/* Why nothing of an object with this spec can be honoured, NULL if something can. */
const char *canonical_lost_text(const struct canonical_writer *w, const struct schema *schema,
				const struct yaml_node *spec);

/* Whether any of them would be written. */
bool canonical_has_fields(const struct canonical_writer *w, const struct schema *schema,
			  const struct yaml_node *map);
