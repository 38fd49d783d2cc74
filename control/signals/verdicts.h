/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connections that the mesh refused or noted: bounded series by policy, rule and workloads. */
#pragma once

#include "control/signals/series.h"
#include "datapath/observe/record.h"

/* Key of a series; texts are NUL-padded. */
struct verdict_key {
	char policy[64];
	char source[64];
	char target[64];
	uint32_t rule;
	uint8_t verdict; /* WEFT_VERDICT_* */
	uint8_t reporter;
	uint8_t pad[2];
};

/* Value. */
struct verdict_count {
	uint64_t verdicts;
};

/* A set with the right key and value sizes. NULL when memory is short. */
struct series *verdicts_new(uint64_t seed);

void verdicts_add(struct series *verdicts, const struct verdict *v, uint64_t now_ns);

/* By WEFT_VERDICT_*: the word for people ("denied", "noted", "ended"), the action in metrics
 * ("deny", "note", "end"), and Envoy's flag for it, "-". */
const char *verdicts_word(uint8_t verdict);

/* "tcp", "udp", "udplite" of an IPPROTO_*. */
const char *verdicts_protocol(uint8_t protocol);
const char *verdicts_action_name(uint8_t verdict);
const char *verdicts_flag_name(uint8_t verdict);
