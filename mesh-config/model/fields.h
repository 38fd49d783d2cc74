/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A field of the configuration is one row of the table of its object:
 *
 *   F(s, member, "name", TYPE, "what it means", options)
 *   N(STATUS, "name", TYPE, "why not", options)     what weft does not do: IGNORED, WARNED(CODE),
 *                                                   REFUSED(CODE)
 *
 * TYPE is one of FIELD_TYPES, ENUM(words), MAYBE (a bool that need not be said), OBJECT(x), a map
 * OBJECTS(x), or LIST(TYPE). The options are members of struct field (mesh-config/schema/schema.h):
 * bounds, default, form. From the rows come the structure, how it is read and checked, its hash,
 * its canonical form, what `weft config diff` tells of it, the JSON Schema and the reference. A
 * table lies here when the model has the values as they are written, else in mesh-config/schema. */
#pragma once

#include "mesh-config/model/base.h"

/* X(name, C type, what people call it) */
#define FIELD_TYPES(X)                                                                             \
	X(ANY, char, "anything")                                                                   \
	X(TEXT, const char *, "a text")                                                            \
	X(WORD, struct draft_text, "a text") /* with its place, for references */                  \
	X(PORT_NAME, struct draft_text, "a number or name")                                        \
	X(BOOL, bool, "true or false")                                                             \
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

#define X(name, type, text) typedef type FIELD_C_##name;
FIELD_TYPES(X)
#undef X
typedef int8_t FIELD_C_MAYBE; /* -1 not said, 0, 1 */
#define FIELD_C_ENUM(words)	    uint8_t
#define FIELD_C_OBJECT(x)	    struct draft_##x *
#define FIELD_C_OBJECT_AS(x, draft) struct draft_##draft *
#define FIELD_C_OBJECTS(x)	    struct draft_list
#define FIELD_C_LIST(type)	    struct draft_list

/* The members of a structure: TABLE(FIELD_MEMBER, FIELD_NO_MEMBER, ). */
#define FIELD_MEMBER(s, member, name, type, ...) FIELD_C_##type member;
#define FIELD_NO_MEMBER(...)
