// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From documents to drafts: which kind it is, its metadata, then its table. */
#include "mesh-config/schema/read.h"

#include "base/table.h"
#include "mesh-config/model/model.h"
#include "mesh-config/schema/annotations.h"
#include "mesh-config/schema/unknown_kinds.h"

#include <errno.h>
#include <stdlib.h>

#define BOOKS "set by the API server"

#define METADATA_FIELDS(F, N, s)                                                                   \
	F(s, name, "name", WORD, "unique among its kind and namespace", .required = true,          \
	  .form = FORM_OBJECT_NAME)                                                                \
	F(s, namespace_name, "namespace", WORD, "its namespace", .form = FORM_NAMESPACE,           \
	  DEFAULT_TEXT("default"))                                                                 \
	F(s, labels, "labels", LABELS, "matched by selectors")                                     \
	F(s, annotations, "annotations", ANNOTATIONS,                                              \
	  "istio.io/dry-run, weft.dev/accept, weft.dev/connect-rate, weft.dev/close-ejected, "     \
	  "weft.dev/end-connections; others of weft.dev are told, all others are left alone")      \
	N(IGNORED, "ownerReferences", ANY, "set by its controller")                                \
	N(IGNORED, "uid", ANY, BOOKS)                                                              \
	N(IGNORED, "resourceVersion", ANY, BOOKS)                                                  \
	N(IGNORED, "generation", ANY, BOOKS)                                                       \
	N(IGNORED, "generateName", ANY, BOOKS)                                                     \
	N(IGNORED, "creationTimestamp", ANY, BOOKS)                                                \
	N(IGNORED, "deletionTimestamp", ANY, BOOKS)                                                \
	N(IGNORED, "deletionGracePeriodSeconds", ANY, BOOKS)                                       \
	N(IGNORED, "finalizers", ANY, BOOKS)                                                       \
	N(IGNORED, "managedFields", ANY, BOOKS)                                                    \
	N(IGNORED, "selfLink", ANY, BOOKS)                                                         \
	N(IGNORED, "clusterName", ANY, BOOKS)
DRAFT(metadata, METADATA_FIELDS);

SCHEMA(metadata, METADATA_FIELDS, "metadata");

struct files_reading {
	struct reading *r;
	struct source_file *file;
	struct draft **last;
	struct unknown_kinds unknown;
};

/* ---- which kind */

static bool version_is_known(const struct kind *k, struct slice version)
{
	const char *at = k->versions;

	while (*at) {
		size_t n = strcspn(at, " ");

		if (slice_equal((struct slice){at, n}, version))
			return true;
		at += n + (at[n] == ' ');
	}
	return false;
}

const struct kind *kind_of(struct slice api, struct slice name, struct slice *ret_group)
{
	const char *slash = memchr(api.data, '/', api.size_bytes);

	*ret_group = (struct slice){api.data, slash ? (size_t)(slash - api.data) : 0};
	for (uint32_t i = 0; i < KIND_COUNT; i++)
		if (slice_equal(slice_of(kinds[i].name), name) &&
		    slice_equal(slice_of(kinds[i].group), *ret_group))
			return &kinds[i];
	return NULL;
}

static const struct kind *kind_find(struct files_reading *f, const struct yaml_node *node,
				    const struct yaml_node *api, const struct yaml_node *kind)
{
	struct slice group, version = api->text;
	const struct kind *k = kind_of(api->text, kind->text, &group);

	if (!k) {
		unknown_kinds_report(f->r, &f->unknown, node, kind, group);
		return NULL;
	}
	if (version.data[group.size_bytes] == '/') {
		version.data += group.size_bytes + 1;
		version.size_bytes -= group.size_bytes + 1;
	}
	if (!version_is_known(k, version)) {
		problem_add(f->r->problems, PROBLEM_VERSION, api->at,
			    "version \"%.*s\" of %s is unknown", (int)version.size_bytes,
			    version.data, k->name);
		problem_hint(f->r->problems, "known: %s", k->versions);
	}
	return k;
}

/* ---- names */

