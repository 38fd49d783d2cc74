// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines for the log, as the loader gets them. */
#include "control/apply/report.h"

#include "control/ipc/links.h"

#include "mesh-config/resolve/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct world {
	struct ipc_links links;
	struct report report;
	struct mesh_source *source;
	char said[8192]; /* each line ends with a new line */
};

/* Lines that were said since the last look are added. */
static void take_lines(struct world *w)
{
	static char data[IPC_DATA_MAX];
	struct ipc_request request;
	size_t used;

	while (!ipc_receive(&w->links.answers[IPC_CONFIG_IO], &request, data, sizeof(data), NULL)) {
		assert_int_equal(request.message, IPC_MESSAGE_SAY);
		used = strlen(w->said);
		snprintf(w->said + used, sizeof(w->said) - used, "%.*s\n", (int)request.bytes,
			 data);
	}
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct error err;

	assert_int_equal(ipc_links_open(&w->links, &err), 0);
	w->report.loader = &w->links.asks[IPC_CONFIG_IO];
	w->source = mesh_source_new();
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ipc_links_close(&w->links);
	mesh_source_free(w->source);
	free(w);
	return 0;
}

static const char *said(struct world *w)
{
	static char text[sizeof(w->said)];

	take_lines(w);
	memcpy(text, w->said, sizeof(text));
	w->said[0] = 0;
	return text;
}

static void put(struct world *w, const char *text)
{
	assert_int_equal(mesh_source_put(w->source, "a.yaml", (struct slice){text, strlen(text)}),
			 0);
	w->report.changed = true;
}

/* What the compiler does with what is there. */
static void attempt(struct world *w)
{
	struct problems problems = {0};
	struct mesh *mesh = NULL;

	if (mesh_source_build(w->source, &mesh, &problems))
		report_refused(&w->report, &problems, problems.items[0].text, 7);
	else
		report_applied(&w->report, w->source, 8);
	mesh_free(mesh);
	problems_free(&problems);
}

#define SERVICE(name, rest)                                                                        \
	"apiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: shop}\n"             \
	"spec: {" rest "}\n---\n"

static void refusals_are_said_once_for_each_change(void **state)
{
	static const char bad[] =
		"event=config_refused in_force=7 file=\"a.yaml\" line=4 column=8 code=E2001 "
		"object=\"Service shop/a\" reason=\"unknown field 'prots' in Service.spec\"\n";
	struct world *w = *state;

	put(w, SERVICE("a", "clusterIP: None"));
	attempt(w);
	assert_string_equal(said(w), "");
	put(w, SERVICE("a", "prots: [], clusterIP: None"));
	attempt(w);
	assert_string_equal(said(w), bad);
	attempt(w);
	assert_string_equal(said(w), "");
	put(w, SERVICE("a", "prots: [], clusterIP: None"));
	attempt(w);
	assert_string_equal(said(w), bad);
	put(w, SERVICE("a", "clusterIP: None"));
	attempt(w);
	assert_string_equal(said(w), "event=config_applied generation=8\n");
	put(w, SERVICE("a", "clusterIP: None") "#\n");
	attempt(w);
	assert_string_equal(said(w), "");
}

static void what_cannot_be_read_and_other_failures_are_said(void **state)
{
	struct world *w = *state;
	struct problems none = {0};

	report_refused(&w->report, &none, "/d/b c.yaml: error E1010: it \"had\" objects", 0);
	assert_string_equal(said(w), "event=config_refused in_force=0 file=\"/d/b c.yaml\" line=0 "
				     "code=E1010 reason=\"it 'had' objects\"\n");
	w->report.changed = true;
	report_refused(&w->report, &none, "no room", 3);
	assert_string_equal(said(w), "event=config_refused in_force=3 reason=\"no room\"\n");
}

static void many_errors_are_counted(void **state)
{
	struct world *w = *state;
	char text[4096] = "";
	unsigned lines = 0;

	for (unsigned i = 0; i < 12; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 SERVICE("a%u", "clusterIP: None, x: 1"), i);
	put(w, text);
	attempt(w);
	take_lines(w);
	for (const char *at = w->said; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, 9);
	assert_non_null(strstr(w->said, "event=config_refused in_force=7 more=4\n"));
}

static void what_is_taken_away_is_said_by_name(void **state)
{
	struct world *w = *state;

	put(w, SERVICE("a", "clusterIP: None") SERVICE("b", "clusterIP: None"));
	attempt(w);
	put(w, SERVICE("b", "clusterIP: None"));
	attempt(w);
	assert_string_equal(said(w), "event=config_removed generation=8 count=1 objects=\"Service "
				     "shop/a\"\n");
	attempt(w);
	assert_string_equal(said(w), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(refusals_are_said_once_for_each_change, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_read_and_other_failures_are_said,
						setup, teardown),
		cmocka_unit_test_setup_teardown(many_errors_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_taken_away_is_said_by_name, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
