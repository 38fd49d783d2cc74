// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Walks both models side by side; what has the same hash is not looked at. */
#include "mesh-config/tools/diff.h"

#include "mesh-config/schema/draft_signals.h"
#include "mesh-config/schema/draft_traffic.h"
#include "mesh-config/schema/draft_workload.h"
#include "mesh-config/tools/diff_matchers.h"
#include "mesh-config/tools/diff_text.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct diff {
	const struct mesh *old, *new;
	void (*visit)(void *arg, const struct diff_line *line);
	void *arg;
	uint32_t count;
	char object[256];   /* the one that is looked at */
	const char *within; /* of the object: "subset v1 "; "" */
	/* matchers by workload */
	struct mesh_matcher *old_matchers, *new_matchers;
};

static void tell(struct diff *d, char sign, const char *what)
{
	struct diff_line line = {sign, d->object, what};

	d->count++;
	d->visit(d->arg, &line);
}

/* ---- values of an object */

static void compare_texts(struct diff *d, const char *what, const char *old, const char *new)
{
	struct diff_text t = {.used = 0};

	if (!strcmp(old, new))
		return;
	diff_text_add(&t, "%s%s %s to %s", d->within, what, old[0] ? old : "none",
		      new[0] ? new : "none");
	tell(d, '~', t.text);
}

static void compare_numbers(struct diff *d, const char *what, uint32_t old, uint32_t new)
{
	struct diff_text t = {.used = 0};

	if (old == new)
		return;
	diff_text_add(&t, "%s%s %u to %u", d->within, what, old, new);
	tell(d, '~', t.text);
}

static void compare_reals(struct diff *d, const char *what, double old, double new)
{
	struct diff_text t = {.used = 0};

	if (old == new)
		return;
	diff_text_add(&t, "%s%s %g to %g", d->within, what, old, new);
	tell(d, '~', t.text);
}

static void compare_labels(struct diff *d, const char *what, const struct mesh_labels *old,
			   const struct mesh_labels *new)
{
	struct diff_text a, b;

	diff_text_labels(&a, old);
	diff_text_labels(&b, new);
	compare_texts(d, what, a.text, b.text);
}

static void compare_localities(struct diff *d, const struct mesh_locality *old,
			       const struct mesh_locality *new)
{
	struct diff_text a, b;

	diff_text_locality(&a, old);
	diff_text_locality(&b, new);
	compare_texts(d, "locality", a.text, b.text);
}

static void compare_field(struct diff *d, const struct field *f, const void *old, const void *new)
{
	const char *name = f->label ? f->label : f->name;
	char text[64];

	switch ((enum field_type)f->type) {
	case FIELD_TEXT:
		compare_texts(d, name, *(const char *const *)old, *(const char *const *)new);
		break;
	case FIELD_LOCALITY:
		compare_localities(d, *(const struct mesh_locality *const *)old,
				   *(const struct mesh_locality *const *)new);
		break;
	case FIELD_DURATION:
		snprintf(text, sizeof(text), f->min < 1000 ? "%s (ms)" : "%s (s)", name);
		compare_numbers(d, text, *(const uint32_t *)old / (f->min < 1000 ? 1 : 1000),
				*(const uint32_t *)new / (f->min < 1000 ? 1 : 1000));
		break;
	case FIELD_REAL:
		compare_reals(d, name, *(const double *)old, *(const double *)new);
		break;
	case FIELD_NUMBER:
		compare_numbers(d, name, *(const uint32_t *)old, *(const uint32_t *)new);
		break;
	case FIELD_BOOL:
		compare_numbers(d, name, *(const int8_t *)old > 0, *(const int8_t *)new > 0);
		break;
	default:
		break;
	}
}

/* Of a structure that the model has from the table of |schema|. */
static void compare_fields(struct diff *d, const struct schema *schema, const void *old,
			   const void *new)
{
	for (uint32_t i = 0; i < schema->count; i++) {
		const struct field *f = &schema->fields[i];
		size_t offset = f->offset - schema->value;

		if (schema_is_of_value(schema, f))
			compare_field(d, f, (const char *)old + offset, (const char *)new + offset);
	}
}

/* ---- lists of an object: |text| says what is in each */

struct list {
	const struct mesh *mesh;
	uint32_t first, count;
	diff_item_text *text;
};

static bool list_has(const struct list *l, const char *wanted)
{
	struct diff_text t;

	for (uint32_t i = 0; i < l->count; i++) {
		l->text(l->mesh, l->first + i, &t);
		if (!strcmp(t.text, wanted))
			return true;
	}
	return false;
}

