// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fuzzes the classifier and the string helpers: no over-read, no endless CLASSIFY_MORE, no harmful
 * output. */
#include "datapath/decode/classify.h"

#include "datapath/decode/redact.h"

#include <stdlib.h>

#define require(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void check_classes(const uint8_t *data, size_t size_bytes, bool midstream)
{
	struct classified k = classify(data, size_bytes, midstream);

	require(k.result <= CLASSIFY_DECODER);
	require((k.result == CLASSIFY_DECODER) == !!k.decoder);
	require(k.result != CLASSIFY_MORE || size_bytes < CLASSIFY_MAX_BYTES);
	require(midstream || !k.midstream);
}

static void check_strings(struct slice s)
{
	char *out = malloc(64), again[64];

	require(out);
	redact_path(s, out, 64);
	require(strlen(out) < 64 && !strchr(out, '#'));
	text_escape(s, out, 64);
	require(strlen(out) < 64);
	for (const char *p = out; *p; p++)
		require((unsigned char)*p >= ' ' && *p != 0x7f);
	require(!text_escape((struct slice){out, strlen(out)}, again, 64) && !strcmp(out, again));
	traceparent_valid(s);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	uint8_t *copy = malloc(size_bytes ? size_bytes : 1);

	require(copy);
	if (size_bytes)
		memcpy(copy, data, size_bytes);
	check_classes(copy, size_bytes, false);
	check_classes(copy, size_bytes, true);
	check_strings((struct slice){(const char *)copy, size_bytes});
	free(copy);
	return 0;
}
