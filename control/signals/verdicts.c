// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Verdicts to bounded series. */
#include "control/signals/verdicts.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define VERDICT_SERIES_MAX 2048

struct series *verdicts_new(uint64_t seed)
{
	return series_new(VERDICT_SERIES_MAX, sizeof(struct verdict_key),
			  sizeof(struct verdict_count), seed);
}

static void text_set(char out[64], const char *text)
{
	snprintf(out, 64, "%.63s", text);
}

void verdicts_add(struct series *verdicts, const struct verdict *v, uint64_t now_ns)
{
	struct verdict_key key = {
		.rule = v->rule, .verdict = v->verdict, .reporter = (uint8_t)v->reporter};
	struct verdict_key overflow = {.policy = "overflow",
				       .source = "overflow",
				       .target = "overflow",
				       .verdict = v->verdict,
				       .reporter = (uint8_t)v->reporter};
	struct verdict_count *c;

	text_set(key.policy, v->policy);
	text_set(key.source, v->source_workload);
	text_set(key.target, v->target_workload);
	c = series_get(verdicts, &key, &overflow, now_ns);
	if (c)
		c->verdicts++;
}

static const struct {
	const char *word, *action, *flag;
} names[] = {
	[WEFT_VERDICT_ALLOWED] = {"noted", "note", "-"},
	[WEFT_VERDICT_DENIED] = {"denied", "deny", "-"},
	[WEFT_VERDICT_NO_ENDPOINT] = {"no_endpoint", "no_endpoint", "UH"},
	[WEFT_VERDICT_OVERFLOW] = {"overflow", "overflow", "UO"},
	[WEFT_VERDICT_ENDED] = {"ended", "end", "-"},
	[WEFT_VERDICT_EJECTED] = {"ejected", "eject", "-"},
	[WEFT_VERDICT_GONE] = {"gone", "end", "-"},
};
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

const char *verdicts_word(uint8_t verdict)
{
	return verdict < NAME_COUNT ? names[verdict].word : "unknown";
}

const char *verdicts_protocol(uint8_t protocol)
{
	if (protocol == IPPROTO_UDPLITE)
		return "udplite";
	return protocol == IPPROTO_UDP ? "udp" : "tcp";
}

const char *verdicts_action_name(uint8_t verdict)
{
	return verdict < NAME_COUNT ? names[verdict].action : "unknown";
}

const char *verdicts_flag_name(uint8_t verdict)
{
	return verdict < NAME_COUNT ? names[verdict].flag : "-";
}
