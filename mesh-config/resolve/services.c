// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Services with their hosts, virtual addresses and ports; which host means which service. */
#include "mesh-config/resolve/resolve.h"

#include "mesh-config/schema/nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define HOST_MAX_BYTES 300

/* ---- hosts */

static bool host_same(const void *arg, uint32_t value, const void *key)
{
	const struct resolve *r = arg;

	return ROWS(r, hosts, const char *)[value] == key;
}

static uint64_t pointer_hash(const char *text)
{
	return table_hash(text, strlen(text), 0);
}

static uint32_t host_find(const struct resolve *r, const char *text)
{
	char lower[HOST_MAX_BYTES];
	size_t n = strlen(text);
	const char *known;
	uint32_t at;

	if (n && text[n - 1] == '.')
		n--;
	if (n >= sizeof(lower))
		return MESH_NONE;
	for (size_t i = 0; i < n; i++)
		lower[i] = (char)tolower((unsigned char)text[i]);
	lower[n] = 0;
	known = pool_find(r->pool, (struct slice){lower, n});
	at = known ? lookup_find(&r->index->hosts, pointer_hash(known), host_same, r, known)
		   : MESH_NONE;
	return at == MESH_NONE ? MESH_NONE : r->index->host_services[at];
}

/* The service that |host| means to an object in |namespace_name|: a host as it stands, else the
 * Kubernetes service of the short name. MESH_NONE if there is none. */
static uint32_t host_resolve(const struct resolve *r, const char *namespace_name, const char *host)
{
	const char *domain = r->mesh->settings.cluster_domain;
	uint32_t found = host_find(r, host);
	char full[HOST_MAX_BYTES];
	size_t n = strlen(host);

	if (found != MESH_NONE)
		return found;
	if (!strchr(host, '.'))
		snprintf(full, sizeof(full), "%s.%s.svc.%s", host, namespace_name, domain);
	else if (n > 4 && !strcmp(host + n - 4, ".svc"))
		snprintf(full, sizeof(full), "%s.%s", host, domain);
	else
		snprintf(full, sizeof(full), "%s.svc.%s", host, domain);
	return host_find(r, full);
}

/* The host that was most likely meant, or NULL: same first label, or few edits in a small mesh. */
static const char *host_guess(const struct resolve *r, const char *host)
{
	size_t n = strcspn(host, ".");

	for (uint32_t i = 0; i < ROWS_END(r, hosts) && n; i++) {
		const char *known = ROWS(r, hosts, const char *)[i];
		size_t m = strcspn(known, ".");
		uint32_t distance =
			nearest_distance((struct slice){host, n}, (struct slice){known, m});

		if (nearest_is_slip(distance, n < m ? n : m) && distance <= 4)
			return known;
	}
	return NULL;
}

uint32_t host_require(struct resolve *r, const struct draft *d, enum problem_code code,
		      const struct draft_text *host)
{
	uint32_t found = host_resolve(r, d->namespace_name, host->text);
	const char *guess;

	if (found != MESH_NONE || r->incomplete || !host->text[0])
		return found;
	resolve_problem(r, d, code, host->at, "no service has the host \"%s\"", host->text);
	guess = r->problems->errors < 100 ? host_guess(r, host->text) : NULL;
	if (guess)
		problem_hint(r->problems, "did you mean \"%s\"?", guess);
	else
		problem_hint(r->problems, "a Service or ServiceEntry defines it");
	return MESH_NONE;
}

/* Given twice, which is said elsewhere. */
static bool is_same_object(const struct draft *a, const struct draft *b)
{
	return a->kind == b->kind && a->namespace_name == b->namespace_name && a->name == b->name;
}

bool service_offers(const struct resolve *r, uint32_t service, uint32_t port)
{
	const struct mesh_service *s = &ROWS(r, services, struct mesh_service)[service];

	for (uint32_t i = 0; i < s->port_count; i++)
		if (ROWS(r, ports, struct mesh_port)[s->port_first + i].port == port)
			return true;
	return false;
}

uint32_t twin_with_port(const struct resolve *r, uint32_t service, uint32_t port)
{
	const struct service_work *w = r->work;
	uint32_t at = w[service].twin_first == MESH_NONE ? service : w[service].twin_first;

	while (at != MESH_NONE && !service_offers(r, at, port))
		at = w[at].twin_next;
	return at;
}

