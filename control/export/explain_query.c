// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Resolves names to ends and ends to pairs of workloads, and evaluates each pair. */
#include "control/export/explain_query.h"

#include "base/address.h"
#include "control/export/end.h"
#include "mesh-config/compile/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOURCES_MAX   64u  /* workloads of network namespaces with one address */
#define NAMESAKES_MAX 64u  /* workloads with one name */
#define PAIRS_MAX     256u /* evaluated pairs of them: each costs walks over the mesh */

/* ---- the question */

static int not_found(const struct mesh *m, const char *name, struct error *err)
{
	bool service = mesh_host_find(m, name) != MESH_NONE;

	for (uint32_t i = 0; i < m->service_count && !service; i++)
		service = end_is_named(name, m->services[i].namespace_name, m->services[i].name);
	if (service)
		return error_set(err, -ENOENT,
				 "\"%.100s\" is a service: policies are about its endpoints, and "
				 "`weft simulate` says which it chooses",
				 name);
	return error_set(err, -ENOENT, "no workload is called \"%.100s\"", name);
}

/* An end as the user gave it. */
struct query_end {
	struct explain_ends ends;
	uint32_t workload; /* known by its name only; else MESH_NONE */
	uint32_t named;	   /* whose name was given, MESH_NONE: an address was */
};

/* All workloads of one name in one namespace, such as the replicas of a Deployment. */
struct query_ends {
	struct query_end items[NAMESAKES_MAX];
	uint32_t count;
};

struct namesakes {
	uint32_t workloads[NAMESAKES_MAX];
	uint32_t count;
};

static int names_find(const struct mesh *m, const char *name, struct namesakes *ret,
		      struct error *err)
{
	const struct mesh_workload *first = NULL;

	ret->count = 0;
	for (uint32_t i = 0; i < m->workload_count; i++) {
		const struct mesh_workload *w = &m->workloads[i];

		if (!*w->name || !end_is_named(name, w->namespace_name, w->name))
			continue;
		if (!first)
			first = w;
		if (strcmp(first->namespace_name, w->namespace_name) != 0)
			return error_set(err, -EEXIST,
					 "workloads of several namespaces are called \"%.100s\": "
					 "say %s/%.100s or %s/%.100s",
					 name, first->namespace_name, w->name, w->namespace_name,
					 w->name);
		if (ret->count == NAMESAKES_MAX)
			return error_set(err, -EEXIST,
					 "more than %u workloads are called \"%.100s\": say the "
					 "address of one",
					 NAMESAKES_MAX, name);
		ret->workloads[ret->count++] = i;
	}
	return first ? 0 : not_found(m, name, err);
}

enum family {
	FAMILY_ANY,
	FAMILY_IPV4, /* mapped into IPv6 */
	FAMILY_IPV6,
};

static enum family family_of(const uint8_t address[16])
{
	return address_is_v4(address) ? FAMILY_IPV4 : FAMILY_IPV6;
}

/* Its first address of |family|, preferably one that identifies it. NULL: it has none. */
static const struct mesh_address *address_of(const struct mesh *m, const struct mesh_workload *w,
					     enum family family)
{
	const struct mesh_address *a = &m->addresses[w->address_first], *found = NULL;

	for (uint32_t i = 0; i < w->address_count; i++) {
		if (family != FAMILY_ANY && family_of(a[i].address) != family)
			continue;
		if (!a[i].conditional)
			return &a[i];
		found = found ? found : &a[i];
	}
	return found;
}

/* |port| 0: for a source. Without an address of |family| it has none. */
static struct query_end end_of_workload(const struct mesh *m, uint32_t workload, uint16_t port,
					enum family family)
{
	const struct mesh_address *a = address_of(m, &m->workloads[workload], family);
	struct query_end end = {.workload = MESH_NONE, .named = workload};

	if (a)
		memcpy(end.ends.address, a->address, sizeof(a->address));
	if (a && !a->conditional) {
		end.ends.holders = holders_at(m, a->address, port);
		return end;
	}
	end.workload = workload;
	end.ends.holders = (struct holders){.workloads = {workload}, .count = 1};
	return end;
}

