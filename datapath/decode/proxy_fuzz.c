// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fuzzes the reader of PROXY headers: no over-read; a beginning never says anything else than the
 * whole. */
#include "datapath/decode/proxy.h"

#include <stdlib.h>
#include <string.h>

#define require(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

/* Of exactly |size_bytes| on the heap: an over-read faults. */
static enum proxy_result read_copy(const uint8_t *data, size_t size_bytes, struct proxy_header *ret)
{
	uint8_t *copy = malloc(size_bytes ? size_bytes : 1);
	enum proxy_result result;

	require(copy);
	if (size_bytes)
		memcpy(copy, data, size_bytes);
	result = proxy_read(copy, size_bytes, ret);
	free(copy);
	return result;
}

static bool same(const struct proxy_header *a, const struct proxy_header *b)
{
	return a->size_bytes == b->size_bytes && a->named == b->named &&
	       !memcmp(a->client_addr, b->client_addr, sizeof(a->client_addr)) &&
	       !memcmp(a->server_addr, b->server_addr, sizeof(a->server_addr)) &&
	       a->client_port == b->client_port && a->server_port == b->server_port;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct proxy_header whole = {0}, part = {0};
	enum proxy_result result = read_copy(data, size_bytes, &whole);

	require(result != PROXY_MORE || size_bytes < PROXY_MAX_BYTES);
	require(result != PROXY_DONE || (whole.size_bytes >= 15 && whole.size_bytes <= 65551));
	for (size_t n = 0; n < size_bytes && n <= PROXY_MAX_BYTES; n++) {
		enum proxy_result r = read_copy(data, n, &part);

		require(r == PROXY_MORE || r == result);
		require(r != PROXY_DONE || same(&part, &whole));
	}
	return 0;
}