static void tell_missing(struct diff *d, const char *what, const struct list *from,
			 const struct list *in, const char *happened)
{
	struct diff_text t, line;

	for (uint32_t i = 0; i < from->count; i++) {
		from->text(from->mesh, from->first + i, &t);
		if (list_has(in, t.text))
			continue;
		line.used = 0;
		diff_text_add(&line, "%s%s %s %s", d->within, what, t.text, happened);
		tell(d, '~', line.text);
	}
}

static void compare_lists(struct diff *d, const char *what, const struct list *old,
			  const struct list *new)
{
	tell_missing(d, what, old, new, "went");
	tell_missing(d, what, new, old, "came");
}

/* The rows |one|_first, |one|_count of two objects. */
#define COMPARE_LISTS(d, what, a, b, one, text)                                                    \
	compare_lists(d, what,                                                                     \
		      &(const struct list){(d)->old, (a)->one##_first, (a)->one##_count, text},    \
		      &(const struct list){(d)->new, (b)->one##_first, (b)->one##_count, text})

/* ---- services */

static void compare_outlier(struct diff *d, const struct mesh_outlier *old,
			    const struct mesh_outlier *new)
{
	compare_numbers(d, "outlierDetection", old->enabled, new->enabled);
	compare_fields(d, &outlier_schema, old, new);
	compare_numbers(d, "closes connections of ejected", old->close_connections,
			new->close_connections);
	compare_numbers(d, "stdevFactor (1/1000)", old->compare.success_rate_stdev_factor,
			new->compare.success_rate_stdev_factor);
	compare_numbers(d, "medianFactor (1/1000)", old->compare.latency_factor,
			new->compare.latency_factor);
	compare_fields(d, &outlier_detection_schema, &old->compare, &new->compare);
}

static void compare_traffic(struct diff *d, uint32_t old, uint32_t new)
{
	const struct mesh_traffic *a = &d->old->traffic[old], *b = &d->new->traffic[new];

	compare_texts(d, "balance", diff_balance_name(a->balance), diff_balance_name(b->balance));
	compare_numbers(d, "locality failover", mesh_fails_over(a), mesh_fails_over(b));
	compare_numbers(d, "maglev table", a->maglev_size, b->maglev_size);
	COMPARE_LISTS(d, "distribution", a, b, distribute, diff_text_distribute);
	COMPARE_LISTS(d, "failover", a, b, failover, diff_text_failover);
}

/* Of whole services only. */
static void compare_limits(struct diff *d, const struct mesh_traffic *a,
			   const struct mesh_traffic *b)
{
	compare_fields(d, &limits_schema, &a->limits, &b->limits);
	compare_numbers(d, "connect rate", a->connect_rate, b->connect_rate);
	compare_outlier(d, &a->outlier, &b->outlier);
}

/* Of subsets that are in both; those that came or went are told as such. */
static void compare_subsets(struct diff *d, const struct mesh_service *a,
			    const struct mesh_service *b)
{
	struct diff_text within;

	for (uint32_t i = 0; i < a->subset_count; i++)
		for (uint32_t j = 0; j < b->subset_count; j++) {
			const struct mesh_subset *x = &d->old->subsets[a->subset_first + i];
			const struct mesh_subset *y = &d->new->subsets[b->subset_first + j];

			if (strcmp(x->name, y->name) != 0 ||
			    (x->traffic == a->traffic && y->traffic == b->traffic))
				continue;
			within.used = 0;
			diff_text_add(&within, "subset %s ", x->name);
			d->within = within.text;
			compare_traffic(d, x->traffic, y->traffic);
			d->within = "";
		}
}

static void tell_endpoint(struct diff *d, const struct mesh_endpoint *e, const char *happened)
{
	struct diff_text address, line = {.used = 0};

	diff_text_address(&address, e->address);
	diff_text_add(&line, "endpoint %s %s", address.text, happened);
	tell(d, '~', line.text);
}

static void compare_endpoint(struct diff *d, const struct mesh_endpoint *old,
			     const struct mesh_endpoint *new)
{
	struct diff_text a, b, line = {.used = 0};

	diff_text_endpoint(&a, d->old, old);
	diff_text_endpoint(&b, d->new, new);
	if (!strcmp(a.text, b.text))
		return;
	diff_text_add(&line, "%s to %s", a.text, b.text);
	tell_endpoint(d, new, line.text);
}

/* Both are ascending by address. */
static void compare_endpoints(struct diff *d, const struct mesh_service *old,
			      const struct mesh_service *new)
{
	const struct mesh_endpoint *a = d->old->endpoints + old->endpoint_first;
	const struct mesh_endpoint *b = d->new->endpoints + new->endpoint_first;
	const struct mesh_endpoint *a_end = a + old->endpoint_count;
	const struct mesh_endpoint *b_end = b + new->endpoint_count;
	int order;

	while (a < a_end || b < b_end) {
		order = a == a_end ? 1 : b == b_end ? -1 : memcmp(a->address, b->address, 16);
		if (order < 0)
			tell_endpoint(d, a++, "went");
		else if (order > 0)
			tell_endpoint(d, b++, "came");
		else
			compare_endpoint(d, a++, b++);
	}
}

static void compare_service(struct diff *d, uint32_t old, uint32_t new)
{
	const struct mesh_service *a = &d->old->services[old], *b = &d->new->services[new];
	uint32_t before = d->count;

	if (d->old->service_hashes[old] == d->new->service_hashes[new])
		return;
	COMPARE_LISTS(d, "address", a, b, vip, diff_text_vip);
	COMPARE_LISTS(d, "host", a, b, host, diff_text_host);
	COMPARE_LISTS(d, "port", a, b, port, diff_text_port);
	COMPARE_LISTS(d, "subset", a, b, subset, diff_text_subset);
	COMPARE_LISTS(d, "route", a, b, route, diff_text_route);
	compare_endpoints(d, a, b);
	compare_traffic(d, a->traffic, b->traffic);
	compare_limits(d, &d->old->traffic[a->traffic], &d->new->traffic[b->traffic]);
	compare_subsets(d, a, b);
	compare_numbers(d, "session affinity (s)", a->session_affinity_s, b->session_affinity_s);
	compare_numbers(d, "trafficDistribution", a->prefers, b->prefers);
	compare_numbers(d, "acceleration", a->acceleration, b->acceleration);
	compare_numbers(d, "left alone", a->resolution == MESH_UNCHANGED,
			b->resolution == MESH_UNCHANGED);
	if (d->count == before)
		tell(d, '~', "changed");
}

/* ---- workloads and policies */

static void tell_matchers(struct diff *d, const struct diff_matchers *from,
			  const struct diff_matchers *in, const char *happened)
{
	struct diff_text text, line;

	for (uint32_t i = from->first; i < from->end; i++) {
		diff_text_matcher(&text, &from->sorted[i]);
		if (diff_matchers_have(in, text.text))
			continue;
		line.used = 0;
		diff_text_add(&line, "match %s %s", text.text, happened);
		tell(d, '~', line.text);
	}
}

static void compare_matchers(struct diff *d, uint32_t old, uint32_t new)
{
	struct diff_matchers a = diff_matchers_of(d->old, d->old_matchers, old);
	struct diff_matchers b = diff_matchers_of(d->new, d->new_matchers, new);

	tell_matchers(d, &a, &b, "went");
	tell_matchers(d, &b, &a, "came");
}

static void compare_workload(struct diff *d, uint32_t old, uint32_t new)
{
	const struct mesh_workload *a = &d->old->workloads[old], *b = &d->new->workloads[new];
	uint32_t before = d->count;

	compare_matchers(d, old, new);
	if (d->old->workload_hashes[old] == d->new->workload_hashes[new])
		return;
	compare_texts(d, "serviceAccount", a->service_account, b->service_account);
	compare_labels(d, "labels", a->labels, b->labels);
	compare_localities(d, &a->locality, &b->locality);
	COMPARE_LISTS(d, "address", a, b, address, diff_text_workload_address);
	if (d->count == before)
		tell(d, '~', "changed");
}

static void compare_policy(struct diff *d, uint32_t old, uint32_t new)
{
	const struct mesh_policy *a = &d->old->policies[old], *b = &d->new->policies[new];
	uint32_t before = d->count;

	if (a->hash == b->hash)
		return;
	compare_texts(d, "action", diff_action_name(a->action), diff_action_name(b->action));
	compare_numbers(d, "dry run", a->dry_run, b->dry_run);
	compare_numbers(d, "ends connections", a->end_connections, b->end_connections);
	compare_labels(d, "selector", a->selector, b->selector);
	COMPARE_LISTS(d, "rule", a, b, rule, diff_text_rule);
	if (d->count == before)
		tell(d, '~', "rules changed");
}

/* ---- signals */

static void compare_telemetry(struct diff *d, uint32_t old, uint32_t new)
{
	if (d->old->telemetries[old].hash != d->new->telemetries[new].hash)
		tell(d, '~', "changed");
}

static void compare_objective(struct diff *d, uint32_t old, uint32_t new)
{
	const struct mesh_objective *a = &d->old->objectives[old];
	const struct mesh_objective *b = &d->new->objectives[new];

	compare_texts(d, "service", d->old->services[a->service].name,
		      d->new->services[b->service].name);
	compare_fields(d, &objective_schema, &a->promise, &b->promise);
}

/* ---- objects of a kind, ascending by namespace and name in both */

struct kind {
	const char *name;
	size_t items, count; /* in struct mesh */
	size_t size_bytes;   /* of an item */
	size_t names[2];     /* in an item */
	void (*compare)(struct diff *d, uint32_t old, uint32_t new);
};

/* X(one, many) */
#define KINDS(X)                                                                                   \
	X(service, services)                                                                       \
	X(workload, workloads)                                                                     \
	X(policy, policies)                                                                        \
	X(telemetry, telemetries)                                                                  \
	X(objective, objectives)

static const struct kind kinds[] = {
#define X(one, many)                                                                               \
	{#one,                                                                                     \
	 offsetof(struct mesh, many),                                                              \
	 offsetof(struct mesh, one##_count),                                                       \
	 sizeof(struct mesh_##one),                                                                \
	 {offsetof(struct mesh_##one, namespace_name), offsetof(struct mesh_##one, name)},         \
	 compare_##one},
	KINDS(X)
#undef X
};

static uint32_t count_of(const struct kind *kind, const struct mesh *m)
{
	return *(const uint32_t *)((const char *)m + kind->count);
}

static void names_of(const struct kind *kind, const struct mesh *m, uint32_t i, const char *ret[2])
{
	const char *items = *(const char *const *)((const char *)m + kind->items);

	for (unsigned n = 0; n < 2; n++)
		ret[n] = *(const char *const *)(items + i * kind->size_bytes + kind->names[n]);
}

static int compare_names(const char *const a[2], const char *const b[2])
{
	int order = strcmp(a[0], b[0]);

	return order ? order : strcmp(a[1], b[1]);
}

/* Inline endpoints are workloads without a name: their services tell of them. */
static uint32_t skip_unnamed(const struct kind *kind, const struct mesh *m, uint32_t i,
			     const char *ret_names[2])
{
	for (; i < count_of(kind, m); i++) {
		names_of(kind, m, i, ret_names);
		if (ret_names[1][0])
			break;
	}
	return i;
}

static void compare_kind(struct diff *d, const struct kind *kind)
{
	uint32_t a = 0, a_end = count_of(kind, d->old), b = 0, b_end = count_of(kind, d->new);
	const char *old[2] = {"", ""}, *new[2] = {"", ""};
	int order;

	for (;;) {
		a = skip_unnamed(kind, d->old, a, old);
		b = skip_unnamed(kind, d->new, b, new);
		if (a == a_end && b == b_end)
			return;
		order = a == a_end ? 1 : b == b_end ? -1 : compare_names(old, new);
		snprintf(d->object, sizeof(d->object), "%s %s/%s", kind->name,
			 order > 0 ? new[0] : old[0], order > 0 ? new[1] : old[1]);
		if (!order)
			kind->compare(d, a, b);
		else
			tell(d, order < 0 ? '-' : '+', "");
		a += order <= 0;
		b += order >= 0;
	}
}

int mesh_diff(const struct mesh *old, const struct mesh *new,
	      void (*visit)(void *arg, const struct diff_line *line), void *arg)
{
	struct diff d = {.old = old,
			 .new = new,
			 .visit = visit,
			 .arg = arg,
			 .within = "",
			 .old_matchers = diff_matchers_sort(old),
			 .new_matchers = diff_matchers_sort(new)};
	bool failed = !d.old_matchers || !d.new_matchers;

	if (!failed && old->hash != new->hash) {
		snprintf(d.object, sizeof(d.object), "settings");
		compare_fields(&d, &settings_schema, &old->settings, &new->settings);
		for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			compare_kind(&d, &kinds[i]);
	}
	free(d.old_matchers);
	free(d.new_matchers);
	return failed ? -ENOMEM : (int)d.count;
}
