/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The fields of an HTTP/1 start line, header or trailer block that weft looks at, gathered from the
 * pieces in which they come: borrowed from the feed while it lasts, kept when the block goes on in
 * the next one. */
#pragma once

#include "datapath/decode/http.h"

#define HTTP1_METHOD_MAX_BYTES 32
#define HTTP1_NAME_MAX_BYTES   16

/* A request target of this size was cut and may be longer on the wire. */
#define HTTP1_TARGET_MAX_BYTES 1024

struct http1_field;

struct http1_fields {
	struct http_head head;		 /* what was gathered */
	const struct http1_field *field; /* whose value is being read, or NULL */
	char name[HTTP1_NAME_MAX_BYTES];
	size_t name_bytes; /* more than HTTP1_NAME_MAX_BYTES: too long to be one of ours */
	char *kept;	   /* a bounded buffer for a block that is cut over feeds, or NULL */
	size_t kept_bytes;
};

/* Starts a block at stream position |first|: empties the head. */
void http1_fields_start(struct http1_fields *f, uint64_t first);

/* Gives back what was kept. Slices of the head are no longer valid. */
void http1_fields_forget(struct http1_fields *f);

/* The next piece of the method, the target, a field's name or its value, borrowed until
 * http1_fields_keep. Bytes beyond a limit are dropped, fields without interest are skipped, and of
 * several fields of one name the first counts. False: out of memory. */
bool http1_fields_method(struct http1_fields *f, const char *at, size_t size_bytes);
bool http1_fields_target(struct http1_fields *f, const char *at, size_t size_bytes);
void http1_fields_name(struct http1_fields *f, const char *at, size_t size_bytes);
bool http1_fields_value(struct http1_fields *f, const char *at, size_t size_bytes);
void http1_fields_name_end(struct http1_fields *f);
void http1_fields_value_end(struct http1_fields *f);

/* Whether the name that is complete, before http1_fields_name_end, is |wanted|, which is in lower
 * case. */
bool http1_fields_name_is(const struct http1_fields *f, struct slice wanted);

/* Copies what is borrowed, because the feed ends. False: out of memory. */
bool http1_fields_keep(struct http1_fields *f);

/* Brings a request's target into the form that http_head promises (RFC 9112 3.2): splits the
 * absolute form, takes the authority from CONNECT's. */
void http1_fields_target_end(struct http1_fields *f);