static bool has_any_port(const struct resolve *r, uint32_t service, const struct draft_list *list)
{
	const struct draft_port *ports = list->items;

	for (uint32_t i = 0; i < list->count; i++)
		if (service_offers(r, service, ports[i].port))
			return true;
	return false;
}

/* Two ServiceEntries with one host and ports of their own are one service in two pieces. */
static bool twin_add(struct resolve *r, struct draft *d, uint32_t first)
{
	const struct draft_service_entry *spec = d->spec;
	uint32_t last = first;

	if (d->kind != KIND_SERVICE_ENTRY || r->work[first].draft->kind != KIND_SERVICE_ENTRY)
		return false;
	if (r->work[d->index].twin_first == first)
		return true;
	if (r->work[d->index].twin_first != MESH_NONE)
		return false;
	for (uint32_t i = first; i != MESH_NONE; i = r->work[i].twin_next) {
		if (has_any_port(r, i, &spec->ports))
			return false;
		last = i;
	}
	r->work[first].twin_first = first;
	r->work[d->index].twin_first = first;
	r->work[last].twin_next = d->index;
	return true;
}

static void host_add(struct resolve *r, struct draft *d, const char *host, struct place at)
{
	uint32_t index = ROWS_END(r, hosts);
	uint32_t other;

	*ROW_ADD(r, hosts, const char *) = host;
	if (r->failed)
		return;
	r->index->host_services[index] = d->index;
	other = lookup_find(&r->index->hosts, pointer_hash(host), host_same, r, host);
	if (other == MESH_NONE) {
		lookup_add(&r->index->hosts, pointer_hash(host), index);
		return;
	}
	other = r->index->host_services[other];
	if (other == d->index || is_same_object(d, r->work[other].draft) || twin_add(r, d, other))
		return;
	resolve_problem(r, d, PROBLEM_OVERLAP, at, "host \"%s\" belongs to %s too", host,
			r->work[other].draft->title);
	problem_hint(r->problems, "%s:%u", r->work[other].draft->file->name,
		     r->work[other].draft->at.line);
}

static const char *kubernetes_host(struct resolve *r, struct draft *d)
{
	const char *domain = r->mesh->settings.cluster_domain;
	char host[HOST_MAX_BYTES * 2];
	int n;

	if (d->host && d->host_domain == domain)
		return d->host;
	n = snprintf(host, sizeof(host), "%s.%s.svc.%s", d->name, d->namespace_name, domain);
	if (n >= HOST_MAX_BYTES)
		n = HOST_MAX_BYTES - 1;
	d->host = pool_text(r->pool, (struct slice){host, (size_t)n});
	d->host_domain = domain;
	r->failed |= !d->host;
	return d->host ? d->host : pool_empty;
}

static const char *lower_host(struct resolve *r, const char *text)
{
	char lower[HOST_MAX_BYTES];
	size_t n = strlen(text);
	const char *kept;

	if (n && text[n - 1] == '.')
		n--;
	if (n >= sizeof(lower))
		n = sizeof(lower) - 1;
	for (size_t i = 0; i < n; i++)
		lower[i] = (char)tolower((unsigned char)text[i]);
	kept = pool_text(r->pool, (struct slice){lower, n});
	r->failed |= !kept;
	return kept ? kept : pool_empty;
}

/* ---- virtual addresses */

static struct vip_key vip_key_of(const struct mesh_prefix *prefix, const struct mesh_port *port)
{
	struct vip_key key = {.port = port->port, .protocol = port->protocol, .bits = prefix->bits};

	memcpy(key.address, prefix->address, sizeof(key.address));
	return key;
}

static bool port_has(const struct resolve *r, const struct mesh_service *s,
		     const struct vip_key *key)
{
	for (uint32_t i = 0; i < s->port_count; i++) {
		const struct mesh_port *p = &ROWS(r, ports, struct mesh_port)[s->port_first + i];

		if (p->port == key->port && p->protocol == key->protocol)
			return true;
	}
	return false;
}

