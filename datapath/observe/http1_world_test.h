/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: a request and a response to go with world_test.h. */
#pragma once

#include "datapath/decode/http.h"
#include "datapath/observe/world_events_test.h"

#define GET		"GET /hello?name=joe HTTP/1.1\r\nHost: shop\r\nUser-Agent: test\r\n\r\n"
#define OK_HEAD(length) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n"
#define OK_HELLO	OK_HEAD("5") "hello"

static inline void assert_request(const struct request *r, const char *method, const char *path,
				  int status)
{
	assert_non_null(r);
	assert_string_equal(r->method, method);
	assert_string_equal(r->path, path);
	assert_int_equal(r->status, status);
}
