// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft top`: the edge table, live. Costs weftd one answer per screen, and nothing when it is
 * closed. */
#include "control/cli/command.h"
#include "control/cli/edges.h"

#include <locale.h>
#include <math.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct top {
	const struct context *context;
	struct edges edges;
	long long lost; /* events, from status */
	enum edges_order order;
	bool reverse;
	bool frozen;
	unsigned scroll;
	double interval_s;
	bool once;
	struct error err;
};

static int take_edge(void *arg, const char *text, json_t *o)
{
	struct top *top = arg;

	if (edges_leave_out(&top->edges, o))
		return 0;
	if (top->context->json)
		return puts(text) < 0;
	edges_add(&top->edges, o);
	return 0;
}

static int take_status(void *arg, const char *text, json_t *o)
{
	struct top *top = arg;

	(void)text;
	top->lost = field_number(json_object_get(o, "events"), "lost");
	return 0;
}

static int fetch(struct top *top)
{
	struct client_url url;
	int r;

	top->edges.count = top->edges.dropped = top->edges.own = 0;
	client_url_start(&url, "/api/v1/edges");
	r = client_get(top->context->socket_path, &url, take_edge, top, &top->err);
	if (r)
		return r;
	client_url_start(&url, "/api/v1/status");
	r = client_get(top->context->socket_path, &url, take_status, top, &top->err);
	edges_sort(&top->edges, top->order, top->reverse);
	return r;
}

static void title(const struct top *top, char *out, size_t size)
{
	snprintf(out, size, "weft top   %u edges   sorted by %s%s   events lost %lld%s",
		 top->edges.count, edges_order_name(top->order), top->reverse ? " (reversed)" : "",
		 top->lost, top->frozen ? "   [frozen]" : "");
}

static int print_once(struct top *top)
{
	char line[EDGES_LINE_MAX];

	title(top, line, sizeof(line));
	puts(line);
	puts(edges_header(&top->edges, line));
	for (unsigned i = 0; i < top->edges.count; i++)
		puts(edges_line(&top->edges, i, top->context->color, line));
	if (edges_note(&top->edges, line)[0])
		puts(line);
	return EXIT_FINE;
}

/* JSON: edges in the order of the answer; the consumer sorts them. */
static int print_json(struct top *top)
{
	struct client_url url;

	client_url_start(&url, "/api/v1/edges");
	return client_get(top->context->socket_path, &url, take_edge, top, &top->err);
}

static void draw_row(const struct top *top, int y, unsigned index)
{
	const struct edge_view *row = &top->edges.rows[index];
	char line[EDGES_LINE_MAX];
	int color = 0;

	if (!isnan(row->error_share) && row->error_share > 0)
		color = row->error_share >= 0.05 ? 1 : 2;
	attron(COLOR_PAIR(color));
	mvaddnstr(y, 0, edges_line(&top->edges, index, false, line), COLS);
	attroff(COLOR_PAIR(color));
}

static void draw(const struct top *top)
{
	char line[EDGES_LINE_MAX];

	erase();
	title(top, line, sizeof(line));
	mvaddnstr(0, 0, line, COLS);
	attron(A_REVERSE);
	mvaddnstr(2, 0, edges_header(&top->edges, line), COLS);
	attroff(A_REVERSE);
	for (int y = 3; y < LINES - 1 && top->scroll + (unsigned)y - 3 < top->edges.count; y++)
		draw_row(top, y, top->scroll + (unsigned)y - 3);
	if (LINES > 4 + (int)top->edges.count)
		mvaddnstr(3 + (int)top->edges.count, 0, edges_note(&top->edges, line), COLS);
	attron(A_DIM);
	mvaddnstr(LINES - 1, 0, "q quit   s sort by   r reverse   space freeze   arrows scroll",
		  COLS);
	attroff(A_DIM);
	refresh();
}

/* Returns false when the program has to end. */
static bool handle_key(struct top *top, int key)
{
	switch (key) {
	case 'q':
		return false;
	case 's':
		top->order = (top->order + 1) % EDGES_ORDER_MAX;
		break;
	case 'r':
		top->reverse = !top->reverse;
		break;
	case ' ':
		top->frozen = !top->frozen;
		break;
	case KEY_DOWN:
	case 'j':
		top->scroll += top->scroll + 1 < top->edges.count;
		break;
	case KEY_UP:
	case 'k':
		top->scroll -= top->scroll > 0;
		break;
	default:
		break;
	}
	edges_sort(&top->edges, top->order, top->reverse);
	return true;
}

static int run_screen(struct top *top)
{
	int r = fetch(top);

	if (r)
		return r;
	setlocale(LC_ALL, "");
	initscr();
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	if (top->context->color && has_colors()) {
		start_color();
		use_default_colors();
		init_pair(1, COLOR_RED, -1);
		init_pair(2, COLOR_YELLOW, -1);
	}
	timeout((int)(top->interval_s * 1000));
	for (int key = ERR; !r && handle_key(top, key); key = getch()) {
		if (!top->frozen && key == ERR)
			r = fetch(top);
		draw(top);
	}
	endwin();
	return r;
}

static int take_options(struct top *top, const struct arguments *a)
{
	const char *interval = cli_value(a, CLI_OPTION_interval);
	char *end = "";

	top->once = cli_has(a, CLI_OPTION_once);
	top->edges.self = cli_has(a, CLI_OPTION_self);
	top->interval_s = interval ? strtod(interval, &end) : 1;
	if (top->context->json && !top->once)
		return command_fail(EXIT_USAGE, "the live table is no JSON: top --once -o json, or "
						"weft edges -o json");
	if (*end || !(top->interval_s >= 0.1 && top->interval_s <= 3600))
		return command_fail(EXIT_USAGE, "--interval is 0.1 to 3600 seconds");
	return EXIT_FINE;
}

static int command_top(const struct context *context, const struct arguments *a)
{
	static struct top top;
	int code;

	top.context = context;
	code = take_options(&top, a);
	if (code)
		return code;
	if (context->json)
		code = print_json(&top) ? EXIT_FAILED : EXIT_FINE;
	else if (top.once)
		code = fetch(&top) ? EXIT_FAILED : print_once(&top);
	else
		code = run_screen(&top) ? EXIT_FAILED : EXIT_FINE;
	return code ? command_fail(code, "%s", top.err.text) : EXIT_FINE;
}

const struct command top_command = {
	.name = "top",
	.options = CLI_TAKES(once) | CLI_TAKES(interval) | CLI_TAKES(self),
	.summary = "the same as a live table",
	.help = "keys: q quit, s next sort column, r reverse, space freeze, arrows scroll\n",
	.run = command_top};
