// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Traffic policies: which DestinationRule is whose, and what it says with all defaults. */
#include "mesh-config/resolve/resolve.h"
#include "mesh-config/schema/annotations.h"

/* ---- whose */

static void rule_lost(struct resolve *r, const struct draft *loser, const struct draft *winner)
{
	const struct draft_destination_rule *spec = loser->spec;

	resolve_problem(r, loser, PROBLEM_CONFLICT, spec->host.at,
			"host \"%s\" has a DestinationRule of another namespace, "
			"which is used",
			spec->host.text);
	problem_hint(r->problems, "%s in %s:%u", winner->title, winner->file->name,
		     winner->at.line);
}

static void rules_collide(struct resolve *r, const struct draft *d, struct place at,
			  const char *what, const char *name, const struct draft *before)
{
	const struct draft_destination_rule *spec = d->spec;

	resolve_problem(r, d, PROBLEM_UNMERGED, at, "another DestinationRule of \"%s\" has %s%s",
			spec->host.text, what, name);
	problem_hint(r->problems, "%s in %s:%u", before->title, before->file->name,
		     before->at.line);
}

static void subsets_compare(struct resolve *r, const struct draft *d, const struct draft *before)
{
	const struct draft_destination_rule *spec = d->spec, *other = before->spec;
	const struct draft_subset *mine = spec->subsets.items, *theirs = other->subsets.items;

	for (uint32_t i = 0; i < spec->subsets.count; i++)
		for (uint32_t j = 0; j < other->subsets.count; j++)
			if (mine[i].name.text == theirs[j].name.text)
				rules_collide(r, d, mine[i].name.at, "the subset ",
					      mine[i].name.text, before);
}

/* As Istio merges rules of one host and namespace: subsets of all, the traffic policy of the one
 * that has it. What two of them say Istio takes from the older one; that age is not known here. */
static void rule_merge(struct resolve *r, struct service_work *w, struct draft *d)
{
	struct draft_destination_rule *spec = d->spec, *other = NULL;

	for (struct draft *before = w->rules; before; before = rule_next(before)) {
		other = before->spec;
		subsets_compare(r, d, before);
		if (spec->traffic && other->traffic)
			rules_collide(r, d, spec->traffic->at, "a trafficPolicy", "", before);
	}
	spec->next = NULL;
	*(other ? &other->next : &w->rules) = d;
	w->rules_mark += (uintptr_t)d;
}

/* Rules of the service's own namespace go before those of others, as to Istio's clients there. */
static void rule_assign(struct resolve *r, struct draft *d)
{
	const struct draft_destination_rule *spec = d->spec;
	const struct draft *before;
	struct service_work *w;
	uint32_t service;

	if (strchr(spec->host.text, '*')) {
		resolve_problem(r, d, PROBLEM_UNSUPPORTED, spec->host.at,
				"rules for hosts by wildcard are not supported");
		return;
	}
	service = host_require(r, d, PROBLEM_LOST_OBJECT, &spec->host);
	if (service == MESH_NONE)
		return;
	w = &r->work[service];
	before = w->rules;
	if (before && before->namespace_name != d->namespace_name) {
		if (d->namespace_name != w->draft->namespace_name) {
			rule_lost(r, d, before);
			return;
		}
		for (; before; before = rule_next(before))
			rule_lost(r, before, d);
		w->rules = NULL;
		w->rules_mark = 0;
	}
	rule_merge(r, w, d);
}

static void detection_assign(struct resolve *r, struct draft *d)
{
	const struct draft_outlier_detection *spec = d->spec;
	uint32_t service = host_require(r, d, PROBLEM_NO_SERVICE, &spec->host);

	if (service == MESH_NONE)
		return;
	if (r->work[service].detection)
		resolve_problem(r, d, PROBLEM_CONFLICT, spec->host.at,
				"host \"%s\" has another OutlierDetection, which is used",
				spec->host.text);
	else
		r->work[service].detection = d;
}

/* What is said of a host is said of all services that have it. */
static void twin_follow(struct resolve *r, uint32_t service)
{
	struct service_work *w = &r->work[service];
	const struct service_work *first;

	if (w->twin_first == MESH_NONE || w->twin_first == service)
		return;
	first = &r->work[w->twin_first];
	w->rules = first->rules;
	w->rules_mark = first->rules_mark;
	w->detection = first->detection;
}

void resolve_rules(struct resolve *r)
{
	uint32_t count;
	struct draft *const *drafts = drafts_of(r, KIND_DESTINATION_RULE, &count);

	for (uint32_t i = 0; i < count && !r->failed; i++)
		rule_assign(r, drafts[i]);
	drafts = drafts_of(r, KIND_OUTLIER_DETECTION, &count);
	for (uint32_t i = 0; i < count && !r->failed; i++)
		detection_assign(r, drafts[i]);
	for (uint32_t i = 0; i < ROWS_END(r, services) && !r->failed; i++)
		twin_follow(r, i);
}

/* ---- what it says */

static struct mesh_traffic default_traffic(struct resolve *r)
{
	struct reading reading = {&r->arena, r->pool, r->problems};
	struct draft_outlier outlier = {0};
	struct draft_limits limits = {0};

	schema_defaults(&reading, &outlier_schema, &outlier);
	schema_defaults(&reading, &limits_schema, &limits);
	return (struct mesh_traffic){.balance = MESH_BALANCE_LEAST_REQUEST,
				     .locality_enabled = true,
				     .maglev_size = MESH_MAGLEV_SLOTS,
				     .limits = limits.value,
				     .outlier = outlier.value};
}

