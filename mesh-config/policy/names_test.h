/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: the numbers that the peers of random connections (world_test.h) have in the
 * compiled form, and the question that such a connection is. */
#pragma once

#include "mesh-config/policy/evaluate.h"
#include "mesh-config/policy/model_test.h"

struct names {
	const char *names[COUNT_OF(namespaces)];
	struct identity_principal principals[COUNT_OF(namespaces) * COUNT_OF(accounts)];
	struct identity_class classes[COUNT_OF(namespaces) * 4];
	struct identity_view view;
};

static void names_fill(struct names *m)
{
	static const char *const digits[] = {"0", "1"};
	uint32_t n = 0;

	for (uint32_t i = 0; i < COUNT_OF(namespaces); i++) {
		m->names[i] = namespaces[i];
		for (uint32_t k = 0; k < COUNT_OF(accounts); k++)
			m->principals[n++] =
				(struct identity_principal){namespaces[i], accounts[k]};
		for (uint32_t k = 0; k < 4; k++) {
			const char *const pairs[2][2] = {{"app", digits[k / 2]},
							 {"tier", digits[k % 2]}};

			m->classes[4 * i + k] =
				(struct identity_class){namespaces[i], labels_new(pairs, 2)};
		}
	}
	m->view = (struct identity_view){m->names, COUNT_OF(namespaces), m->principals,
					 n,	   m->classes,		 COUNT_OF(m->classes)};
}

static void address_bytes(uint8_t out[16], const char *text)
{
	struct mesh_prefix p;

	value_block(&p, text);
	memcpy(out, p.address, 16);
}

static uint32_t number_of(const char *const *names, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return i;
	return WEFT_NUMBER_NONE;
}

static uint32_t class_of(const struct spec_peer *p)
{
	return 4 * number_of(namespaces, COUNT_OF(namespaces), p->namespace_name) +
	       2 * (uint32_t)strtol(p->labels[0][1], NULL, 10) +
	       (uint32_t)strtol(p->labels[1][1], NULL, 10);
}

static inline void question_fill(struct weft_policy_question *q, const struct spec_connection *c,
				 const struct authorize *a)
{
	const struct spec_peer *s = &c->source;

	*q = (struct weft_policy_question){
		.step = a->policies.by_class[class_of(&c->target)],
		.namespace_number = WEFT_NUMBER_NONE,
		.principal_number = WEFT_NUMBER_NONE,
		.class_number = WEFT_NUMBER_NONE,
		.target_port = (uint16_t)c->port,
	};
	address_bytes(q->source_addr, s->address);
	address_bytes(q->target_addr, c->target.address);
	if (!*s->namespace_name)
		return;
	q->namespace_number = number_of(namespaces, COUNT_OF(namespaces), s->namespace_name);
	q->principal_number = q->namespace_number * COUNT_OF(accounts) +
			      number_of(accounts, COUNT_OF(accounts), s->account);
	q->class_number = class_of(s);
}