static int ends_named(const struct mesh *m, const char *name, uint16_t port, struct query_ends *ret,
		      struct error *err)
{
	struct namesakes found;
	int code = names_find(m, name, &found, err);

	if (code)
		return code;
	for (uint32_t i = 0; i < found.count; i++)
		ret->items[ret->count++] = end_of_workload(m, found.workloads[i], port, FAMILY_ANY);
	return 0;
}

static bool serves_port(const struct mesh *m, const struct mesh_service *s, uint16_t port)
{
	for (uint32_t i = 0; i < s->port_count; i++)
		if (m->ports[s->port_first + i].port == port)
			return true;
	return false;
}

/* The service with this address, or NULL. */
static const struct mesh_service *service_at(const struct mesh *m, const uint8_t address[16],
					     uint16_t port)
{
	for (uint32_t i = 0; i < m->vip_count; i++) {
		const struct mesh_service *s = &m->services[m->vips[i].service];

		if (mesh_prefix_has(&m->vips[i].prefix, address) && compile_has_fronts(m, s) &&
		    serves_port(m, s, port))
			return s;
	}
	return NULL;
}

static int end_addressed(const struct mesh *m, const char *text, uint16_t port,
			 struct query_end *end, struct error *err)
{
	const struct mesh_service *s;

	end->ends.holders = holders_at(m, end->ends.address, port);
	s = port && !end->ends.holders.count ? service_at(m, end->ends.address, port) : NULL;
	if (!s)
		return 0;
	return error_set(err, -ENOENT,
			 "%.50s is the address of the service %.60s/%.60s: policies are about its "
			 "endpoints, and `weft simulate` says which it chooses",
			 text, s->namespace_name, s->name);
}

static int ends_find(const struct mesh *m, const char *name, uint16_t port, struct query_ends *ret,
		     struct error *err)
{
	ret->items[0] = (struct query_end){.workload = MESH_NONE, .named = MESH_NONE};
	ret->count = 0;
	if (!*name || address_parse(name, ret->items[0].ends.address))
		ret->count = 1;
	if (!*name)
		return 0;
	return ret->count ? end_addressed(m, name, port, &ret->items[0], err)
			  : ends_named(m, name, port, ret, err);
}

struct query {
	struct query_end source, target;
	uint16_t port;
};

static int port_parse(const char *port, uint16_t *ret, struct error *err)
{
	char *rest;
	unsigned long number = strtoul(port, &rest, 10);

	if (!number || number > 65535 || *rest)
		return error_set(err, -EINVAL, "\"%.20s\" is no port", port);
	*ret = (uint16_t)number;
	return 0;
}

/* ---- the kernel's answer */

/* Cells of weft_mesh_identity; 0: the workload of the address. */
struct cell_pair {
	uint32_t source, target;
};

static struct explain_end end_of_number(const struct mesh *m, const struct compile_names *n,
					uint32_t number, const uint8_t address[16])
{
	uint32_t workload = compile_name(n->workloads, n->workload_count, number);
	struct explain_end end = {0};

	if (workload != MESH_NONE)
		end.workload = &m->workloads[workload];
	memcpy(end.address, address, sizeof(end.address));
	return end;
}

static bool is_given(const uint8_t address[16])
{
	static const uint8_t unknown[16];

	return memcmp(address, unknown, sizeof(unknown)) != 0;
}

/* The server's end denies what depends on which of several workloads a source with an address is,
 * and a target that could not be determined. */
static bool decide_open(const struct query *query, const struct cell_pair *pair,
			struct weft_policy_answer *answer)
{
	bool several = answer->action == WEFT_ACTION_OPEN && is_given(query->source.ends.address);

	if (several || pair->target == WEFT_NUMBER_NONE)
		answer->action = WEFT_ACTION_DENY;
	return several;
}

/* False: it cannot decide. */
static bool kernel_evaluate(const struct mesh *m, const struct explain_kernel *kernel,
			    const struct query *query, const struct cell_pair *pair,
			    struct explained_listener *ret, bool *ret_several)
{
	const struct compile_names *n = kernel->names;
	struct weft_explanation e = {.question.target_port = query->port,
				     .question.generation = n->generation,
				     .source = pair->source,
				     .target = pair->target};
	const uint8_t *source = query->source.ends.address, *target = query->target.ends.address;

