// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The tables of programs and features. */
#include "datapath/attach/core/programs.h"

const struct program_feature_row program_features[] = {
#define X(id, wanted, goes, name, without)                                                         \
	[PROGRAM_FEATURE_##id] = {WANTED_##wanted, goes, name, without},
	PROGRAM_FEATURES(X)
#undef X
};

const struct program_row program_table[] = {
#define X(name, hook, pinned, feature, budget)                                                     \
	[PROGRAM_##name] = {#name, HOOK_##hook, pinned, PROGRAM_FEATURE_##feature},
	PROGRAMS(X)
#undef X
};
