/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Drives the HTTP/1 decoder by fixtures (datapath/decode/fixture_test.h). For cmocka tests. */
#pragma once

#include "datapath/decode/http1.h"

#include "datapath/decode/fixture_test.h"

#include <stdlib.h>

static const enum http_side requests = HTTP_CLIENT, responses = HTTP_SERVER;

struct driven {
	struct http1 *h;
	struct transcript *t;
};

static void *driven_open(struct transcript *t, const void *arg)
{
	struct driven *d = malloc(sizeof(*d));
	struct http_listener listener = transcript_listener(t);

	assert_non_null(d);
	*d = (struct driven){http1_new(*(const enum http_side *)arg, &listener), t};
	assert_non_null(d->h);
	return d;
}

static enum decode_status driven_feed(void *decoder, const struct feed *f, size_t *ret_used)
{
	struct driven *d = decoder;

	return http1_feed(d->h, f, ret_used);
}

static void driven_finish(void *decoder, uint64_t position)
{
	struct driven *d = decoder;

	if (http1_finish(d->h, position))
		transcript_line(d->t, "cut short");
}

static void driven_close(void *decoder)
{
	struct driven *d = decoder;

	http1_free(d->h);
	free(d);
}

static const struct fixture_driver driver = {
	.open = driven_open,
	.feed = driven_feed,
	.finish = driven_finish,
	.close = driven_close,
};

#define BYTES(literal)	   .data = (literal), .size_bytes = sizeof(literal) - 1
#define REQUESTS(literal)  BYTES(literal), .arg = &requests
#define RESPONSES(literal) BYTES(literal), .arg = &responses