	memcpy(e.question.source_addr, source, sizeof(e.question.source_addr));
	memcpy(e.question.target_addr, target, sizeof(e.question.target_addr));
	if (kernel->evaluate(kernel->arg, &e) || e.answer.action == WEFT_ACTION_STALE)
		return false;
	*ret_several = decide_open(query, pair, &e.answer);
	ret->answer = e.answer;
	ret->pair = (struct explain_question){end_of_number(m, n, e.source_number, source),
					      end_of_number(m, n, e.target_number, target),
					      query->port};
	return true;
}

/* ---- the workloads at an address that no workload has */

static uint32_t cell_of(const struct compile_names *n, const struct query_end *end)
{
	return end->workload != MESH_NONE ? n->workload_cells[end->workload] : 0;
}

static bool is_no_workload(const struct query_end *end)
{
	return end->workload == MESH_NONE && !end->ends.holders.count &&
	       is_given(end->ends.address);
}

/* The number of places, or a negative errno. */
static int where(const struct explain_kernel *kernel, const struct query_end *end, uint16_t port,
		 bool servers, struct weft_place places[WHERE_PLACES_MAX])
{
	struct weft_where where = {
		.generation = kernel->names->generation, .port = port, .servers = servers};
	int count;

	memcpy(where.addr, end->ends.address, sizeof(where.addr));
	count = kernel->where(kernel->arg, &where, places);
	for (int i = 0; i < count; i++)
		if (places[i].generation != where.generation)
			return -EAGAIN;
	return count;
}

/* Workloads that the source may be, grouped by network namespace. */
struct query_sources {
	struct {
		uint32_t cell, netns_ino;
	} items[SOURCES_MAX];
	uint32_t count;
};

static void sources_find(const struct explain_kernel *kernel, const struct query *query,
			 struct weft_place *places, struct query_sources *ret)
{
	int found = is_no_workload(&query->source) ? where(kernel, &query->source, 0, false, places)
						   : 0;

	ret->count = 0;
	for (int i = 0; i < found && ret->count < SOURCES_MAX; i++) {
		ret->items[ret->count].cell = places[i].identity;
		ret->items[ret->count++].netns_ino = places[i].netns_ino;
	}
	if (ret->count)
		return;
	ret->items[0].cell = cell_of(kernel->names, &query->source);
	ret->items[0].netns_ino = 0;
	ret->count = 1;
}

/* Fills in the listeners at the target: |*ret_count| places. 0 or -ENOMEM. */
static int listeners_find(const struct explain_kernel *kernel, const struct query *query,
			  struct weft_place *places, struct explained *e, uint32_t *ret_count)
{
	int count = where(kernel, &query->target, query->port, true, places);

	if (count < 0)
		return 0;
	if (!count) {
		count = where(kernel, &query->target, query->port, false, places);
		e->target = count > 0 ? EXPLAINED_NO_LISTENER : EXPLAINED_ELSEWHERE;
		return 0;
	}
	e->listeners = calloc((size_t)count, sizeof(*e->listeners));
	if (!e->listeners)
		return -ENOMEM;
	e->target = EXPLAINED_LISTENERS;
	*ret_count = (uint32_t)count;
	return 0;
}

/* ---- all pairs */

struct evaluation {
	const struct mesh *mesh;
	const struct explain_kernel *kernel;
	const struct query *query;
	struct query_sources sources;
	struct explained *e;
};

static int weight(uint8_t action)
{
	return action == WEFT_ACTION_DENY ? 2 : action == WEFT_ACTION_OPEN;
}

/* For an end that may be several workloads: denied to one, or by one, means denied. */
static bool is_worse(uint8_t action, uint8_t than)
{
	return weight(action) > weight(than);
}

static void answer_take(struct explained_listener *into, const struct explained_listener *one)
{
	into->answer = one->answer;
	into->pair = one->pair;
}

/* Evaluates the sources from |*at| on that are of one network namespace, with each of |targets|.
 * False: the kernel cannot decide. */
