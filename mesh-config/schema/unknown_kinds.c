// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Kinds that weft does not read. These are never ignored: a known name in a wrong group, a misspelt
 * name, and kinds known to restrict connections or requests. */
#include "mesh-config/schema/unknown_kinds.h"

#include "base/table.h"
#include "mesh-config/schema/draft.h"
#include "mesh-config/schema/nearest.h"

#define SLIP_MAX 6 /* of nearest_distance, in a name of any length */

#define CNI	   "the network plugin (CNI) enforces it, beside what weft decides; weft does not read it"
#define OTHER_MESH "the proxies of its own mesh enforce it, where they run; weft does not read it"
#define PROXIES                                                                                    \
	"it changes what proxies do, and there are none: what it does to connections is missing"

/* ---- kinds that restrict, or that look like others */

/* In Istio a policy without a mode is REGISTRY_ONLY. */
static bool sidecar_restricts(const struct yaml_node *spec)
{
	const struct yaml_node *policy = yaml_find(spec, "outboundTrafficPolicy");
	const struct yaml_node *mode = policy ? yaml_find(policy, "mode") : NULL;
	const struct yaml_node *ingress = yaml_find(spec, "ingress");

	for (const struct yaml_node *n = ingress ? ingress->first : NULL; n; n = n->next)
		if (n->kind == YAML_MAP && yaml_find(n, "tls"))
			return true;
	return policy && policy->kind == YAML_MAP &&
	       !(mode && mode->kind == YAML_TEXT && slice_equal(mode->text, SLICE("ALLOW_ANY")));
}

static bool operator_restricts(const struct yaml_node *spec)
{
	const struct yaml_node *mesh = yaml_find(spec, "meshConfig");
	const struct yaml_node *policy = mesh ? yaml_find(mesh, "outboundTrafficPolicy") : NULL;
	const struct yaml_node *mode = policy ? yaml_find(policy, "mode") : NULL;

	return mode && mode->kind == YAML_TEXT && slice_equal(mode->text, SLICE("REGISTRY_ONLY"));
}

static bool plugin_restricts(const struct yaml_node *spec)
{
	const struct yaml_node *phase = yaml_find(spec, "phase");

	return phase && phase->kind == YAML_TEXT &&
	       (slice_equal(phase->text, SLICE("AUTHN")) ||
		slice_equal(phase->text, SLICE("AUTHZ")));
}

/* Whether one of the texts in it names a filter of Envoy that keeps requests out. */
static bool filter_restricts(const struct yaml_node *n)
{
	static const char *const names[] = {"ext_authz", "jwt_authn",	 "filters.http.rbac",
					    "oauth2",	 "basic_auth",	 "filters.network.rbac",
					    "rbac.v3",	 "api_key_auth", "client_ssl_auth"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		bool key = n->key.size_bytes &&
			   memmem(n->key.data, n->key.size_bytes, names[i], strlen(names[i]));

		if (key || (n->kind == YAML_TEXT &&
			    memmem(n->text.data, n->text.size_bytes, names[i], strlen(names[i]))))
			return true;
	}
	for (const struct yaml_node *child = n->first; child; child = child->next)
		if (filter_restricts(child))
			return true;
	return false;
}

enum unknown_class {
	UNKNOWN_HARMLESS,
	UNKNOWN_BY_NAME, /* a warning that says what becomes of it */
	UNKNOWN_REFUSED,
};

