/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a kind looks like: one table of fields, from which values are read and checked, and the JSON
 * Schema, the reference page and the help are written. A table says where in a draft (a plain
 * structure of this module) each value goes. Every draft structure begins with a struct place. */
#pragma once

#include "mesh-config/model/fields.h"
#include "mesh-config/model/pool.h"
#include "mesh-config/schema/forms.h"
#include "mesh-config/schema/scalars.h"
#include "mesh-config/yaml/problem_sink.h"
#include "mesh-config/yaml/yaml.h"

#include <stddef.h>

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
	const char *label; /* of a difference, where the name says too little; NULL: the name */
	const struct schema *object; /* of OBJECT, OBJECTS */
	const char *const *words;    /* of ENUM, ended by NULL */
	const char *fallback_text;   /* the default as people write it, where it is no value */
	uint32_t min, max;	     /* of NUMBER, DURATION; max 0: no bound */
	uint32_t fallback;	     /* where absent; of a REAL only if has_fallback, else -1 */
	uint16_t offset;
	uint16_t noted; /* where its place goes, when it is there; 0: nowhere */
	uint8_t type, status;
	uint8_t code;	   /* enum problem_code, of WARNED and REFUSED */
	uint8_t form;	   /* enum field_form, of texts; of the keys of NUMBERS */
	uint8_t one_of;	   /* not 0: fields of one schema with the same number exclude each other */
	bool required;	   /* there, and not empty */
	bool has_fallback; /* a default that people may write as well */
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
	uint16_t size_bytes;	     /* of the draft */
	uint16_t value, value_bytes; /* where it has what the model has; 0: it has not */
	bool open;		     /* unknown fields are fine (metadata) */
	bool some;		     /* an object without any field of the table says nothing */
	/* Whether what |map| says is for others to do (gateways); may be NULL. */
	bool (*elsewhere)(const struct yaml_node *map);
	/* Looks at the finished draft and says what the table cannot; may be NULL. */
	void (*check)(struct reading *r, void *draft);
};

/* A row of a table (mesh-config/model/fields.h) as a struct field. */
#define FIELD_ROW(s, at, field_name, field_type, text, ...)                                        \
	{.name = (field_name),                                                                     \
	 .type = FIELD_##field_type,                                                               \
	 .offset = offsetof(s, at),                                                                \
	 .doc = (text),                                                                            \
	 ##__VA_ARGS__},
#define FIELD_OTHER_ROW(field_status, field_name, field_type, text, ...)                           \
	{.name = (field_name),                                                                     \
	 .type = FIELD_##field_type,                                                               \
	 .status = FIELD_##field_status,                                                           \
	 .doc = (text),                                                                            \
	 ##__VA_ARGS__},
#define FIELD_ENUM(list)	  FIELD_ENUM, .words = (list)
#define FIELD_SOME		  FIELD_OBJECT, .object = &some_object_schema
#define FIELD_MAYBE		  FIELD_BOOL, .fallback = UINT32_MAX
#define FIELD_OBJECT(x)		  FIELD_OBJECT, .object = &x##_schema
#define FIELD_OBJECT_AS(x, draft) FIELD_OBJECT(x)
#define FIELD_OBJECTS(x)	  FIELD_OBJECTS, .object = &x##_schema
#define FIELD_LIST(item)	  FIELD_##item, .list = true
#define FIELD_WARNED(problem)	  FIELD_WARNED, .code = PROBLEM_##problem
#define FIELD_REFUSED(problem)	  FIELD_REFUSED, .code = PROBLEM_##problem
/* Options: a default that can be written, in the unit of the member; what people read instead; a
 * member of the draft, a struct place: where the field is, line 0 if it is not there. */
#define DEFAULT(number)		  .fallback = (number), .has_fallback = true
#define DEFAULT_TEXT(text)	  .fallback_text = (text), .has_fallback = true
#define UNSAID(text)		  .fallback_text = (text)
#define NOTED(draft, member)	  .noted = offsetof(struct draft_##draft, member)

/* A draft by its table, with what is not of its fields; one of OBJECTS, with its key; one that has
 * what the model has. */
#define DRAFT(draft, TABLE, ...)                                                                   \
	struct draft_##draft {                                                                     \
		struct place at;                                                                   \
		TABLE(FIELD_MEMBER, FIELD_NO_MEMBER, ) __VA_ARGS__                                 \
	}
#define DRAFT_KEYED(draft, key, TABLE)                                                             \
	struct draft_##draft {                                                                     \
		struct place at;                                                                   \
		const char *key;                                                                   \
		TABLE(FIELD_MEMBER, FIELD_NO_MEMBER, )                                             \
	}
#define DRAFT_OF(draft, TABLE, type, ...)                                                          \
	struct draft_##draft {                                                                     \
		struct place at;                                                                   \
		type value;                                                                        \
		TABLE(FIELD_MEMBER, FIELD_NO_MEMBER, ) __VA_ARGS__                                 \
	}
#define NO_FIELDS(F, N, s)

/* |draft|_schema of the rows of |TABLE|; |symbol|_schema for a draft that several have; for one
 * that has what the model has, by the table |VALUES|. */
#define SCHEMA(draft, TABLE, title, ...) SCHEMA_AS(draft, draft, TABLE, title, ##__VA_ARGS__)
#define SCHEMA_AS(symbol, draft, TABLE, title, ...)                                                \
	SCHEMA_IN(symbol, draft, TABLE, NO_FIELDS, title, ##__VA_ARGS__)
#define SCHEMA_OF(draft, TABLE, VALUES, title, ...)                                                \
	SCHEMA_IN(draft, draft, TABLE, VALUES, title,                                              \
		  .value = offsetof(struct draft_##draft, value),                                  \
		  .value_bytes = sizeof(((struct draft_##draft *)0)->value), ##__VA_ARGS__)
#define FIELD_VALUE_ROW(s, member, ...) FIELD_ROW(s, value.member, __VA_ARGS__)
#define SCHEMA_IN(symbol, draft, TABLE, VALUES, title, ...)                                        \
	const struct schema symbol##_schema = {                                                    \
		.name = (title),                                                                   \
		FIELD_ROWS(TABLE(FIELD_ROW, FIELD_OTHER_ROW, struct draft_##draft) VALUES(         \
			FIELD_VALUE_ROW, FIELD_OTHER_ROW, struct draft_##draft)),                  \
		.size_bytes = sizeof(struct draft_##draft),                                        \
		##__VA_ARGS__}
#define FIELD_ROWS(...)                                                                            \
	.fields = (const struct field[]){__VA_ARGS__},                                             \
	.count = sizeof((const struct field[]){__VA_ARGS__}) / sizeof(struct field)

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

/* Fills a draft of |schema| with what holds where nothing is said. */
void schema_defaults(struct reading *r, const struct schema *schema, void *draft);

/* Whether an annotation is any of weft's business; others are left alone. */
bool schema_annotation_counts(struct slice key);

/* Whether it is one of what the model has. */
static inline bool schema_is_of_value(const struct schema *schema, const struct field *f)
{
	return f->status == FIELD_HONOURED && f->offset >= schema->value &&
	       f->offset < schema->value + schema->value_bytes;
}

/* The field of that name, or that had it once; NULL: none. */
const struct field *schema_field(const struct schema *schema, struct slice name);

/* Whether the value of a field that is not honoured asks for nothing: it is empty, or one that does
 * as weft does. |f| may be NULL. */
bool schema_asks_nothing(const struct field *f, const struct yaml_node *n);

/* Of each field: its name, for messages and pages. */
const char *field_type_text(enum field_type type);