static bool namespace_evaluate(struct evaluation *q, uint32_t *at, const struct weft_place *targets,
			       uint32_t count, struct explained_listener *ret)
{
	uint32_t first = *at;
	bool several = false;

	for (; *at < q->sources.count &&
	       q->sources.items[*at].netns_ino == q->sources.items[first].netns_ino;
	     ++*at)
		for (uint32_t i = 0; i < count; i++) {
			struct cell_pair pair = {q->sources.items[*at].cell, targets[i].identity};
			struct explained_listener one;

			if (!kernel_evaluate(q->mesh, q->kernel, q->query, &pair, &one, &several))
				return false;
			q->e->several |= several;
			if ((*at == first && !i) || is_worse(one.answer.action, ret->answer.action))
				answer_take(ret, &one);
		}
	return true;
}

/* Adds the answer of another end that has these addresses, too. */
static void merge(struct explained_listener *into, bool first, const struct explained_listener *one,
		  struct explained *e)
{
	e->differs |= !first && into->answer.action != one->answer.action;
	if (first || one->answer.action == WEFT_ACTION_DENY)
		answer_take(into, one);
}

/* Evaluates one target, which may be each of |targets|. False: the kernel cannot decide. */
static bool target_evaluate(struct evaluation *q, const struct weft_place *targets, uint32_t count,
			    struct explained_listener *ret)
{
	struct explained_listener one;

	for (uint32_t at = 0; at < q->sources.count;) {
		bool first = !at;

		if (!namespace_evaluate(q, &at, targets, count, &one))
			return false;
		merge(ret, first, &one, q->e);
	}
	return true;
}

static bool is_same_socket(const struct weft_place *a, const struct weft_place *b)
{
	return a->netns_ino == b->netns_ino && a->protocol == b->protocol &&
	       a->owner.pid == b->owner.pid;
}

/* Evaluates each listener. False: the kernel cannot decide. */
static bool listeners_evaluate(struct evaluation *q, const struct weft_place *places,
			       uint32_t count, struct explained_listener *ret)
{
	for (uint32_t first = 0, end; first < count; first = end) {
		struct explained_listener *l = &q->e->listeners[q->e->listener_count++];

		for (end = first + 1; end < count && is_same_socket(&places[first], &places[end]);)
			end++;
		l->place = places[first];
		if (!target_evaluate(q, &places[first], end - first, l))
			return false;
		merge(ret, !first, l, q->e);
	}
	return true;
}

/* 1: answered; 0: the kernel cannot decide; or -ENOMEM. */
static int all_evaluate(struct evaluation *q, struct weft_place *places)
{
	struct weft_place known = {.identity = cell_of(q->kernel->names, &q->query->target)};
	struct explained_listener whole = {0};
	uint32_t count = 0;
	bool answered;

	sources_find(q->kernel, q->query, places, &q->sources);
	if (is_no_workload(&q->query->target) &&
	    listeners_find(q->kernel, q->query, places, q->e, &count))
		return -ENOMEM;
	answered = count ? listeners_evaluate(q, places, count, &whole)
			 : target_evaluate(q, &known, 1, &whole);
	q->e->pair = whole.pair;
	q->e->answer = whole.answer;
	if (q->e->differs)
		q->e->answer.action = WEFT_ACTION_OPEN;
	return answered;
}

static int answer_by_kernel(const struct mesh *m, const struct explain_kernel *kernel,
			    const struct query *query, struct explained *e)
{
	struct weft_place *places = calloc(WHERE_PLACES_MAX, sizeof(*places));
	struct evaluation q = {.mesh = m, .kernel = kernel, .query = query, .e = e};
	int code = places ? all_evaluate(&q, places) : -ENOMEM;

	free(places);
	return code;
}

/* ---- the model's */

static bool knows_programs(const struct mesh *m)
{
	for (uint32_t i = 0; i < m->matcher_count; i++)
		if (!mesh_matcher_is_prefix(&m->matchers[i]))
			return true;
	return false;
}

static int answer_by_model(const struct mesh *m, const struct query *query, struct explained *e,
			   struct error *err)
{
	int code = explain_ask_all(m, &query->source.ends, &query->target.ends, query->port,
				   &e->pair, &e->answer, err);

	if (code || !is_no_workload(&query->target) || !knows_programs(m))
		return code;
	e->target = EXPLAINED_FILES;
	e->answer.action = WEFT_ACTION_OPEN;
	return 0;
}

