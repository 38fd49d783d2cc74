/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the texts of a field look like: names of DNS, labels of Kubernetes, what lies behind a
 * "/". They are those that Istio and Kubernetes take (pkg/config/validation and pkg/config/labels
 * of istio/istio, apimachinery's validation). */
#pragma once

#include "base/slice.h"
#include "mesh-config/yaml/problem_sink.h"

/* X(name, problem, what it is called, hint, pattern for the JSON Schema or NULL) */
#define FIELD_FORMS(X)                                                                             \
	X(ANY, NAME, "anything", "", NULL)                                                         \
	X(FILLED, REQUIRED, "a text that is not empty", "leave it out where nothing is meant",     \
	  "^.")                                                                                    \
	X(OBJECT_NAME, NAME, "a name",                                                             \
	  "lower case letters, digits, '-' and '.' between them, at most 253",                     \
	  "^" PATTERN_LOWER "(\\." PATTERN_LOWER ")*$")                                            \
	X(NAMESPACE, NAME, "a namespace",                                                          \
	  "lower case letters, digits and '-' between them, at most 63", "^" PATTERN_LOWER "$")    \
	X(KIND, NAME, "a kind", "letters, digits and '-' between them, at most 63",                \
	  "^" PATTERN_LABEL "$")                                                                   \
	X(GROUP, NAME, "a group of an API",                                                        \
	  "empty, or lower case letters, digits, '-' and '.' between them",                        \
	  "^(" PATTERN_LOWER "(\\." PATTERN_LOWER ")*)?$")                                         \
	X(QUALIFIED, NAME, "a qualified name", "[PREFIX/]NAME, as kubernetes.io/h2c", NULL)        \
	X(DNS_LABEL, NAME, "a label of DNS", "letters, digits and '-' between them, at most 63",   \
	  "^" PATTERN_LABEL "$")                                                                   \
	X(PORT_NAME, NAME, "a name of a port",                                                     \
	  "lower case letters, digits and '-' between them, at most 63", "^" PATTERN_LOWER "$")    \
	X(DNS_NAME, NAME, "a name of DNS",                                                         \
	  "labels of letters, digits and '-' with a '.' between them; the last is no number",      \
	  "^" PATTERN_LABEL "(\\." PATTERN_LABEL ")*\\.?$")                                        \
	X(HOST, NAME, "a host",                                                                    \
	  "a name of DNS as cart, cart.shop.svc.cluster.local or *.example.com; the last label "   \
	  "is no number",                                                                          \
	  PATTERN_HOST)                                                                            \
	X(HOST_NOT_ALL, NAME, "a host",                                                            \
	  "a name of DNS as cart, cart.shop.svc.cluster.local or *.example.com, not \"*\"",        \
	  PATTERN_HOST)                                                                            \
	X(HOST_OR_ADDRESS, NAME, "a host",                                                         \
	  "a name of DNS as cart, cart.shop.svc.cluster.local or *.example.com, or an address",    \
	  NULL)                                                                                    \
	X(GATEWAY, NAME, "the name of a gateway", "mesh, NAME or NAMESPACE/NAME", NULL)            \
	X(LABELS, LABEL, "a label",                                                                \
	  "keys are [PREFIX/]NAME, values are empty or begin and end with a letter or digit, "     \
	  "with '-', '_' and '.' between; at most 63 of them",                                     \
	  NULL)                                                                                    \
	X(SELECTOR, LABEL, "a label to select by", "whole keys and values: no '*', no empty key",  \
	  NULL)                                                                                    \
	X(LOCALITY, VALUE, "a locality",                                                           \
	  "REGION, REGION/ZONE or REGION/ZONE/SUBZONE, none of them empty; '*' only at the end",   \
	  NULL)                                                                                    \
	X(REGION, VALUE, "a region", "a region alone, without '/' and '*'", "^[^/*]+$")            \
	X(ACCOUNT, NAME, "a service account", "ACCOUNT or NAMESPACE/ACCOUNT, without '*'",         \
	  "^([^/*]+/)?[^/*]+$")                                                                    \
	X(PORT_NUMBER, VALUE, "a port", "ports are exact: from 1 to 65535", "^[0-9]+$")            \
	X(PORT_TARGET, VALUE, "a port",                                                            \
	  "a number from 1 to 65535, or a name of at most 15 lower case "                          \
	  "letters, digits and '-'",                                                               \
	  NULL)                                                                                    \
	X(SINGLE_ADDRESS, ADDRESS, "a single address", "addresses look like 10.1.2.3 or fd00::1",  \
	  NULL)                                                                                    \
	X(ADDRESS, ADDRESS, "an address or network",                                               \
	  "addresses look like 10.1.2.3, fd00::1, 10.0.0.0/8", NULL)

#define PATTERN_LOWER "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
#define PATTERN_LABEL "[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?"
#define PATTERN_HOST  "^(\\*|(\\*-?)?" PATTERN_LABEL ")(\\." PATTERN_LABEL ")*\\.?$"

enum field_form {
#define X(name, problem, text, hint, pattern) FORM_##name,
	FIELD_FORMS(X)
#undef X
};

/* Whether |text| has that form; of maps of labels a value (keys: form_key_fits). */
bool form_fits(enum field_form form, struct slice text);

/* Whether |key| is one that a map of that form may have. */
bool form_key_fits(enum field_form form, struct slice key);

enum problem_code form_problem(enum field_form form);
const char *form_text(enum field_form form);
const char *form_hint(enum field_form form);
const char *form_pattern(enum field_form form); /* of ECMA 262; NULL: none says it */