/* What is wrong with it was said when it was read. */
static bool is_of_form(const struct draft_text *text, enum field_form form)
{
	return form_fits(form, slice_of(text->text));
}

static struct draft *draft_start(struct files_reading *f, const struct kind *k,
				 const struct yaml_node *node)
{
	struct reading *r = f->r;
	const struct yaml_node *metadata = yaml_find(node, "metadata");
	struct draft *d = arena_take(r->arena, sizeof(*d));
	struct draft_metadata *m;
	uint64_t hash;

	if (!d)
		return NULL;
	if (!metadata || metadata->kind != YAML_MAP) {
		problem_add(r->problems, PROBLEM_NOT_OBJECT, node->at,
			    "%s without metadata: it has no name", k->name);
		return NULL;
	}
	m = schema_read(r, &metadata_schema, metadata, &hash);
	if (!m || !is_of_form(&m->name, FORM_OBJECT_NAME))
		return NULL;
	if (!is_of_form(&m->namespace_name, FORM_NAMESPACE))
		return NULL;
	*d = (struct draft){.file = f->file,
			    .at = node->at,
			    .kind = (uint8_t)(k - kinds),
			    .namespace_name = m->namespace_name.text,
			    .name = m->name.text,
			    .labels = m->labels,
			    .annotations = m->annotations,
			    .hash = hash};
	d->sort_name = d->name;
	d->title = arena_format(r->arena, "%s %s/%s", k->name, d->namespace_name, d->name);
	return d;
}

static const char *label_of(const struct mesh_labels *labels, const char *key)
{
	const char *value = mesh_labels_find(labels, key);

	return value ? value : pool_empty;
}

/* ---- one document */

/* What every object has, and what a controller writes into it. */
static bool is_common(struct slice key)
{
	static const char *const common[] = {"apiVersion", "kind", "metadata", "status"};

	for (size_t i = 0; i < sizeof(common) / sizeof(*common); i++)
		if (slice_equal(key, slice_of(common[i])))
			return true;
	return false;
}

/* What stands beside "spec". */
static void strangers_check(struct files_reading *f, const struct kind *k,
			    const struct yaml_node *node)
{
	for (const struct yaml_node *n = node->first; n; n = n->next) {
		if (is_common(n->key) || slice_equal(n->key, SLICE("spec")))
			continue;
		problem_add(f->r->problems, PROBLEM_UNKNOWN_FIELD, n->key_at,
			    "unknown field \"%.*s\" in %s", (int)n->key.size_bytes, n->key.data,
			    k->name);
		problem_hint(f->r->problems,
			     "beside apiVersion, kind and metadata there is spec only");
	}
}

static void *spec_read(struct files_reading *f, const struct kind *k, const struct yaml_node *node,
		       uint64_t *ret_hash)
{
	const struct yaml_node *spec = yaml_find(node, "spec");
	struct problem_sink unsaid = {0}; /* all that is missing in a missing spec */
	struct reading quiet = *f->r;
	struct yaml_node nothing = *node;
	void *draft;

	if (k->at_root)
		return schema_read(f->r, k->schema, node, ret_hash);
	strangers_check(f, k, node);
	if (spec && spec->kind == YAML_MAP)
		return schema_read(f->r, k->schema, spec, ret_hash);
	if (spec)
		problem_add(f->r->problems, PROBLEM_TYPE, spec->at,
			    "field \"spec\" takes an object, not %s", yaml_describe(spec));
	else
		problem_add(f->r->problems, PROBLEM_REQUIRED, node->at,
			    "field \"spec\" is missing in %s", k->name);
	problem_hint(f->r->problems, "an object of which nothing is said is \"spec: {}\"");
	nothing.first = NULL;
	nothing.count = 0;
	quiet.problems = &unsaid;
	draft = schema_read(&quiet, k->schema, &nothing, ret_hash);
	problem_sink_free(&unsaid);
	return draft;
}

static void object_read(struct files_reading *f, const struct yaml_node *node);