/* A connection has one family: workloads take part with their address of that which the other end
 * has. A source that is not known to have one may have it all the same. */
static int agree(const struct mesh *m, struct query *query, struct error *err)
{
	const uint8_t *source = query->source.ends.address, *target = query->target.ends.address;
	enum family of_source = family_of(source), of_target = family_of(target);
	uint32_t from = query->source.named, to = query->target.named;

	if (!is_given(source) || !is_given(target) || of_source == of_target)
		return 0;
	if (to != MESH_NONE && address_of(m, &m->workloads[to], of_source) &&
	    (from == MESH_NONE || !address_of(m, &m->workloads[from], of_target)))
		query->target = end_of_workload(m, to, query->port, of_source);
	else if (from != MESH_NONE)
		query->source = end_of_workload(m, from, 0, of_target);
	else
		return ends_agree(source, target, err);
	return 0;
}

static int find_one(const struct mesh *m, const struct explain_kernel *kernel,
		    const struct query *query, struct explained *ret, struct error *err)
{
	int code = 0;

	*ret = (struct explained){.port = query->port};
	if (kernel)
		code = answer_by_kernel(m, kernel, query, ret);
	if (code < 0)
		return error_set(err, code, "no memory");
	if (code)
		return 0;
	explained_free(ret); /* of another generation, or not filled in */
	ret->port = query->port;
	return answer_by_model(m, query, ret, err);
}

/* ---- names of several */

static bool is_same_answer(const struct explained *a, const struct explained *b)
{
	return a->answer.action == b->answer.action && a->answer.policy == b->answer.policy &&
	       a->answer.rule == b->answer.rule && a->answer.ends == b->answer.ends;
}

/* |evaluated|: else there are too many pairs to evaluate. */
static int say_which(const char *name, const struct query_ends *ends, bool evaluated,
		     struct error *err)
{
	char list[120] = "", text[INET6_ADDRSTRLEN];
	size_t used = 0;

	for (uint32_t i = 0; i < ends->count && used + sizeof(text) + 8 < sizeof(list); i++) {
		bool last = i + 1 == ends->count;

		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
					 address_text(ends->items[i].ends.address, text),
					 last ? "" : ", ");
	}
	return error_set(
		err, -EEXIST, "%u workloads are called \"%.50s\"%s: say the address of one: %s%s",
		ends->count, name, evaluated ? ", and policies do not say the same of all" : "",
		list, used && list[used - 1] == ' ' ? "..." : "");
}

/* Evaluates each source with each target. 1: their answers differ. */
static int find_all(const struct mesh *m, const struct explain_kernel *kernel,
		    const struct query_ends *sources, const struct query_ends *targets,
		    uint16_t port, struct explained *ret, struct error *err)
{
	for (uint32_t i = 0; i < sources->count * targets->count; i++) {
		struct query query = {sources->items[i / targets->count],
				      targets->items[i % targets->count], port};
		struct explained one = {0};
		int code = agree(m, &query, err);

		if (!code)
			code = find_one(m, kernel, &query, i ? &one : ret, err);
		if (!code && i)
			code = !is_same_answer(&one, ret);
		if (i)
			explained_free(&one);
		if (code)
			return code;
	}
	return 0;
}

int explain_find(const struct mesh *m, const struct explain_kernel *kernel, const char *from,
		 const char *to, const char *port, struct explained *ret, struct error *err)
{
	struct query_ends sources, targets;
	uint16_t number = 0;
	bool evaluated;
	int code;

	*ret = (struct explained){0};
	code = port_parse(port, &number, err);
	if (!code)
		code = ends_find(m, from, 0, &sources, err);
	if (!code)
		code = ends_find(m, to, number, &targets, err);
	if (code)
		return code;
	evaluated = sources.count * targets.count <= PAIRS_MAX;
	if (evaluated)
		code = find_all(m, kernel, &sources, &targets, number, ret, err);
	if (evaluated && code <= 0)
		return code;
	return targets.count > 1 ? say_which(to, &targets, evaluated, err)
				 : say_which(from, &sources, evaluated, err);
}

void explained_free(struct explained *e)
{
	free(e->listeners);
	*e = (struct explained){0};
}