static uint8_t balance_of(const struct draft_balancer *b)
{
	static const uint8_t words[] = {
		[BALANCE_WORD_UNSPECIFIED] = MESH_BALANCE_LEAST_REQUEST,
		[BALANCE_WORD_LEAST_CONN] = MESH_BALANCE_LEAST_REQUEST,
		[BALANCE_WORD_RANDOM] = MESH_BALANCE_RANDOM,
		[BALANCE_WORD_PASSTHROUGH] = MESH_BALANCE_PASSTHROUGH,
		[BALANCE_WORD_ROUND_ROBIN] = MESH_BALANCE_ROUND_ROBIN,
		[BALANCE_WORD_LEAST_REQUEST] = MESH_BALANCE_LEAST_REQUEST,
	};

	return b->hash ? MESH_BALANCE_MAGLEV_SOURCE : words[b->simple];
}

static struct mesh_locality locality_of_text(struct resolve *r, const char *text)
{
	const struct mesh_locality *l = pool_locality(r->pool, slice_of(text));

	r->failed |= !l;
	return l ? *l : (struct mesh_locality){pool_empty, pool_empty, pool_empty};
}

static void locality_fill(struct resolve *r, struct mesh_traffic *t,
			  const struct draft_locality_setting *s)
{
	const struct draft_distribute *distribute = s->distribute.items;
	const struct draft_failover *failover = s->failover.items;

	t->locality_enabled = s->enabled != 0;
	t->distribute_first = ROWS_END(r, distributes);
	t->failover_first = ROWS_END(r, failovers);
	t->distribute_count = t->failover_count = 0;
	for (uint32_t i = 0; i < s->distribute.count && t->locality_enabled; i++) {
		const struct draft_number *to = distribute[i].to.items;

		for (uint32_t j = 0; j < distribute[i].to.count; j++, t->distribute_count++)
			*ROW_ADD(r, distributes, struct mesh_distribute) = (struct mesh_distribute){
				distribute[i].from ? *distribute[i].from : locality_of_text(r, "*"),
				locality_of_text(r, to[j].key), to[j].value};
	}
	for (uint32_t i = 0; i < s->failover.count && t->locality_enabled; i++, t->failover_count++)
		*ROW_ADD(r, failovers, struct mesh_failover) =
			(struct mesh_failover){failover[i].from, failover[i].to};
	if (!t->distribute_count)
		t->distribute_first = 0;
	if (!t->failover_count)
		t->failover_first = 0;
}

/* The rule that has the annotation |name|; NULL: none. */
static const struct draft *annotated(const struct draft *rules, const char *name)
{
	while (rules && !mesh_labels_find(rules->annotations, name))
		rules = rule_next(rules);
	return rules;
}

static struct mesh_outlier outlier_of(const struct draft *rules, const struct draft_outlier *from)
{
	static const char close[] = "weft.dev/close-ejected";
	const struct draft *d = annotated(rules, close);
	struct mesh_outlier o = from->value;

	o.enabled = true;
	o.close_connections = d && annotation_is_true(d->annotations, close);
	return o;
}

/* |t| with what |from| says instead, part by part. */
static struct mesh_traffic traffic_over(struct resolve *r, const struct draft *rules,
					struct mesh_traffic t, const struct draft_traffic *from)
{
	if (from->balancer) {
		const struct draft_balancer *b = from->balancer;

		t.balance = balance_of(b);
		t.maglev_size = b->hash && b->hash->maglev ? b->hash->maglev->table_size
							   : MESH_MAGLEV_SLOTS;
		t.locality_enabled = true;
		t.locality_written = b->locality != NULL;
		t.distribute_first = t.distribute_count = 0;
		t.failover_first = t.failover_count = 0;
		if (b->locality)
			locality_fill(r, &t, b->locality);
	}
	if (from->pool)
		t.limits = from->pool->tcp ? from->pool->tcp->value : (struct mesh_limits){0};
	if (from->outlier)
		t.outlier = outlier_of(rules, from->outlier);
	return t;
}

/* What is no number was said when the rule was read. */
static uint32_t connect_rate_of(const struct draft *rules)
{
	static const char name[] = "weft.dev/connect-rate";
	const struct draft *d = annotated(rules, name);
	const char *text = d ? mesh_labels_find(d->annotations, name) : "";
	uint32_t rate = 0;

	return number_parse(slice_of(text), &rate) ? rate : 0;
}

uint32_t traffic_add(struct resolve *r, const struct draft *rules, uint32_t base,
		     const struct draft_traffic *from)
{
	uint32_t index = ROWS_END(r, traffic);
	struct mesh_traffic t =
		base < index ? ROWS(r, traffic, struct mesh_traffic)[base] : default_traffic(r);

	if (from)
		t = traffic_over(r, rules, t, from);
	if (rules)
		t.connect_rate = connect_rate_of(rules);
	*ROW_ADD(r, traffic, struct mesh_traffic) = t;
	return r->failed ? 0 : index;
}

/* ---- OutlierDetection */

static uint32_t thousandths(const struct draft_factor *f)
{
	return f ? (uint32_t)(f->factor * 1000 + 0.5) : 0;
}

void outlier_add(struct mesh_outlier *o, const struct draft *d)
{
	const struct draft_outlier_detection *from = d->spec;

	if (!o->enabled)
		o->consecutive_5xx = o->consecutive_gateway_errors = 0;
	o->enabled = true;
	o->compare = from->value;
	o->compare.success_rate_stdev_factor = thousandths(from->success_rate);
	o->compare.latency_factor = thousandths(from->latency);
}
