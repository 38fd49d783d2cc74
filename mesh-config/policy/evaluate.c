// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Policy steps, walked in user space. */
#include "mesh-config/policy/evaluate.h"

#include <stdbool.h>
#include <string.h>

static const struct weft_mesh_step *cell_at(const struct evaluate_cells *c, uint32_t cell)
{
	return cell >= c->base && cell - c->base < c->count ? &c->cells[cell - c->base] : NULL;
}

static bool prefix_has(const struct weft_mesh_prefix *p, const uint8_t addr[16])
{
	for (uint32_t bit = 0; bit < p->bits; bit++)
		if ((p->addr[bit / 8] ^ addr[bit / 8]) & 0x80u >> bit % 8)
			return false;
	return true;
}

static bool prefixes_have(const struct evaluate_cells *c, const struct weft_mesh_step *step,
			  const uint8_t addr[16])
{
	const struct weft_mesh_step *cell;
	struct weft_mesh_prefix prefix;

	for (uint32_t i = 0; i < step->count; i++) {
		if (!step->first) {
			prefix = step->value.prefixes[i];
		} else {
			cell = cell_at(c, step->first + i / WEFT_CELL_PREFIXES);
			if (!cell)
				return false;
			memcpy(&prefix,
			       (const char *)cell + i % WEFT_CELL_PREFIXES * sizeof(prefix),
			       sizeof(prefix));
		}
		if (prefix_has(&prefix, addr))
			return true;
	}
	return false;
}

static bool bitmap_has(const struct evaluate_cells *c, const struct weft_mesh_step *step,
		       uint32_t number)
{
	const uint8_t *bytes = step->value.bitmap.bytes;

	if (number >= step->value.bitmap.bits)
		return false;
	if (step->first) {
		bytes = (const uint8_t *)cell_at(c, step->first + number / WEFT_CELL_BITS);
		number %= WEFT_CELL_BITS;
	}
	return bytes && bytes[number / 8] & 1u << number % 8;
}

static bool ports_have(const struct evaluate_cells *c, const struct weft_mesh_step *step,
		       uint16_t port)
{
	if (step->first)
		return bitmap_has(c, step, port);
	for (uint32_t i = 0; i < step->count && i < WEFT_STEP_PORTS; i++)
		if (step->value.ports[i] == port)
			return true;
	return false;
}

static bool step_matches(const struct evaluate_cells *c, const struct weft_mesh_step *step,
			 const struct weft_policy_question *q)
{
	switch (step->kind) {
	case WEFT_STEP_SOURCE_IP:
		return prefixes_have(c, step, q->source_addr);
	case WEFT_STEP_TARGET_IP:
		return prefixes_have(c, step, q->target_addr);
	case WEFT_STEP_PORT:
		return ports_have(c, step, q->target_port);
	case WEFT_STEP_NAMESPACE:
		return bitmap_has(c, step, q->namespace_number);
	case WEFT_STEP_PRINCIPAL:
		return bitmap_has(c, step, q->principal_number);
	case WEFT_STEP_CLASS:
		return bitmap_has(c, step, q->class_number);
	}
	return false;
}

static void note(struct weft_policy_answer *a, const struct weft_mesh_step *step)
{
	if (a->notes < WEFT_POLICY_NOTES) {
		a->note[a->notes].policy = step->value.verdict.policy;
		a->note[a->notes].rule = step->value.verdict.rule;
	}
	a->notes++;
}

static void speak(struct weft_policy_answer *a, const struct weft_mesh_step *step)
{
	a->action = step->action;
	a->policy = step->value.verdict.policy;
	a->rule = step->value.verdict.rule;
	a->ends = (uint8_t)step->value.verdict.ends;
}

static bool is_open(const struct weft_policy_question *q, uint8_t kind)
{
	static const uint8_t unknown[16];

	switch (kind) {
	case WEFT_STEP_SOURCE_IP:
		return !memcmp(q->source_addr, unknown, 16);
	case WEFT_STEP_NAMESPACE:
	case WEFT_STEP_PRINCIPAL:
	case WEFT_STEP_CLASS:
		return q->source_open;
	}
	return false;
}

void evaluate(const struct evaluate_cells *c, const struct weft_policy_question *q,
	      struct weft_policy_answer *ret_answer,
	      void (*visited)(void *arg, uint32_t cell, const struct weft_mesh_step *step),
	      void *arg)
{
	struct weft_policy_answer a = {.policy = WEFT_NUMBER_NONE};
	const struct weft_mesh_step *step;
	uint32_t at = q->step;

	for (; at && a.steps < WEFT_MESH_STEPS; a.steps++) {
		step = cell_at(c, at);
		if (!step)
			break;
		if (visited)
			visited(arg, at, step);
		if (is_open(q, step->kind)) {
			a.action = WEFT_ACTION_OPEN;
			at = 0;
		} else if (step->kind != WEFT_STEP_VERDICT) {
			at = step_matches(c, step, q) ? step->yes : step->no;
		} else if (step->action == WEFT_ACTION_NOTE) {
			note(&a, step);
			at = step->yes;
		} else {
			speak(&a, step);
			at = 0;
		}
	}
	if (at) {
		a.action = WEFT_ACTION_DENY;
		a.broken = 1;
	}
	*ret_answer = a;
}
