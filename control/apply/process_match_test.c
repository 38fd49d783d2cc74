// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The workloads of local processes. */
#include "control/apply/process_match.h"

#include "mesh-config/model/programs.h"
#include "mesh-config/resolve/source.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LONG "a-name-that-is-longer-than-what-is-shown-of-it-and-compared-to-its-end-all-the-same"

#define WORKLOAD(name, match)                                                                      \
	"---\napiVersion: weft.dev/v1alpha1\nkind: Workload\nmetadata: {name: " name "}\n"         \
	"spec: {match: [{" match "}]}\n"

static const char yaml[] = WORKLOAD("unit", "systemdUnit: web.service")
	WORKLOAD("group", "cgroup: /app/*, uid: 7") WORKLOAD("pod", "container: 0123456789ab")
		WORKLOAD("program", "executable: '*/worker', uid: 8") WORKLOAD(
			"network", "ip: [10.1.0.0/16]") WORKLOAD("long", "executable: '*/" LONG "'")
			WORKLOAD("path", "executable: /opt/shop/worker") WORKLOAD(
				"boxed", "executable: /opt/shop/boxed, cgroup: /box")
				WORKLOAD("owned", "executable: '*/till', executableOwner: 5")
					WORKLOAD("namespaced", "netns: blue, uid: 9")
						WORKLOAD("user", "uid: 9");

static unsigned lookups;

static int path(void *arg, uint64_t id, char *out, size_t size)
{
	static const char *const paths[] = {
		"/",
		"/system.slice/web.service/sub",
		"/app/x",
		"/kubepods/cri-0123456789abcdef.scope",
		"/system.slice/evil.service/web.service",
		"/user.slice/user@7.service/cri-0123456789abcdef.scope"};

	(void)arg;
	lookups++;
	if (id >= sizeof(paths) / sizeof(paths[0]))
		return -ENOENT;
	snprintf(out, size, "%s", paths[id]);
	return 0;
}

static struct mesh *build(void)
{
	struct mesh_source *s = mesh_source_new();
	struct problems problems = {0};
	struct mesh *m = NULL;

	assert_int_equal(mesh_source_put(s, "a.yaml", SLICE(yaml)), 0);
	assert_int_equal(mesh_source_build(s, &m, &problems), 0);
	problems_free(&problems);
	mesh_source_free(s);
	return m;
}

static const char *named(struct process_match *r, const struct mesh *m,
			 const struct weft_owner *owner, const uint8_t addr[16])
{
	uint32_t found = process_match_owner(r, m, 1, owner, addr);

	return found == MESH_NONE ? "nobody" : m->workloads[found].name;
}

/* Of a program at |path|, or of this name alone, that |changed_by| may change. */
static const char *at(struct process_match *r, const struct mesh *m, const char *path,
		      uint32_t changed_by)
{
	const uint8_t addr[16] = {[10] = 0xff, 0xff, 10, 9, 0, 1};
	struct weft_owner owner = {.cgroup_id = 2};

	program_of(path, &owner.program);
	owner.program.owner = changed_by;
	return named(r, m, &owner, addr);
}

static const char *who(struct process_match *r, const struct mesh *m, uint64_t cgroup, uint32_t uid,
		       const char *exe, uint8_t second)
{
	const uint8_t addr[16] = {[10] = 0xff, 0xff, 10, second, 0, 1};
	struct weft_owner owner = {.cgroup_id = cgroup, .uid = uid};

	program_of(exe, &owner.program);
	return named(r, m, &owner, addr);
}

static void the_first_that_fits(void **state)
{
	struct process_match *r = process_match_new(path, NULL);
	struct mesh *m = build();

	(void)state;
	assert_string_equal(who(r, m, 1, 0, "x", 0), "unit");
	assert_string_equal(who(r, m, 2, 7, "x", 0), "group");
	assert_string_equal(who(r, m, 2, 6, "x", 0), "nobody");
	assert_string_equal(who(r, m, 3, 0, "x", 0), "pod");
	assert_string_equal(who(r, m, 4, 0, "x", 0), "nobody"); /* others may make such groups */
	assert_string_equal(who(r, m, 5, 0, "x", 0), "nobody");
	assert_string_equal(who(r, m, 2, 8, "worker", 1), "program");
	assert_string_equal(who(r, m, 2, 5, "worker", 1), "nobody"); /* but for its address: */
	assert_string_equal(
		m->workloads[mesh_workload_find(m, (uint8_t[16]){[10] = 0xff, 0xff, 10, 1, 0, 1})]
			.name,
		"network");
	assert_string_equal(who(r, m, 2, 5, LONG, 0), "long");
	assert_string_equal(who(r, m, 2, 5, LONG "x", 0), "nobody");
	lookups = 0;
	assert_string_equal(who(r, m, 1, 0, "x", 0), "unit");
	assert_int_equal(lookups, 0);
	mesh_free(m);
	process_match_free(r);
}

static void by_their_path(void **state)
{
	struct process_match *r = process_match_new(path, NULL);
	struct mesh *m = build();

	(void)state;
	assert_string_equal(at(r, m, "/opt/shop/worker", 3), "path");
	assert_string_equal(at(r, m, "/opt/worker", 3), "nobody");
	assert_string_equal(at(r, m, "worker", 3), "nobody");
	assert_string_equal(at(r, m, "/opt/till", 5), "owned");
	assert_string_equal(at(r, m, "/opt/till", 0), "owned");
	assert_string_equal(at(r, m, "/opt/till", 6), "nobody");
	assert_string_equal(at(r, m, "/opt/till", WEFT_OWNERS_MANY), "nobody");
	assert_string_equal(at(r, m, "till", 5), "nobody");
	mesh_free(m);
	process_match_free(r);
}

static void what_is_not_known_is_not_guessed(void **state)
{
	struct process_match *r = process_match_new(path, NULL);
	struct mesh *m = build();

	(void)state;
	assert_string_equal(who(r, m, 2, 9, "x", 0), "nobody");	       /* in which namespace? */
	assert_string_equal(who(r, m, 77, 5, "x", 0), "nobody");       /* in which group? */
	assert_string_equal(who(r, m, 77, 8, "worker", 1), "program"); /* before any of those */
	mesh_free(m);
	process_match_free(r);
}

/* The path is not known at the first lookup. */
static int path_later(void *arg, uint64_t id, char *out, size_t size)
{
	int r = path(arg, id, out, size);

	return lookups > 1 ? r : -EAGAIN;
}

static void a_path_that_comes_later(void **state)
{
	struct process_match *r = process_match_new(path_later, NULL);
	struct mesh *m = build();

	(void)state;
	lookups = 0;
	assert_string_equal(who(r, m, 1, 0, "x", 0), "nobody");
	assert_string_equal(who(r, m, 1, 0, "x", 0), "unit");
	assert_string_equal(who(r, m, 1, 0, "x", 0), "unit");
	assert_int_equal(lookups, 2);
	mesh_free(m);
	process_match_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_fits),
		cmocka_unit_test(by_their_path),
		cmocka_unit_test(what_is_not_known_is_not_guessed),
		cmocka_unit_test(a_path_that_comes_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
