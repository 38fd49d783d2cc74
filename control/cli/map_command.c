// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft map`: the mesh in the kernel's maps, whether or not an agent runs. */
#include "control/cli/command.h"

#include "base/address.h"
#include "control/cli/table.h"

#include "datapath/attach/mesh/mesh_read.h"
#include "mesh-config/compile/cells_view.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const char *const HEADS[] = {"FRONT",   "SHARE", "BALANCE",    ">TIER",	   "ENDPOINT",
				    ">WEIGHT", "STATE", ">CONNECTED", ">CONNECTS", ">FAILED"};

struct map_view {
	const struct context *context;
	const char *pattern; /* of frontends; NULL: all */
	struct mesh_read mesh;
	struct cells_view cells;
	struct cli_table *table;
	char frontend[96]; /* of the current row */
	char share[32];
};

static const char *balance_text(const struct weft_mesh_pool *pool)
{
	static const char *const texts[] = {"random", "round robin", "least", "maglev"};

	return pool->balance < 4 ? texts[pool->balance] : "unknown";
}

static unsigned tier_of(const struct weft_mesh_pool *pool, uint32_t number)
{
	unsigned tier = 0;

	while (tier + 1 < pool->tiers && number >= pool->tier[tier + 1].first)
		tier++;
	return tier;
}

static void add_endpoint(struct map_view *view, const struct weft_mesh_pool *pool, uint32_t number)
{
	const struct weft_mesh_endpoint *e = cells_view_at(&view->cells, pool->first + number);
	const struct weft_endpoint_state *state;
	char text[80];

	if (!e || e->state >= WEFT_MESH_ENDPOINTS)
		return;
	state = &view->mesh.endpoints[e->state];
	address_port_text(e->addr, e->port, text);
	if (view->context->json) {
		printf("{\"front\":\"%s\",\"share\":\"%s\",\"balance\":\"%s\",\"tier\":%u,"
		       "\"endpoint\":\"%s\",\"weight\":%u,\"ejected\":%s,\"connections\":%u,"
		       "\"connects\":%llu,\"failures\":%llu}\n",
		       view->frontend, view->share, balance_text(pool), tier_of(pool, number), text,
		       e->weight, state->flags & WEFT_EJECTED ? "true" : "false",
		       state->connections, (unsigned long long)state->connects,
		       (unsigned long long)state->failures);
		return;
	}
	cli_table_add(view->table, view->frontend);
	cli_table_add(view->table, view->share);
	cli_table_add(view->table, balance_text(pool));
	cli_table_addf(view->table, "%u", tier_of(pool, number));
	cli_table_add(view->table, text);
	cli_table_addf(view->table, "%u", e->weight);
	cli_table_add(view->table, state->flags & WEFT_EJECTED ? "ejected" : "ready");
	cli_table_addf(view->table, "%u", state->connections);
	cli_table_addf(view->table, "%llu", (unsigned long long)state->connects);
	cli_table_addf(view->table, "%llu", (unsigned long long)state->failures);
}

/* A share without endpoints is a row, too: its connects are refused. */
static void add_pool(struct map_view *view, uint32_t cell)
{
	const struct weft_mesh_pool *pool = cells_view_at(&view->cells, cell);

	if (!pool)
		return;
	for (uint32_t i = 0; i < pool->endpoints; i++)
		add_endpoint(view, pool, i);
	if (pool->endpoints || view->context->json)
		return;
	cli_table_add(view->table, view->frontend);
	cli_table_add(view->table, view->share);
	cli_table_add(view->table, balance_text(pool));
	for (int i = 3; i < 10; i++)
		cli_table_add(view->table, i == 4 ? "none: refused" : "-");
}

/* |some|: it applies only to connections that match. */
static void add_route(struct map_view *view, uint32_t first, bool some)
{
	const struct weft_mesh_route *route = cells_view_at(&view->cells, first), *part;
	uint32_t below = 0;

	if (!route)
		return;
	for (uint32_t i = 0; i < route->splits; i++) {
		part = cells_view_at(&view->cells, first + i / WEFT_ROUTE_SPLITS);
		if (!part)
			return;
		snprintf(view->share, sizeof(view->share), "%s%u/%u", some ? "if, " : "",
			 part->split[i % WEFT_ROUTE_SPLITS].upper - below, route->total_weight);
		below = part->split[i % WEFT_ROUTE_SPLITS].upper;
		add_pool(view, part->split[i % WEFT_ROUTE_SPLITS].pool);
	}
}

static void add_frontend(void *arg, const struct weft_mesh_front *front)
{
	struct map_view *view = arg;
	const struct weft_mesh_route *route;
	char text[80];

	snprintf(view->frontend, sizeof(view->frontend), "%s/%s",
		 address_port_text(front->key.addr, front->key.port, text),
		 front->key.protocol == IPPROTO_UDP ? "udp" : "tcp");
	if (view->pattern && fnmatch(view->pattern, view->frontend, 0) != 0 &&
	    strncmp(view->pattern, view->frontend, strlen(view->pattern)) != 0)
		return;
	for (uint32_t i = 0; i < front->routes; i += 1u + route->more) {
		route = cells_view_at(&view->cells, front->route + i);
		if (!route)
			return;
		add_route(view, front->route + i,
			  front->match && i + 1u + route->more < front->routes);
	}
}

static void print_head(const struct map_view *view)
{
	const struct weft_mesh_header *h = view->mesh.cells;

	printf("generation %llu, configuration %016llx, %u of %u cells\n",
	       (unsigned long long)h->generation, (unsigned long long)h->config_hash, h->cells,
	       view->mesh.count);
}

static int print_map(struct map_view *view)
{
	if (!view->mesh.cells) {
		fprintf(stderr, "weft: no mesh is in force\n");
		return EXIT_PROBLEMS;
	}
	view->cells = (struct cells_view){view->mesh.cells, view->mesh.count};
	view->table = cli_table_new(HEADS, sizeof(HEADS) / sizeof(HEADS[0]));
	if (!view->table)
		return command_fail(EXIT_FAILED, "no memory");
	cells_view_fronts(&view->cells, add_frontend, view);
	if (!view->context->json) {
		print_head(view);
		cli_table_print(view->table, view->context->color);
	}
	cli_table_free(view->table);
	return EXIT_FINE;
}

static int command_map(const struct context *context, const struct arguments *a)
{
	struct map_view view = {.context = context, .pattern = a->operands[0]};
	struct error err = {0};
	int code;

	if (mesh_read_open(context->pin_dir, &view.mesh, &err))
		return command_fail(EXIT_FAILED, "%s", err.text);
	code = print_map(&view);
	mesh_read_close(&view.mesh);
	return code;
}

const struct command map_command = {
	.name = "map",
	.operands = "[PATTERN]",
	.most = 1,
	.summary = "the mesh as the kernel holds it, with or without an agent",
	.help = "PATTERN begins ADDRESS:PORT/PROTOCOL of a service; * and ? match\n",
	.run = command_map};
