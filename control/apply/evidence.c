// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tells failures of an endpoint from those that clients or policies caused. */
#include "control/apply/evidence.h"

#include "base/table.h"
#include "mesh-config/policy/explain.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define DENIED_MAX 4096 /* connections that a server of this node refused lately */
#define KEPT	   256	/* results of policies; power of two */

struct ends {
	uint8_t client_addr[16];
	uint8_t server_addr[16];
	uint16_t client_port;
	uint16_t server_port;
};

struct question {
	uint64_t generation;
	struct ends ends; /* the client's port is 0 */
	uint32_t pad;
};

struct evidence {
	struct table *denied; /* struct ends */
	uint64_t seed;
	struct {
		struct question question;
		bool denied;
	} kept[KEPT];
};

struct evidence *evidence_new(uint64_t seed)
{
	struct evidence *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->seed = seed;
	e->denied = table_new(DENIED_MAX, sizeof(struct ends), sizeof(struct ends), seed);
	if (!e->denied) {
		evidence_free(e);
		return NULL;
	}
	return e;
}

void evidence_free(struct evidence *e)
{
	if (!e)
		return;
	table_free(e->denied);
	free(e);
}

static struct ends ends_of(const struct endpoint *client, const struct endpoint *server)
{
	struct ends ends = {.client_port = client->port, .server_port = server->port};

	memcpy(ends.client_addr, client->addr, sizeof(ends.client_addr));
	memcpy(ends.server_addr, server->addr, sizeof(ends.server_addr));
	return ends;
}

void evidence_verdict(struct evidence *e, const struct verdict *v)
{
	struct ends ends = ends_of(v->client, v->server);

	if (v->reporter != REPORTER_DESTINATION || v->verdict != WEFT_VERDICT_DENIED ||
	    v->protocol != IPPROTO_TCP || table_find(e->denied, &ends))
		return;
	if (table_count(e->denied) == table_capacity(e->denied))
		table_remove(e->denied, table_oldest(e->denied));
	table_insert(e->denied, &ends);
}

/* Whether a server of this node refused it. */
static bool denied_here(struct evidence *e, const struct connection *c)
{
	struct ends ends = ends_of(c->client, c->server);
	void *found = table_find(e->denied, &ends);

	if (found)
		table_remove(e->denied, found);
	return found;
}

static bool policies_deny(const struct mesh *m, const struct ends *ends)
{
	struct explain_ends source = {.holders = holders_at(m, ends->client_addr, 0)};
	struct explain_ends target = {.holders =
					      holders_at(m, ends->server_addr, ends->server_port)};
	struct weft_policy_answer answer = {0};
	struct explain_question pair;
	struct error err;

	memcpy(source.address, ends->client_addr, sizeof(source.address));
	memcpy(target.address, ends->server_addr, sizeof(target.address));
	return !explain_ask_all(m, &source, &target, ends->server_port, &pair, &answer, &err) &&
	       answer.action == WEFT_ACTION_DENY;
}

/* Whether a server of another node, which decides by the addresses, refuses it. */
static bool denied_there(struct evidence *e, const struct mesh *m, uint64_t generation,
			 const struct connection *c)
{
	struct question q = {.generation = generation, .ends = ends_of(c->client, c->server)};
	uint32_t at;

	if (!m->policy_count || mesh_endpoint_find(m, c->server->addr) == MESH_NONE)
		return false;
	q.ends.client_port = 0;
	at = (uint32_t)table_hash(&q, sizeof(q), e->seed) & (KEPT - 1);
	if (memcmp(&e->kept[at].question, &q, sizeof(q)) != 0) {
		e->kept[at].question = q;
		e->kept[at].denied = policies_deny(m, &q.ends);
	}
	return e->kept[at].denied;
}

bool evidence_request(const struct request *r)
{
	return r->reporter == REPORTER_SOURCE && !r->client->isolated;
}

bool evidence_connect(struct evidence *e, const struct mesh *m, uint64_t generation,
		      const struct connection *c)
{
	if (c->reporter != REPORTER_SOURCE || c->client->isolated)
		return false;
	if (!(c->flags & RESPONSE_FLAG(UF)))
		return c->phase == CONNECTION_OPENED;
	if (c->counters.flags & WEFT_END_ABANDONED && !c->counters.retransmits)
		return false;
	return !denied_here(e, c) && !denied_there(e, m, generation, c);
}
