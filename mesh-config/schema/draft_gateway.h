/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Drafts of the Gateway API's routes and of SMI's splits. */
#pragma once

#include "mesh-config/schema/schema.h"

struct draft_parent {
	struct place at;
	const char *group, *kind, *namespace_name;
	struct draft_text name;
	uint32_t port; /* 0: all */
};

struct draft_filter_of_route {
	struct place at;
};

struct draft_backend {
	struct place at;
	const char *group, *kind, *namespace_name;
	struct draft_text name;
	uint32_t port, weight;
};

struct draft_path_match {
	struct place at;
	uint8_t type; /* 0: PathPrefix */
	struct draft_text value;
};

struct draft_gateway_match {
	struct place at;
	struct draft_path_match *path;
};

struct draft_gateway_rule {
	struct place at;
	struct draft_list matches, backends;
};

struct draft_gateway_route {
	struct place at;
	struct draft_list parents, rules;
};

struct draft_grant_from {
	struct place at;
	const char *group, *kind, *namespace_name;
};

struct draft_grant_to {
	struct place at;
	const char *group, *kind;
	const char *name; /* "": all */
};

struct draft_grant {
	struct place at;
	struct draft_list from, to;
};

struct draft_split_backend {
	struct place at;
	struct draft_text service;
	uint32_t weight;
};

struct draft_split {
	struct place at;
	struct draft_text service;
	struct draft_list backends;
};
