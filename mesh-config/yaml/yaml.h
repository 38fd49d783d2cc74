/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* YAML 1.1 (libyaml) to trees with places, under caps of our own: depth, number of nodes, no
 * anchors, aliases, merge keys or tags, no key twice, clean UTF-8 only. JSON is read as well. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"
#include "mesh-config/yaml/problem_sink.h"

#define MESH_FILE_MAX_BYTES (4u << 20)
#define MESH_DEPTH_MAX	    64 /* open lists and maps */
#define YAML_NODES_MAX	    (1u << 20)
#define YAML_ENTRIES_MAX    (1u << 16) /* of one map, and documents of a file */

enum yaml_kind {
	YAML_NULL, /* nothing, ~ or null, not quoted */
	YAML_TEXT,
	YAML_LIST,
	YAML_MAP,
};

/* A value; in a map it knows its key. */
struct yaml_node {
	struct yaml_node *next;	 /* in the list or map around it */
	struct yaml_node *first; /* of a list or map */
	struct slice text;	 /* of a scalar; NUL-terminated too, no NUL inside */
	struct slice key;	 /* in a map */
	struct place key_at;
	struct place at;
	uint32_t count;
	uint8_t kind; /* enum yaml_kind */
	bool plain;   /* a scalar without quotes: may be a number or a boolean */
};

/* The documents of |bytes| as a list, allocated in |arena|; empty documents are left out. What is
 * wrong goes to |problems|. After a syntax error the documents before it are still there, the one
 * that it is in is not. NULL only when memory is short. */
struct yaml_node *yaml_read(struct slice bytes, struct arena *arena, struct problem_sink *problems);

/* The value of |key| in a map, or NULL. */
const struct yaml_node *yaml_find(const struct yaml_node *map, const char *key);

/* "a text", "a number", "true or false", "a list", "a map", "nothing": what the node looks like. */
const char *yaml_describe(const struct yaml_node *node);

/* What a scalar without quotes is to others that read YAML if it is no text: "a number" (0x1f
 * too), "true or false" (yes, no, on, off too). NULL for texts, lists and maps. */
const char *yaml_mistaken(const struct yaml_node *node);
