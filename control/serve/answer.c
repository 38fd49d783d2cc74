// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Streams suspend their connection when there is nothing to send and are resumed from outside. */
#include "control/serve/answer.h"

#include "control/export/json.h"

#include "base/process.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES	32768
#define BUILT_MAX_BYTES 4096

struct answer {
	struct answers *all;
	struct answer *next;
	struct MHD_Connection *connection;
	struct pieces *stream;
	uint64_t started_ns;
	bool asleep;
	bool ending;
};

static enum MHD_Result queue(struct MHD_Connection *connection, unsigned status, const char *type,
			     struct MHD_Response *response)
{
	enum MHD_Result queued;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Content-Security-Policy", "default-src 'none'");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", "GET, HEAD");
	queued = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status, const char *type,
			    const char *body)
{
	return queue(
		connection, status, type,
		MHD_create_response_from_buffer(strlen(body), (void *)body, MHD_RESPMEM_MUST_COPY));
}

enum MHD_Result answer_built(struct MHD_Connection *connection, const char *type, struct text *body)
{
	struct MHD_Response *response;

	if (body->failed) {
		text_free(body);
		return answer_error(connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
				    "the answer is too large");
	}
	response = MHD_create_response_from_buffer(body->used, body->data, MHD_RESPMEM_MUST_COPY);
	text_free(body);
	return queue(connection, MHD_HTTP_OK, type, response);
}

#define API_ERROR(X) X(json_put_string, "error", "text", "what is wrong with the query", text)

enum MHD_Result answer_error(struct MHD_Connection *connection, unsigned status, const char *text)
{
	struct text body = text_new(BUILT_MAX_BYTES);
	struct MHD_Response *response;

	JSON_LINE(&body, API_ERROR);
	response = MHD_create_response_from_buffer(body.used, body.data, MHD_RESPMEM_MUST_COPY);
	text_free(&body);
	return queue(connection, status, "application/json", response);
}

/* ---- streams ---- */

static bool is_over(const struct answer *a)
{
	return a->ending || (!pieces_is_live(a->stream) &&
			     process_now_ns() - a->started_ns > a->all->stream_max_ns);
}

static ssize_t read_answer(void *cls, uint64_t position, char *out, size_t size)
{
	struct answer *a = cls;
	long n;

	(void)position;
	if (is_over(a))
		return a->ending ? MHD_CONTENT_READER_END_OF_STREAM
				 : MHD_CONTENT_READER_END_WITH_ERROR;
	n = pieces_read(a->stream, out, size);
	if (n == -ENODATA)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n < 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (!n) {
		a->asleep = true;
		MHD_suspend_connection(a->connection);
	}
	return n;
}

static void free_answer(void *cls)
{
	struct answer *a = cls;
	struct answer **at = &a->all->first;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	pieces_free(a->stream);
	free(a);
}

static struct answer *answer_new(struct answers *all, struct MHD_Connection *connection,
				 struct pieces *stream)
{
	struct answer *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->all = all;
	a->connection = connection;
	a->stream = stream;
	a->started_ns = process_now_ns();
	a->next = all->first;
	all->first = a;
	return a;
}

enum MHD_Result answer_stream(struct answers *all, struct MHD_Connection *connection,
			      const char *type, struct pieces *stream)
{
	struct answer *a = stream ? answer_new(all, connection, stream) : NULL;
	struct MHD_Response *response;

	if (!a) {
		pieces_free(stream);
		return answer_error(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory");
	}
	if (pieces_is_live(stream))
		MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_answer, a,
						     free_answer);
	if (!response)
		free_answer(a);
	return queue(connection, MHD_HTTP_OK, type, response);
}

static void wake(struct answer *a)
{
	a->asleep = false;
	MHD_resume_connection(a->connection);
}

void answers_wake(struct answers *all)
{
	for (struct answer *a = all->first; a; a = a->next) {
		if (a->asleep && pieces_ready(a->stream))
			wake(a);
	}
}

static bool client_has_gone(const struct answer *a)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(a->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct pollfd p = {.events = POLLRDHUP};

	if (!info)
		return false;
	p.fd = info->connect_fd;
	return poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

void answers_reap(struct answers *all)
{
	for (struct answer *a = all->first; a; a = a->next) {
		if (!a->asleep || !client_has_gone(a))
			continue;
		a->ending = true;
		wake(a);
	}
}

void answers_end(struct answers *all)
{
	for (struct answer *a = all->first; a; a = a->next) {
		a->ending = true;
		if (a->asleep)
			wake(a);
	}
}

bool answers_sleep(const struct answers *all)
{
	for (const struct answer *a = all->first; a; a = a->next) {
		if (a->asleep)
			return true;
	}
	return false;
}
