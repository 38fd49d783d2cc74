// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Compressed certificates out of arbitrary bytes; what comes out stays inside of its place. */
#include "datapath/decode/tls_compressed.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	size_t room = 1000, bytes;
	char *out = malloc(room);

	if (!out)
		return 0;
	tls_compressed_read((struct slice){(const char *)data, size_bytes}, out, room, &bytes);
	if (bytes > room)
		abort();
	free(out);
	return 0;
}