static bool vip_same(const void *arg, uint32_t value, const void *key)
{
	const struct resolve *r = arg;
	const struct mesh_vip *vip = &ROWS(r, vips, struct mesh_vip)[value];
	const struct vip_key *wanted = key;

	return vip->prefix.bits == wanted->bits &&
	       !memcmp(vip->prefix.address, wanted->address, 16) &&
	       port_has(r, &ROWS(r, services, struct mesh_service)[vip->service], wanted);
}

static void vip_index(struct resolve *r, const struct draft *d, uint32_t vip,
		      const struct mesh_port *port, struct place at)
{
	struct vip_key key = vip_key_of(&ROWS(r, vips, struct mesh_vip)[vip].prefix, port);
	uint64_t hash = table_hash(&key, sizeof(key), 0);
	uint32_t other = lookup_find(&r->index->vip_ports, hash, vip_same, r, &key);

	if (other == MESH_NONE) {
		lookup_add(&r->index->vip_ports, hash, vip);
		return;
	}
	other = ROWS(r, vips, struct mesh_vip)[other].service;
	if (other == d->index || is_same_object(d, r->work[other].draft))
		return;
	resolve_problem(r, d, PROBLEM_OVERLAP, at, "port %u of this address belongs to %s too",
			port->port, r->work[other].draft->title);
	problem_hint(r->problems, "%s:%u; give one of them another address",
		     r->work[other].draft->file->name, r->work[other].draft->at.line);
}

static void vips_add(struct resolve *r, struct draft *d, const struct draft_list *list)
{
	const struct draft_address *items = list->items;
	struct mesh_service *s = &ROWS(r, services, struct mesh_service)[d->index];

	s->vip_first = ROWS_END(r, vips);
	for (uint32_t i = 0; i < list->count; i++) {
		struct mesh_vip *vip = ROW_ADD(r, vips, struct mesh_vip);

		*vip = (struct mesh_vip){items[i].prefix, d->index};
		if (r->failed)
			return;
		s->vip_count++;
		r->index->has_networks |= items[i].prefix.bits < 128;
		for (uint32_t j = 0; j < s->port_count; j++)
			vip_index(r, d, s->vip_first + i,
				  &ROWS(r, ports, struct mesh_port)[s->port_first + j],
				  items[i].at);
	}
}

/* ---- ports */

static void port_add(struct resolve *r, struct draft *d, const struct draft_port *p)
{
	struct mesh_port *to;
	uint32_t target = p->port;

	if (p->protocol > MESH_UDP)
		return;
	if (p->target.text[0] && !number_parse(slice_of(p->target.text), &target))
		target = 0; /* a name: the endpoints say what it is */
	to = ROW_ADD(r, ports, struct mesh_port);
	if (r->failed)
		return;
	*to = (struct mesh_port){.port = (uint16_t)p->port,
				 .target_port = target <= 65535 ? (uint16_t)target : 0,
				 .protocol = p->protocol,
				 .app_protocol = p->app_protocol,
				 .name = p->name};
	ROWS(r, services, struct mesh_service)[d->index].port_count++;
}

static void ports_add(struct resolve *r, struct draft *d, const struct draft_list *list)
{
	const struct draft_port *p = list->items;

	ROWS(r, services, struct mesh_service)[d->index].port_first = ROWS_END(r, ports);
	for (uint32_t i = 0; i < list->count; i++) {
		for (uint32_t j = 0; j < i; j++)
			if (p[i].port &&
			    ((p[i].port == p[j].port && p[i].protocol == p[j].protocol) ||
			     (p[i].name == p[j].name && p[i].name[0])))
				resolve_problem(r, d, PROBLEM_DUPLICATE, p[i].at,
						"the service has port %u \"%s\" already", p[i].port,
						p[i].name);
		port_add(r, d, &p[i]);
	}
}

/* ---- services */

static bool name_same(const void *arg, uint32_t value, const void *key)
{
	const struct resolve *r = arg;
	const struct draft *wanted = key;
	const struct mesh_service *s = &ROWS(r, services, struct mesh_service)[value];

	return s->namespace_name == wanted->namespace_name && s->name == wanted->name;
}

