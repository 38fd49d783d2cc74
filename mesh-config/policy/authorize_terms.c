// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Terms of policies to steps. Texts are matched here, against every name that a source can have:
 * the kernel half only tests bits. */
#include "mesh-config/policy/authorize_terms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* A name and the number behind it; sets are sorted by name. */
struct name {
	char *text;
	uint32_t number;
};

struct name_set {
	struct name *items;
	uint32_t count;
};

struct terms {
	const struct mesh *mesh;
	struct steps *steps;
	struct name_set namespaces;
	struct name_set principals;  /* TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT */
	struct name_set accounts;    /* NAMESPACE/ACCOUNT */
	struct weft_mesh_step *bits; /* room for a bit of every number, of every port */
	uint32_t bit_cells;
};

static int name_compare(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

static void names_free(struct name_set *set)
{
	for (uint32_t i = 0; i < set->count; i++)
		free(set->items[i].text);
	free(set->items);
}

static int names_add(struct name_set *set, uint32_t number, char *text)
{
	if (!text)
		return -ENOMEM;
	set->items[set->count++] = (struct name){text, number};
	return 0;
}

static char *principal_text(const struct mesh *m, const struct identity_principal *p)
{
	char *text;

	if (asprintf(&text, "%s/ns/%s/sa/%s", m->settings.trust_domain, p->namespace_name,
		     p->service_account) < 0)
		return NULL;
	return text;
}

static char *account_text(const struct identity_principal *p)
{
	char *text;

	return asprintf(&text, "%s/%s", p->namespace_name, p->service_account) < 0 ? NULL : text;
}

/* Who has no account has no principal: it is left out. */
static int names_fill(struct terms *t, const struct identity_view *view)
{
	const struct identity_principal *p;
	int code = 0;

	for (uint32_t i = 0; i < view->namespace_count && !code; i++)
		if (view->namespaces[i])
			code = names_add(&t->namespaces, i, strdup(view->namespaces[i]));
	for (uint32_t i = 0; i < view->principal_count && !code; i++) {
		p = &view->principals[i];
		if (!p->namespace_name || !*p->service_account)
			continue;
		code = names_add(&t->principals, i, principal_text(t->mesh, p));
		if (!code)
			code = names_add(&t->accounts, i, account_text(p));
	}
	qsort(t->namespaces.items, t->namespaces.count, sizeof(struct name), name_compare);
	qsort(t->principals.items, t->principals.count, sizeof(struct name), name_compare);
	qsort(t->accounts.items, t->accounts.count, sizeof(struct name), name_compare);
	return code;
}

struct terms *terms_new(const struct mesh *m, const struct identity_view *view, struct steps *steps)
{
	uint32_t numbers = MAX(MAX(view->namespace_count, view->principal_count), 65536);
	struct terms *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->mesh = m;
	t->steps = steps;
	t->bit_cells = (numbers + WEFT_CELL_BITS - 1) / WEFT_CELL_BITS;
	t->bits = calloc(t->bit_cells, sizeof(*t->bits));
	t->namespaces.items = calloc(view->namespace_count + 1, sizeof(struct name));
	t->principals.items = calloc(view->principal_count + 1, sizeof(struct name));
	t->accounts.items = calloc(view->principal_count + 1, sizeof(struct name));
	if (t->bits && t->namespaces.items && t->principals.items && t->accounts.items &&
	    !names_fill(t, view))
		return t;
	terms_free(t);
	return NULL;
}

void terms_free(struct terms *t)
{
	if (!t)
		return;
	names_free(&t->namespaces);
	names_free(&t->principals);
	names_free(&t->accounts);
	free(t->bits);
	free(t);
}

/* ---- bitmaps */

static void bit_set(struct terms *t, uint32_t number)
{
	((uint8_t *)t->bits)[number / 8] |= (uint8_t)(1u << number % 8);
}

/* The first name that is not before |text|. */
static uint32_t names_lower(const struct name_set *set, const char *text)
{
	uint32_t low = 0, high = set->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (strcmp(set->items[middle].text, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static bool text_matches(const struct mesh_value *v, const char *text)
{
	switch (v->kind) {
	case MESH_VALUE_EXACT:
		return !strcmp(text, v->text);
	case MESH_VALUE_PREFIX:
		return !strncmp(text, v->text, strlen(v->text));
	case MESH_VALUE_SUFFIX:
		return ends_with(text, v->text);
	case MESH_VALUE_PRESENT:
		return *text;
	}
	return false;
}

/* Names that begin alike are side by side; for the other kinds all are looked at. */
static void names_mark(struct terms *t, const struct name_set *set, const struct mesh_value *v)
{
	bool sorted = v->kind == MESH_VALUE_EXACT || v->kind == MESH_VALUE_PREFIX;

	for (uint32_t i = sorted ? names_lower(set, v->text) : 0; i < set->count; i++) {
		if (text_matches(v, set->items[i].text))
			bit_set(t, set->items[i].number);
		else if (sorted)
			break;
	}
}

/* Bits up to the highest one that is set. */
static uint32_t bits_used(const struct terms *t)
{
	const uint8_t *bytes = (const uint8_t *)t->bits;
	size_t n = t->bit_cells * sizeof(*t->bits);

	while (n && !bytes[n - 1])
		n--;
	return (uint32_t)n * 8;
}

/* A step over the bits that were set, which are taken back. None: the term never matches. */
static uint32_t bits_put(struct terms *t, uint8_t kind, uint32_t yes, uint32_t no)
{
	struct weft_mesh_step step = {.kind = kind, .yes = yes, .no = no};
	uint32_t bits = bits_used(t);
	uint32_t cells = (bits + WEFT_CELL_BITS - 1) / WEFT_CELL_BITS;

	if (!bits)
		return no;
	step.value.bitmap.bits = bits;
	if (bits <= WEFT_STEP_BITS && kind != WEFT_STEP_PORT)
		memcpy(step.value.bitmap.bytes, t->bits, bits / 8);
	else
		step.first = steps_put_values(t->steps, t->bits, cells);
	memset(t->bits, 0, cells * sizeof(*t->bits));
	return steps_put(t->steps, &step);
}

static uint32_t names_put(struct terms *t, const struct mesh_term *term, uint32_t yes, uint32_t no)
{
	const struct mesh_value *v = &t->mesh->values[term->value_first];
	const struct name_set *set = &t->principals;
	uint8_t kind = WEFT_STEP_PRINCIPAL;

	if (term->attribute == MESH_SOURCE_SERVICE_ACCOUNT)
		set = &t->accounts;
	if (term->attribute == MESH_SOURCE_NAMESPACE) {
		set = &t->namespaces;
		kind = WEFT_STEP_NAMESPACE;
	}
	for (uint32_t i = 0; i < term->value_count; i++)
		names_mark(t, set, &v[i]);
	return bits_put(t, kind, yes, no);
}

/* ---- ports */

static uint32_t ports_put(struct terms *t, const struct mesh_term *term, uint32_t yes, uint32_t no)
{
	const struct mesh_value *v = &t->mesh->values[term->value_first];
	struct weft_mesh_step step = {.kind = WEFT_STEP_PORT, .yes = yes, .no = no};
	const uint8_t *bytes = (const uint8_t *)t->bits;
	uint32_t bits;

	for (uint32_t i = 0; i < term->value_count; i++)
		bit_set(t, v[i].port);
	bits = bits_used(t);
	for (uint32_t port = 0; port < bits; port++) {
		if (!(bytes[port / 8] & 1u << port % 8))
			continue;
		if (step.count == WEFT_STEP_PORTS)
			return bits_put(t, WEFT_STEP_PORT, yes, no);
		step.value.ports[step.count++] = (uint16_t)port;
	}
	memset(t->bits, 0, bits / 8);
	return steps_put(t->steps, &step);
}

/* ---- prefixes */

static int prefix_compare(const void *a, const void *b)
{
	const struct weft_mesh_prefix *x = a, *y = b;
	int order = memcmp(x->addr, y->addr, 16);

	return order ? order : (int)x->bits - (int)y->bits;
}

static bool prefix_contains(const struct weft_mesh_prefix *p, const uint8_t addr[16])
{
	uint32_t bytes = p->bits / 8, rest = p->bits % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	return !memcmp(p->addr, addr, bytes) && (!rest || !((p->addr[bytes] ^ addr[bytes]) & mask));
}

/* Sorted, without those inside others; returns how many are left. */
static uint32_t prefixes_sort(struct weft_mesh_prefix *p, uint32_t count)
{
	uint32_t kept = 0;

	qsort(p, count, sizeof(*p), prefix_compare);
	for (uint32_t i = 0; i < count; i++)
		if (!kept || !prefix_contains(&p[kept - 1], p[i].addr))
			p[kept++] = p[i];
	return kept;
}

static uint32_t prefix_cells(struct steps *s, const struct weft_mesh_prefix *p, uint32_t count)
{
	uint32_t cells = (count + WEFT_CELL_PREFIXES - 1) / WEFT_CELL_PREFIXES, first, n;
	struct weft_mesh_step *values = calloc(cells, sizeof(*values));

	if (!values) {
		s->error = -ENOMEM;
		return 0;
	}
	for (uint32_t i = 0; i < cells; i++) {
		n = count - i * WEFT_CELL_PREFIXES;
		n = n < WEFT_CELL_PREFIXES ? n : WEFT_CELL_PREFIXES;
		memcpy(&values[i], p + i * WEFT_CELL_PREFIXES, n * sizeof(*p));
	}
	first = steps_put_values(s, values, cells);
	free(values);
	return first;
}

/* One step tests at most UINT16_MAX prefixes: longer lists are a chain. */
static uint32_t prefix_chain(struct steps *s, uint8_t kind, const struct weft_mesh_prefix *p,
			     uint32_t count, uint32_t yes, uint32_t no)
{
	struct weft_mesh_step step = {.kind = kind, .yes = yes, .no = no};
	uint32_t n = (count - 1) % UINT16_MAX + 1;

	for (; count; count -= n, n = UINT16_MAX) {
		step.count = (uint16_t)n;
		if (n <= WEFT_STEP_PREFIXES)
			memcpy(step.value.prefixes, p + count - n, n * sizeof(*p));
		else
			step.first = prefix_cells(s, p + count - n, n);
		step.no = steps_put(s, &step);
		memset(&step.value, 0, sizeof(step.value));
	}
	return step.no;
}

/* An IPv6 prefix holds no IPv4 address, though it may hold the place where those are mapped
 * (::ffff:0:0/96): it is taken apart into what is around it. At most 96 pieces. */
static uint32_t prefix_add(struct weft_mesh_prefix *out, const struct mesh_prefix *p)
{
	static const struct weft_mesh_prefix mapped = {.addr = {[10] = 0xff, 0xff}, .bits = 96};
	struct weft_mesh_prefix whole = {.bits = p->bits};
	uint32_t count = 0;

	memcpy(whole.addr, p->address, 16);
	if (p->bits >= mapped.bits || !prefix_contains(&whole, mapped.addr)) {
		*out = whole;
		return 1;
	}
	for (uint32_t bit = p->bits; bit < mapped.bits; bit++) {
		memset(out, 0, sizeof(*out));
		for (uint32_t i = 0; i <= bit; i++)
			out->addr[i / 8] |= mapped.addr[i / 8] & 0x80 >> i % 8;
		out->addr[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		out->bits = bit + 1;
		out++;
		count++;
	}
	return count;
}

#define PIECES_MAX 96

static uint32_t prefixes_put(struct terms *t, const struct mesh_term *term, uint32_t yes,
			     uint32_t no)
{
	uint8_t kind =
		term->attribute == MESH_SOURCE_IP ? WEFT_STEP_SOURCE_IP : WEFT_STEP_TARGET_IP;
	const struct mesh_value *v = &t->mesh->values[term->value_first];
	struct weft_mesh_prefix *p;
	uint32_t count = 0, step;

	p = calloc((size_t)term->value_count * PIECES_MAX, sizeof(*p));
	if (!p) {
		t->steps->error = -ENOMEM;
		return 0;
	}
	for (uint32_t i = 0; i < term->value_count; i++)
		count += prefix_add(p + count, &v[i].prefix);
	count = prefixes_sort(p, count);
	step = prefix_chain(t->steps, kind, p, count, yes, no);
	free(p);
	return step;
}

uint32_t terms_put(struct terms *t, const struct mesh_term *term, uint32_t yes, uint32_t no)
{
	uint32_t matched = term->negated ? no : yes, other = term->negated ? yes : no;

	switch (term->attribute) {
	case MESH_DESTINATION_PORT:
		return ports_put(t, term, matched, other);
	case MESH_SOURCE_IP:
	case MESH_DESTINATION_IP:
		return prefixes_put(t, term, matched, other);
	}
	return names_put(t, term, matched, other);
}
