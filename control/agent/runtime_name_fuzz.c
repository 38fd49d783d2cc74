// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fuzzes the reader of what container runtimes keep: a name, or nothing. */
#include "control/agent/runtime_name.h"

#include <stdlib.h>
#include <string.h>

#define ID "4f1c8a0b9d2e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct observe_names names = {0};
	char *copy = malloc(size_bytes ? size_bytes : 1);
	bool named;

	if (!copy)
		abort();
	if (size_bytes)
		memcpy(copy, data, size_bytes);
	named = runtime_name_read(copy, size_bytes, ID, &names);
	if (named != (names.workload[0] != 0) || names.service[0] || names.app[0])
		abort();
	free(copy);
	return 0;
}
