// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Certificates out of arbitrary bytes; texts must stay inside of their buffers and be
 * fit to print. */
#include "datapath/decode/tls_certificate.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_text(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	if (n == size)
		abort();
	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct tls_certificate c = {0};

	if (tls_certificate_read((struct slice){(const char *)data, size_bytes}, &c))
		return 0;
	check_text(c.subject, sizeof(c.subject));
	check_text(c.san, sizeof(c.san));
	check_text(c.spiffe_id, sizeof(c.spiffe_id));
	return 0;
}
