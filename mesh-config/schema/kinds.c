// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of kinds; each has its fields in kinds_*.c. */
#include "mesh-config/schema/draft.h"

const struct kind kinds[KIND_COUNT] = {
#define X(symbol, name, group, versions, table, at_root, concerns, doc)                            \
	{name, group, versions, &table, at_root, CONCERNS_##concerns, doc},
	KINDS(X)
#undef X
};
