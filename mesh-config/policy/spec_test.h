/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: policies as operators write them, and a judge of connections written straight from the
 * text of istio.io/api security/v1beta1/authorization_policy.proto. It shares nothing with the
 * compiler: it reads the patterns as text, every time. */
#pragma once

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SPEC_VALUES 3
#define SPEC_PARTS  3 /* sources, operations, conditions, rules */
#define SPEC_FIELDS 4

enum spec_field {
	SPEC_PRINCIPALS,
	SPEC_NAMESPACES,
	SPEC_SERVICE_ACCOUNTS,
	SPEC_IP_BLOCKS,
	SPEC_DESTINATION_IP,
	SPEC_PORTS,
	SPEC_PATHS, /* stands for every attribute that only HTTP has */
};

struct spec_list {
	int count;
	char items[SPEC_VALUES][64];
};

/* One field with its values and its notValues. */
struct spec_match {
	enum spec_field field;
	struct spec_list values, not_values;
};

/* A source, an operation, or one condition of |when|. */
struct spec_part {
	int count;
	struct spec_match matches[SPEC_FIELDS];
};

struct spec_rule {
	int from_count, to_count, when_count;
	struct spec_part from[SPEC_PARTS], to[SPEC_PARTS], when[SPEC_PARTS];
};

enum spec_action { SPEC_ALLOW, SPEC_DENY, SPEC_AUDIT };

struct spec_policy {
	char namespace_name[32];
	enum spec_action action;
	bool dry_run;
	char selector[2][32]; /* key, value; key "" = none */
	int rule_count;
	struct spec_rule rules[SPEC_PARTS];
};

/* One side of a connection; namespace_name "" = not known. */
struct spec_peer {
	char namespace_name[32];
	char account[32];
	char labels[2][2][32];
	char address[48];
};

struct spec_connection {
	struct spec_peer source, target;
	int port;
};

/* ---- values */

/* "Exact match: abc. Prefix match: abc*. Suffix match: *abc. Presence match: *, when the value is
 * not empty." */
static bool spec_text(const char *pattern, const char *value)
{
	size_t n = strlen(pattern), m = strlen(value);

	if (!strcmp(pattern, "*"))
		return m > 0;
	if (pattern[0] == '*')
		return m >= n - 1 && !strcmp(value + m - (n - 1), pattern + 1);
	if (pattern[n - 1] == '*')
		return !strncmp(value, pattern, n - 1);
	return !strcmp(pattern, value);
}

/* "Single IP (e.g. 203.0.113.4) and CIDR (e.g. 203.0.113.0/24) are supported." */
static bool spec_block(const char *block, const char *address)
{
	int family = strchr(block, ':') ? AF_INET6 : AF_INET;
	unsigned char net[16], addr[16];
	char text[64], *slash;
	int bits = family == AF_INET ? 32 : 128;

	snprintf(text, sizeof(text), "%s", block);
	slash = strchr(text, '/');
	if (slash) {
		*slash = 0;
		bits = (int)strtol(slash + 1, NULL, 10);
	}
	if ((strchr(address, ':') ? AF_INET6 : AF_INET) != family)
		return false;
	if (inet_pton(family, text, net) != 1 || inet_pton(family, address, addr) != 1)
		abort();
	while (bits--)
		if ((net[bits / 8] >> (7 - bits % 8) & 1) != (addr[bits / 8] >> (7 - bits % 8) & 1))
			return false;
	return true;
}

static bool spec_value(enum spec_field field, const char *pattern, const struct spec_connection *c)
{
	const struct spec_peer *s = &c->source;
	char text[128] = "";

	switch (field) {
	case SPEC_PRINCIPALS:
		if (*s->namespace_name && *s->account)
			snprintf(text, sizeof(text), "cluster.local/ns/%s/sa/%s", s->namespace_name,
				 s->account);
		return spec_text(pattern, text);
	case SPEC_NAMESPACES:
		return spec_text(pattern, s->namespace_name);
	case SPEC_SERVICE_ACCOUNTS:
		if (*s->namespace_name && *s->account)
			snprintf(text, sizeof(text), "%s/%s", s->namespace_name, s->account);
		return *text && !strcmp(pattern, text);
	case SPEC_IP_BLOCKS:
		return spec_block(pattern, s->address);
	case SPEC_DESTINATION_IP:
		return spec_block(pattern, c->target.address);
	case SPEC_PORTS:
		return (int)strtol(pattern, NULL, 10) == c->port;
	case SPEC_PATHS:
		break;
	}
	abort();
}

static bool spec_listed(const struct spec_match *m, const struct spec_list *list,
			const struct spec_connection *c)
{
	for (int i = 0; i < list->count; i++)
		if (spec_value(m->field, list->items[i], c))
			return true;
	return false;
}
