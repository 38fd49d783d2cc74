/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: conversations in a table, each played with its writes cut in many ways. */
#pragma once

#include "datapath/attach/core/capture_check_test.h"

/* ---- how writes are cut */

static size_t cut_at;

static size_t whole(size_t left)
{
	return left;
}

static size_t fixed(size_t left)
{
	(void)left;
	return cut_at;
}

/* The first write of a turn ends at |cut_at|, the rest follows whole. */
static size_t once(size_t left)
{
	static size_t before;
	bool starts = left > before || !before;

	before = starts && cut_at < left ? left - cut_at : 0;
	return starts ? cut_at : left;
}

static size_t random_cut(size_t left)
{
	(void)left;
	return dice(2) ? 1 + dice(40) : 1 + dice(20000);
}

/* ---- the table */

#define K(n) ((n) * 1024u)

struct scenario {
	const char *name;
	void (*build)(void);
	struct expectation expect; /* for whole writes */
	bool bytewise;		   /* short enough to be sent byte by byte */
	bool ragged;		   /* |expect| holds for writes that cut anywhere */
};

static void run(const struct scenario *s, int family, size_t (*cut)(size_t), const char *how)
{
	static char name[128];
	struct expectation e = s->expect;

	snprintf(name, sizeof(name), "%s, %s %zu, IPv%d", s->name, how, cut_at,
		 family == AF_INET ? 4 : 6);
	now_checking = name;
	if (cut != whole)
		e.attached = 0;
	if (cut != whole && !(s->ragged && cut == fixed))
		e.body_max = 0;
	talk_forget();
	s->build();
	talk_connect(family);
	talk_play(cut);
	talk_close();
	check(&e);
}

static const struct scenario *scenarios;
static size_t scenario_count;

static void each(void (*go)(const struct scenario *s))
{
	const char *only = getenv("ONLY");

	faults = 0;
	for (size_t i = 0; i < scenario_count; i++)
		if (!only || strstr(scenarios[i].name, only))
			go(&scenarios[i]);
	assert_int_equal(faults, 0);
}

static void go_whole(const struct scenario *s)
{
	cut_at = 0;
	run(s, AF_INET, whole, "whole");
	run(s, AF_INET6, whole, "whole");
}

/* Chunk and frame headers fall on the borders of packets now and then. */
static void go_ragged(const struct scenario *s)
{
	for (cut_at = 4999; s->ragged && cut_at < 5012; cut_at++)
		run(s, AF_INET, fixed, "pieces of");
}

static void go_bytewise(const struct scenario *s)
{
	cut_at = 1;
	if (s->bytewise)
		run(s, AF_INET, fixed, "pieces of");
}

static void go_once(const struct scenario *s)
{
	for (cut_at = 1; cut_at < 90; cut_at++)
		if (s->bytewise || cut_at < 12 || cut_at % 10 == 0)
			run(s, AF_INET, once, "first cut at");
}

static void go_random(const struct scenario *s)
{
	for (int i = 0; i < 10; i++) {
		cut_at = (size_t)seed;
		run(s, AF_INET, random_cut, "random");
	}
}

static void test_whole(void **state)
{
	(void)state;
	each(go_whole);
}

static void test_ragged(void **state)
{
	(void)state;
	each(go_ragged);
}

static void test_bytewise(void **state)
{
	(void)state;
	each(go_bytewise);
}

static void test_once(void **state)
{
	(void)state;
	each(go_once);
}

static void test_random(void **state)
{
	(void)state;
	each(go_random);
}

static void test_not_here(void **state)
{
	(void)state;
	print_message("skipped: needs root\n");
	skip();
}

/* Runs the table in a world of its own. */
static inline int scenarios_run(const char *name, const struct scenario *table, size_t count)
{
	const struct CMUnitTest skipped[] = {cmocka_unit_test(test_not_here)};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	 cmocka_unit_test(test_ragged),
		cmocka_unit_test(test_bytewise), cmocka_unit_test(test_once),
		cmocka_unit_test(test_random),
	};

	if (geteuid() || private_loopback())
		return cmocka_run_group_tests(skipped, NULL, NULL);
	scenarios = table;
	scenario_count = count;
	return cmocka_run_group_tests_name(name, tests, world_begin, world_end);
}
