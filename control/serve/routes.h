/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The paths of the API. */
#pragma once

#include "control/serve/answer.h"
#include "control/serve/source.h"

/* Context of all routes. */
struct routes {
	struct serve_source source;
	struct pieces_context context;
	struct answers answers;
};

/* Whether requests with |method| have answers other than a refusal. */
bool routes_takes(const char *method);

/* Answers one request. |api|: it came over the unix socket, where /api/v1 is; |check_host|: it came
 * to a loopback address, where a foreign Host means that a web page was tricked into asking (DNS
 * rebinding). */
enum MHD_Result routes_answer(struct routes *r, struct MHD_Connection *connection,
			      const char *method, const char *path, bool api, bool check_host);