static void list_read(struct files_reading *f, const struct yaml_node *node)
{
	const struct yaml_node *items = yaml_find(node, "items");

	if (!items || items->kind != YAML_LIST) {
		problem_add(f->r->problems, PROBLEM_NOT_OBJECT, node->at,
			    "a List needs its objects in \"items\"");
		return;
	}
	for (const struct yaml_node *n = items->first; n; n = n->next)
		object_read(f, n);
}

/* "List", "ServiceList", ... as kubectl writes them. */
static bool is_list(const struct yaml_node *node, struct slice kind)
{
	if (slice_equal(kind, SLICE("List")))
		return true;
	return kind.size_bytes >= 4 && !memcmp(kind.data + kind.size_bytes - 4, "List", 4) &&
	       yaml_find(node, "items");
}

/* Labels of a workload are those of its metadata and those of its spec, which count first. */
static const struct mesh_labels *labels_join(struct reading *r, const struct mesh_labels *a,
					     const struct mesh_labels *over)
{
	struct mesh_label *both;
	const struct mesh_labels *set;
	uint32_t count = over->count;

	if (!a->count || !over->count)
		return over->count ? over : a;
	both = calloc(a->count + over->count, sizeof(*both));
	r->arena->failed |= !both;
	if (!both)
		return a;
	memcpy(both, over->items, over->count * sizeof(*both));
	for (uint32_t i = 0; i < a->count; i++)
		if (!mesh_labels_find(over, a->items[i].key))
			both[count++] = a->items[i];
	set = pool_labels(r->pool, both, count);
	free(both);
	r->arena->failed |= !set;
	return set ? set : a;
}

static const struct mesh_labels *spec_labels(const struct draft *d)
{
	const struct draft_workload_entry *entry = d->spec;
	const struct draft_workload *workload = d->spec;
	const struct draft_workload_group *group = d->spec;

	if (d->kind == KIND_WORKLOAD_ENTRY)
		return entry->labels;
	if (d->kind == KIND_WORKLOAD)
		return workload->labels;
	if (d->kind == KIND_WORKLOAD_GROUP && group->metadata)
		return group->metadata->labels;
	return pool_labels_none;
}

static void known_read(struct files_reading *f, const struct kind *k, const struct yaml_node *node)
{
	struct problem_sink *problems = f->r->problems;
	struct draft *d = draft_start(f, k, node);
	uint64_t hash = 0;

	if (!d)
		return;
	problems->object = d->title;
	problems->annotation = label_of(d->annotations, "weft.dev/accept");
	annotations_check(f->r, d, yaml_find(node, "metadata"));
	d->spec = spec_read(f, k, node, &hash);
	problems->object = problems->annotation = NULL;
	if (!d->spec)
		return;
	if (k == &kinds[KIND_ENDPOINT_SLICE])
		d->sort_name = label_of(d->labels, "kubernetes.io/service-name");
	d->labels = labels_join(f->r, d->labels, spec_labels(d));
	hash = hash * 31 + d->hash;
	d->hash = table_hash(d->title, strlen(d->title), hash);
	*f->last = d;
	f->last = &d->next;
}

static void object_read(struct files_reading *f, const struct yaml_node *node)
{
	const struct yaml_node *api = yaml_find(node, "apiVersion");
	const struct yaml_node *kind = yaml_find(node, "kind");
	const struct kind *k;

	if (node->kind != YAML_MAP || !api || api->kind != YAML_TEXT || !kind ||
	    kind->kind != YAML_TEXT) {
		problem_add(f->r->problems, PROBLEM_NOT_OBJECT, node->at,
			    node->kind != YAML_MAP ? "a document is an object"
						   : "apiVersion and kind are missing");
		return;
	}
	if (is_list(node, kind->text)) {
		list_read(f, node);
		return;
	}
	k = kind_find(f, node, api, kind);
	if (k)
		known_read(f, k, node);
}

int drafts_read(struct reading *r, const struct yaml_node *documents, struct source_file *file,
		struct draft **ret_first)
{
	struct files_reading f = {.r = r, .file = file, .last = ret_first};

	*ret_first = NULL;
	for (const struct yaml_node *n = documents->first; n; n = n->next)
		object_read(&f, n);
	return r->arena->failed ? -ENOMEM : 0;
}