uint32_t service_resolve(const struct resolve *r, const char *namespace_name, const char *name)
{
	const struct draft key = {.namespace_name = namespace_name, .name = name};

	return lookup_find(&r->index->names, name_hash(namespace_name, name), name_same, r, &key);
}

static struct mesh_service *service_add(struct resolve *r, struct draft *d)
{
	struct mesh_service *s;

	d->index = ROWS_END(r, services);
	s = ROW_ADD(r, services, struct mesh_service);
	ROW_ADD(r, service_hashes, uint64_t);
	s->namespace_name = d->namespace_name;
	s->name = d->name;
	s->host_first = ROWS_END(r, hosts);
	s->position = position_of(d, d->at);
	r->work[d->index] =
		(struct service_work){.draft = d, .twin_first = MESH_NONE, .twin_next = MESH_NONE};
	if (!r->failed)
		lookup_add(&r->index->names, name_hash(d->namespace_name, d->name), d->index);
	return s;
}

static void kubernetes_add(struct resolve *r, struct draft *d)
{
	const struct draft_service *spec = d->spec;
	struct mesh_service *s = service_add(r, d);

	if (r->failed)
		return;
	if (spec->affinity)
		s->session_affinity_s = spec->affinity_config && spec->affinity_config->client_ip
						? spec->affinity_config->client_ip->timeout_s
						: MESH_AFFINITY_S;
	s->resolution = spec->headless || !spec->vips.count ? MESH_UNCHANGED : MESH_STATIC;
	s->external = spec->type == SERVICE_EXTERNAL_NAME;
	s->prefers = spec->distribution == DISTRIBUTION_WORD_NODE ? MESH_PREFER_NODE
		     : spec->distribution			  ? MESH_PREFER_NEAR
								  : MESH_PREFER_NONE;
	s->host_count = 1;
	host_add(r, d, kubernetes_host(r, d), d->at);
	ports_add(r, d, &spec->ports);
	vips_add(r, d, &spec->vips);
}

static void entry_add(struct resolve *r, struct draft *d)
{
	const struct draft_service_entry *spec = d->spec;
	const struct draft_text *hosts = spec->hosts.items;
	struct mesh_service *s = service_add(r, d);

	if (r->failed)
		return;
	s->resolution = spec->resolution == RESOLUTION_STATIC ? MESH_STATIC : MESH_UNCHANGED;
	s->external = !spec->location;
	for (uint32_t i = 0; i < spec->hosts.count; i++) {
		s->host_count++;
		host_add(r, d, lower_host(r, hosts[i].text), hosts[i].at);
	}
	ports_add(r, d, &spec->ports);
	vips_add(r, d, &spec->addresses);
}

static bool tables_make(struct resolve *r, struct draft *const *drafts, uint32_t count)
{
	uint32_t hosts = 0, vip_ports = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct draft_service *s = drafts[i]->spec;
		const struct draft_service_entry *e = drafts[i]->spec;
		bool kubernetes = drafts[i]->kind == KIND_SERVICE;

		hosts += kubernetes ? 1 : e->hosts.count;
		vip_ports += kubernetes ? s->vips.count * s->ports.count
					: e->addresses.count * e->ports.count;
	}
	r->work = shared_new((count + 1u) * sizeof(*r->work));
	if (r->work)
		memset(r->work, 0, (count + 1u) * sizeof(*r->work));
	r->index->host_services = shared_new((hosts + 1) * sizeof(uint32_t));
	return r->work && r->index->host_services && lookup_init(&r->index->hosts, hosts) &&
	       lookup_init(&r->index->vip_ports, vip_ports) && lookup_init(&r->index->names, count);
}

void resolve_services(struct resolve *r)
{
	static const enum kind_id wanted[] = {KIND_SERVICE, KIND_SERVICE_ENTRY};
	uint32_t count;
	struct draft **drafts = drafts_merge(r, wanted, 2, NULL, &count);

	if (r->failed || !tables_make(r, drafts, count)) {
		r->failed = true;
		return;
	}
	for (uint32_t i = 0; i < count && !r->failed; i++) {
		if (drafts[i]->kind == KIND_SERVICE)
			kubernetes_add(r, drafts[i]);
		else
			entry_add(r, drafts[i]);
	}
}