/* |restricts| makes UNKNOWN_REFUSED of it; NULL: its class is what it says. */
static const struct named_kind {
	const char *name, *group, *versions;
	enum unknown_class class;
	bool (*restricts)(const struct yaml_node *spec);
	const char *why;
} named[] = {
	{"RequestAuthentication", "security.istio.io", "v1", UNKNOWN_REFUSED, NULL,
	 "tokens of requests are not looked at"},
	{"Sidecar", "networking.istio.io", "v1", UNKNOWN_HARMLESS, sidecar_restricts,
	 "connections to what is no service are let through, and TLS is not ended"},
	{"IstioOperator", "install.istio.io", "v1alpha1", UNKNOWN_HARMLESS, operator_restricts,
	 "connections to what is no service are let through"},
	{"WasmPlugin", "extensions.istio.io", "v1alpha1", UNKNOWN_BY_NAME, plugin_restricts,
	 PROXIES},
	{"EnvoyFilter", "networking.istio.io", "v1alpha3", UNKNOWN_BY_NAME, filter_restricts,
	 PROXIES},
	{"TrafficTarget", "access.smi-spec.io", "v1alpha3", UNKNOWN_REFUSED, NULL,
	 "who may connect to whom says an AuthorizationPolicy here"},
	{"NetworkPolicy", "networking.k8s.io", "v1", UNKNOWN_BY_NAME, NULL, CNI},
	{"NetworkPolicy", "extensions", "v1beta1", UNKNOWN_BY_NAME, NULL, CNI},
	{"NetworkPolicy", "crd.projectcalico.org", "v1", UNKNOWN_BY_NAME, NULL, CNI},
	{"NetworkPolicy", "projectcalico.org", "v3", UNKNOWN_BY_NAME, NULL, CNI},
	{"GlobalNetworkPolicy", "crd.projectcalico.org", "v1", UNKNOWN_BY_NAME, NULL, CNI},
	{"GlobalNetworkPolicy", "projectcalico.org", "v3", UNKNOWN_BY_NAME, NULL, CNI},
	{"CiliumNetworkPolicy", "cilium.io", "v2", UNKNOWN_BY_NAME, NULL, CNI},
	{"CiliumClusterwideNetworkPolicy", "cilium.io", "v2", UNKNOWN_BY_NAME, NULL, CNI},
	{"AdminNetworkPolicy", "policy.networking.k8s.io", "v1alpha1", UNKNOWN_BY_NAME, NULL, CNI},
	{"BaselineAdminNetworkPolicy", "policy.networking.k8s.io", "v1alpha1", UNKNOWN_BY_NAME,
	 NULL, CNI},
	{"ClusterNetworkPolicy", "policy.networking.k8s.io", "v1alpha2", UNKNOWN_BY_NAME, NULL,
	 CNI},
	{"AuthorizationPolicy", "policy.linkerd.io", "v1alpha1", UNKNOWN_BY_NAME, NULL, OTHER_MESH},
	{"ServerAuthorization", "policy.linkerd.io", "v1beta1", UNKNOWN_BY_NAME, NULL, OTHER_MESH},
	{"ServiceIntentions", "consul.hashicorp.com", "v1alpha1", UNKNOWN_BY_NAME, NULL,
	 OTHER_MESH},
	{"MeshTrafficPermission", "kuma.io", "v1alpha1", UNKNOWN_BY_NAME, NULL, OTHER_MESH},
	{"TrafficPermission", "kuma.io", "v1alpha1", UNKNOWN_BY_NAME, NULL, OTHER_MESH},
	/* almost TCPRoute, and sound */
	{"TLSRoute", "gateway.networking.k8s.io", "v1", UNKNOWN_HARMLESS, NULL, ""},
	{"UDPRoute", "gateway.networking.k8s.io", "v1alpha2", UNKNOWN_HARMLESS, NULL, ""},
};

#define NAMED_COUNT ((uint32_t)(sizeof(named) / sizeof(*named)))

static bool equals(struct slice s, const char *text)
{
	return slice_equal(s, slice_of(text));
}

static const struct named_kind *named_find(struct slice kind, struct slice group)
{
	for (uint32_t i = 0; i < NAMED_COUNT; i++)
		if (equals(kind, named[i].name) && equals(group, named[i].group))
			return &named[i];
	return NULL;
}

static enum unknown_class class_of(const struct named_kind *k, const struct yaml_node *node)
{
	const struct yaml_node *spec = yaml_find(node, "spec");

	if (k->restricts && spec && spec->kind == YAML_MAP && k->restricts(spec))
		return UNKNOWN_REFUSED;
	return k->class;
}

/* ---- almost a kind */

struct almost {
	const char *name, *group, *versions;
	uint32_t distance; /* of the names */
};

static struct almost nearest_kind(struct slice kind)
{
	struct almost best = {.name = "", .group = "", .versions = "", .distance = UINT32_MAX};

	for (uint32_t i = 0; i < KIND_COUNT + NAMED_COUNT; i++) {
		const struct named_kind *n = i < KIND_COUNT ? NULL : &named[i - KIND_COUNT];
		const char *name = n ? n->name : kinds[i].name;
		uint32_t distance = nearest_distance(kind, slice_of(name));

		if (distance < best.distance)
			best = (struct almost){name, n ? n->group : kinds[i].group,
					       n ? n->versions : kinds[i].versions, distance};
	}
	return best;
}

static bool is_slip(struct slice written, const char *meant)
{
	size_t n = strlen(meant);
	uint32_t distance = nearest_distance(written, (struct slice){meant, n});

	return nearest_is_slip(distance, n) && distance <= SLIP_MAX;
}

/* Whether a kind of |own| that is said to be of |group| is meant as the kind itself: the group is
 * one of Kubernetes or Istio, one whose kinds weft reads, or almost the right one. Kubernetes has
 * kinds with names of weft's own, such as Workload. */
