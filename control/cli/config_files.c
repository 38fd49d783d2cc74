// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* All sources end in mesh_source_put. */
#include "control/cli/config_files.h"

#include "control/source/passed_over.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int config_open(struct config *c)
{
	*c = (struct config){.read.source = mesh_source_new()};
	return c->read.source ? 0 : error_set(&c->read.err, -ENOMEM, "out of memory");
}

void config_close(struct config *c)
{
	unreadable_clear(&c->read.unreadable);
	unreadable_clear(&c->read.passed);
	mesh_source_free(c->read.source);
	c->read.source = NULL;
}

/* ---- the agent: a file comes in parts, one after another */

struct arriving {
	struct config *config;
	char *name;
	char *bytes;
	size_t used;
	FILE *parts;
};

static void file_end(struct arriving *a)
{
	if (!a->name)
		return;
	fclose(a->parts);
	if (!a->config->read.err.code)
		config_read_bytes(&a->config->read, a->name, (struct slice){a->bytes, a->used});
	free(a->bytes);
	free(a->name);
	a->name = NULL;
}

static int file_begin(struct arriving *a, const char *name)
{
	file_end(a);
	a->parts = open_memstream(&a->bytes, &a->used);
	if (!a->parts)
		return error_set(&a->config->read.err, -ENOMEM, "out of memory");
	a->name = strdup(name);
	return a->name ? 0 : error_set(&a->config->read.err, -ENOMEM, "out of memory");
}

static void take_head(struct config *c, const json_t *o)
{
	c->generation = (uint64_t)field_number(o, "generation");
	c->in_force = json_is_true(json_object_get(o, "in_force"));
	snprintf(c->hash, sizeof(c->hash), "%s", field_text(o, "hash"));
	snprintf(c->failure, sizeof(c->failure), "%s",
		 json_string_length(json_object_get(o, "failure")) ? field_text(o, "failure") : "");
}

static int take_line(void *arg, const char *text, json_t *o)
{
	struct arriving *a = arg;
	const json_t *part = json_object_get(o, "text");
	const char *name = json_string_value(json_object_get(o, "file"));

	(void)text;
	if (!name) {
		take_head(a->config, o);
		return 0;
	}
	if ((!a->name || strcmp(a->name, name) != 0) && file_begin(a, name))
		return -1;
	fwrite(json_string_value(part), 1, json_string_length(part), a->parts);
	return a->config->read.err.code;
}

int config_read_agent(struct config *c, const char *socket_path, uint64_t generation)
{
	struct arriving a = {.config = c};
	struct client_url url;
	char number[24];
	int r;

	client_url_start(&url, "/api/v1/config");
	snprintf(number, sizeof(number), "%llu", (unsigned long long)generation);
	if (generation)
		client_url_add(&url, "generation", number);
	r = client_get(socket_path, &url, take_line, &a, &c->read.err);
	file_end(&a);
	if (!r && !c->read.err.code && !c->generation)
		error_set(&c->read.err, -EBADMSG, "weftd returned no configuration");
	return c->read.err.code;
}

/* ---- problems */

static void print_json(const struct problem *p, FILE *to)
{
	json_t *o = json_pack("{ss ss ss sI sI ss ss ss ss so}", "severity",
			      p->severity == PROBLEM_ERROR ? "error" : "warning", "code", p->code,
			      "file", p->file, "line", (json_int_t)p->line, "column",
			      (json_int_t)p->column, "object", p->object, "message", p->text,
			      "hint", p->hint, "source", p->source, "docs",
			      json_sprintf("docs/config.md#%c%s", p->code[0] | 0x20, p->code + 1));
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	if (text)
		fprintf(to, "%s\n", text);
	free(text);
	json_decref(o);
}

static void print_problems(const struct context *context, const struct problems *p, FILE *to,
			   bool warnings)
{
	for (uint32_t i = 0; i < p->count; i++) {
		if (!warnings && p->items[i].severity == PROBLEM_WARNING)
			continue;
		if (context->json)
			print_json(&p->items[i], to);
		else
			problem_write(&p->items[i], to, context->color);
	}
}

/* Prints a problem for each; |file| has their common fields. Returns how many. */
static uint32_t print_files(const struct context *context, const struct unreadable *u,
			    const struct problem *file, FILE *to)
{
	uint32_t count = 0;

	for (; u; u = u->next, count++) {
		char text[400];
		struct problem p = *file;

		p.file = u->name;
		p.object = p.source = "";
		p.text = text;
		snprintf(text, sizeof(text), "%s%s", file->text, u->problem);
		if (context->json)
			print_json(&p, to);
		else
			problem_write(&p, to, context->color);
	}
	return count;
}

static uint32_t print_unreadable(const struct context *context, const struct config *c, FILE *to)
{
	static const struct problem unreadable = {.severity = PROBLEM_ERROR,
						  .code = "E1009",
						  .text = "cannot be read: ",
						  .hint = "fix, split or remove it"};

	return print_files(context, c->read.unreadable, &unreadable, to);
}

uint32_t config_say_passed_over(const struct context *context, const struct config *c, FILE *to)
{
	static const struct problem passed = {.severity = PROBLEM_WARNING,
					      .code = PASSED_OVER_CODE,
					      .text = "",
					      .hint = "put them into the directory itself, or move "
						      "them elsewhere"};

	return print_files(context, c->read.passed, &passed, to);
}

int config_build(const struct context *context, struct config *c, FILE *to, bool warnings,
		 struct mesh **ret_mesh, struct problems *ret_problems)
{
	struct problems problems;
	int err = mesh_source_build(c->read.source, ret_mesh, &problems);
	uint32_t unreadable = print_unreadable(context, c, to);

	problems.warnings += config_say_passed_over(context, c, to);
	problems.errors += unreadable;
	if (!err && unreadable) {
		mesh_free(*ret_mesh);
		*ret_mesh = NULL;
		err = -EINVAL;
	}
	if (err == -ENOMEM)
		error_set(&c->read.err, err, "out of memory");
	else if (err)
		error_set(&c->read.err, err, "%u error%s", problems.errors,
			  problems.errors == 1 ? "" : "s");
	print_problems(context, &problems, to, warnings);
	if (ret_problems)
		*ret_problems = problems;
	else
		problems_free(&problems);
	return err;
}

const char *config_holdings(const struct mesh *m, uint32_t files, char out[200])
{
	const long long counts[HOLDINGS] = {
		[HOLDS_SERVICES] = m->service_count,
		[HOLDS_ENDPOINTS] = m->endpoint_count,
		[HOLDS_WORKLOADS] = m->workload_count,
		[HOLDS_POLICIES] = m->policy_count,
		[HOLDS_FILES] = files,
	};

	return human_holdings(counts, out);
}
