/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a kind looks like: one table of fields, from which values are read and checked, and the JSON
 * Schema, the reference page and the help are written. A table says where in a draft (a plain
 * structure of this module) each value goes. Every draft structure begins with a struct place. */
#pragma once

#include "mesh-config/model/pool.h"
#include "mesh-config/schema/forms.h"
#include "mesh-config/schema/scalars.h"
#include "mesh-config/yaml/problem_sink.h"
#include "mesh-config/yaml/yaml.h"

#include <stddef.h>

/* X(name, C type at the offset, what people call it) */
#define FIELD_TYPES(X)                                                                             \
	X(ANY, char, "anything")                                                                   \
	X(TEXT, const char *, "a text")                                                            \
	X(WORD, struct draft_text, "a text") /* with its place, for references */                  \
	X(PORT_NAME, struct draft_text, "a number or name")                                        \
	X(BOOL, int8_t, "true or false")                                                           \
	X(NUMBER, uint32_t, "a number")                                                            \
	X(REAL, double, "a number")                                                                \
	X(DURATION, uint32_t, "a duration") /* ms */                                               \
	X(ENUM, uint8_t, "a word")	    /* index in words */                                   \
	X(ADDRESS, struct draft_address, "an address or prefix")                                   \
	X(LOCALITY, const struct mesh_locality *, "region/zone/subzone")                           \
	X(LABELS, const struct mesh_labels *, "a map of texts")                                    \
	X(ANNOTATIONS, const struct mesh_labels *, "a map of texts") /* weft's and Istio's */      \
	X(NUMBERS, struct draft_list, "a map of numbers")	     /* of struct draft_number */  \
	X(OBJECTS, struct draft_list, "a map of objects") /* struct place, const char *key, ... */ \
	X(OBJECT, void *, "an object")			  /* a pointer, NULL where absent */

enum field_type {
#define X(name, type, text) FIELD_##name,
	FIELD_TYPES(X)
#undef X
};

enum field_status {
	FIELD_HONOURED,
	FIELD_IGNORED, /* means nothing to a data plane: not a word */
	FIELD_WARNED,  /* weft does without: a warning with |code| */
	FIELD_REFUSED, /* must not be left out silently: an error with |code| */
};

struct draft_text {
	struct place at;
	const char *text; /* "" where absent */
	bool unread;	  /* something else than a text stands there, which is said already */
};

struct draft_address {
	struct place at;
	struct mesh_prefix prefix;
};

struct draft_number {
	struct place at;
	const char *key;
	uint32_t value;
};

struct draft_list {
	void *items;
	uint32_t count;
	struct place at;
};

struct schema;

struct field {
	const char *name;
	const char *former; /* another name that it had once; read with a warning */
	const char *doc;
	const struct schema *object; /* of OBJECT, OBJECTS */
	const char *const *words;    /* of ENUM, ended by NULL */
	const char *fallback_text;   /* the default as people write it; NULL: none */
	uint32_t min, max;	     /* of NUMBER, DURATION; max 0: no bound */
	uint32_t fallback;	     /* where absent; a REAL without fallback_text is -1 then */
	uint16_t offset;	     /* of REFUSED: a bool that says it is there; 0: none */
	uint8_t type, status;
	uint8_t code;	/* enum problem_code, of WARNED and REFUSED */
	uint8_t form;	/* enum field_form, of texts; of the keys of NUMBERS */
	uint8_t one_of; /* not 0: fields of one schema with the same number exclude each other */
	bool required;	/* there, and not empty */
	/* Of what is not honoured: whether this value of it asks for nothing; NULL: it always asks.
	 */
	bool (*asks_nothing)(const struct yaml_node *n);
	bool list; /* a list of |type|: struct draft_list at the offset */
};

struct reading;

struct schema {
	const char *name; /* "ServiceEntry.endpoints", for the reference page */
	const struct field *fields;
	uint16_t count;
	uint16_t size_bytes; /* of the draft */
	bool open;	     /* unknown fields are fine (metadata) */
	bool some;	     /* an object without any field of the table says nothing */
	/* Whether what |map| says is for others to do (gateways); may be NULL. */
	bool (*elsewhere)(const struct yaml_node *map);
	/* Looks at the finished draft and says what the table cannot; may be NULL. */
	void (*check)(struct reading *r, void *draft);
};

/* Rows: FIELD(structure, member, "name", TYPE, "doc", extra initialisers...). */
#define FIELD(s, member, field_name, field_type, text, ...)                                        \
	{.name = (field_name),                                                                     \
	 .type = FIELD_##field_type,                                                               \
	 .offset = offsetof(s, member),                                                            \
	 .doc = (text),                                                                            \
	 ##__VA_ARGS__}
#define FIELD_IGNORE(field_name, text, ...)                                                        \
	{.name = (field_name), .status = FIELD_IGNORED, .doc = (text), ##__VA_ARGS__}
#define FIELD_WARN(field_name, problem, text, ...)                                                 \
	{.name = (field_name),                                                                     \
	 .status = FIELD_WARNED,                                                                   \
	 .code = PROBLEM_##problem,                                                                \
	 .doc = (text),                                                                            \
	 ##__VA_ARGS__}
#define FIELD_REFUSE(field_name, problem, text, ...)                                               \
	{.name = (field_name),                                                                     \
	 .status = FIELD_REFUSED,                                                                  \
	 .code = PROBLEM_##problem,                                                                \
	 .doc = (text),                                                                            \
	 ##__VA_ARGS__}
/* What a field that is not honoured takes all the same. */
#define FIELD_OF(field_type)	    .type = FIELD_##field_type
#define FIELD_OF_SOME_OBJECT	    .type = FIELD_OBJECT, .object = &some_object_schema
#define FIELD_DEFAULT(number, text) .fallback = (number), .fallback_text = (text)

#define SCHEMA(symbol, title, draft, ...)                                                          \
	const struct schema symbol = {.name = (title),                                             \
				      .fields = symbol##_fields,                                   \
				      .count = sizeof(symbol##_fields) / sizeof(struct field),     \
				      .size_bytes = sizeof(draft),                                 \
				      ##__VA_ARGS__}

/* An object whose content is not examined. */
extern const struct schema some_object_schema;

/* What reading a file needs. */
struct reading {
	struct arena *arena; /* drafts */
	struct pool *pool;
	struct problem_sink *problems;
};

/* Reads a map into a fresh draft of |schema|. All problems are reported; what could not be read
 * has its default. NULL when memory is short (arena or pool). *|ret_hash| is of what is honoured,
 * whatever the order of keys. */
void *schema_read(struct reading *r, const struct schema *schema, const struct yaml_node *map,
		  uint64_t *ret_hash);

/* Whether an annotation is any of weft's business; others are left alone. */
bool schema_annotation_counts(struct slice key);

/* The field of that name, or that had it once; NULL: none. */
const struct field *schema_field(const struct schema *schema, struct slice name);

/* Whether the value of a field that is not honoured asks for nothing: it is empty, or one that does
 * as weft does. |f| may be NULL. */
bool schema_asks_nothing(const struct field *f, const struct yaml_node *n);

/* Of each field: its name, for messages and pages. */
const char *field_type_text(enum field_type type);