static bool group_is_near(struct slice group, const char *own)
{
	if (!memchr(group.data, '.', group.size_bytes) ||
	    slice_ends_with(group, SLICE(".istio.io")))
		return true;
	if (slice_ends_with(group, SLICE(".k8s.io")))
		return strcmp(own, "weft.dev") != 0;
	for (uint32_t i = 0; i < KIND_COUNT; i++)
		if (equals(group, kinds[i].group))
			return true;
	return is_slip(group, own);
}

/* ---- saying it */

static bool is_first(struct unknown_kinds *u, struct slice kind, struct slice group)
{
	uint64_t hash = table_hash(group.data, group.size_bytes, 1);

	hash = table_hash(kind.data, kind.size_bytes, hash);
	for (uint32_t i = 0; i < u->count; i++)
		if (u->said[i] == hash)
			return false;
	if (u->count < UNKNOWN_KINDS_MAX)
		u->said[u->count++] = hash;
	return true;
}

static void unknown_add(struct reading *r, enum problem_code code, const struct yaml_node *kind,
			struct slice group)
{
	problem_add(r->problems, code, kind->at, "kind \"%.*s\"%s%.*s is unknown",
		    (int)kind->text.size_bytes, kind->text.data, group.size_bytes ? " of " : "",
		    (int)group.size_bytes, group.data);
}

static void refused_report(struct reading *r, const struct yaml_node *kind, const char *why)
{
	problem_add(r->problems, PROBLEM_SECURITY, kind->at,
		    "weft does not provide what %.*s asks for: %s", (int)kind->text.size_bytes,
		    kind->text.data, why);
	problem_hint(r->problems,
		     "take it out of this directory if others see to it, or take it upon yourself: "
		     "annotation weft.dev/accept: E3002");
}

static void named_report(struct reading *r, struct unknown_kinds *u, const struct named_kind *k,
			 const struct yaml_node *node, const struct yaml_node *kind)
{
	struct slice group = slice_of(k->group);
	enum unknown_class class = class_of(k, node);

	if (class == UNKNOWN_REFUSED)
		refused_report(r, kind, k->why);
	else if (class == UNKNOWN_BY_NAME)
		problem_add(r->problems, PROBLEM_LEFT_TO_OTHERS, kind->at, "%s: %s", k->name,
			    k->why);
	else if (is_first(u, kind->text, group))
		unknown_add(r, PROBLEM_UNKNOWN_KIND, kind, group);
}

static void other_report(struct reading *r, struct unknown_kinds *u, const struct yaml_node *kind,
			 struct slice group)
{
	struct almost best = nearest_kind(kind->text);
	bool slip = is_slip(kind->text, best.name);
	bool error = slip && group_is_near(group, best.group);

	/* Policy, MeshPolicy, ServiceRole, ClusterRbacConfig, before AuthorizationPolicy */
	if (!error &&
	    (equals(group, "rbac.istio.io") || equals(group, "authentication.istio.io"))) {
		refused_report(r, kind, "Istio itself does not read that kind any more");
		return;
	}
	if (!error && !is_first(u, kind->text, group))
		return;
	unknown_add(r, error ? PROBLEM_MISSPELT_KIND : PROBLEM_UNKNOWN_KIND, kind, group);
	if (!best.distance)
		problem_hint(r->problems, "its apiVersion is %s%s%.*s", best.group,
			     best.group[0] ? "/" : "", (int)strcspn(best.versions, " "),
			     best.versions);
	else if (slip)
		problem_hint(r->problems, "did you mean %s?", best.name);
}

static struct slice text_of(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *n = map && map->kind == YAML_MAP ? yaml_find(map, key) : NULL;

	return n && n->kind == YAML_TEXT ? n->text : (struct slice){"", 0};
}

void unknown_kinds_report(struct reading *r, struct unknown_kinds *u, const struct yaml_node *node,
			  const struct yaml_node *kind, struct slice group)
{
	const struct yaml_node *metadata = yaml_find(node, "metadata");
	const struct named_kind *k = named_find(kind->text, group);
	struct slice name = text_of(metadata, "name"), namespace = text_of(metadata, "namespace");
	struct slice accept;

	if (metadata && metadata->kind == YAML_MAP) {
		accept = text_of(yaml_find(metadata, "annotations"), "weft.dev/accept");
		r->problems->annotation = arena_copy(r->arena, accept.data, accept.size_bytes);
	}
	if (!namespace.size_bytes)
	namespace = SLICE("default");
	if (name.size_bytes)
		r->problems->object = arena_format(
			r->arena, "%.*s %.*s/%.*s", (int)kind->text.size_bytes, kind->text.data,
			(int)namespace.size_bytes, namespace.data, (int)name.size_bytes, name.data);
	if (k)
		named_report(r, u, k, node, kind);
	else
		other_report(r, u, kind, group);
	r->problems->object = r->problems->annotation = NULL;
}
