/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Responses of libmicrohttpd for the agent's loop: short texts, and streams that are suspended
 * while they have no data. */
#pragma once

#include "control/export/text.h"
#include "control/serve/pieces.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

/* The streams being answered; a zeroed one is empty. */
struct answers {
	struct answer *first;
	uint64_t stream_max_ns; /* a stream that is not live is ended after this time */
};

/* Answers with |body|, which it copies. Returns what the access handler must return. */
enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status, const char *type,
			    const char *body);

/* Answers with the text in |body| and empties it; 500 if it has failed. */
enum MHD_Result answer_built(struct MHD_Connection *connection, const char *type,
			     struct text *body);

/* {"error":"..."} with |status|. */
enum MHD_Result answer_error(struct MHD_Connection *connection, unsigned status, const char *text);

/* Answers with |stream|, which it owns from now on; NULL gives 503. */
enum MHD_Result answer_stream(struct answers *all, struct MHD_Connection *connection,
			      const char *type, struct pieces *stream);

/* Resumes live streams that have data. */
void answers_wake(struct answers *all);

/* Ends suspended streams whose client has gone, which libmicrohttpd does not notice. */
void answers_reap(struct answers *all);

/* Ends all streams: before the daemon is stopped. */
void answers_end(struct answers *all);

/* Whether any stream is suspended. */
bool answers_sleep(const struct answers *all);
