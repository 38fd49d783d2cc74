// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Policies at real connects: random policies are in force, random workloads connect, and what
 * connect says, and the record of it, is what the judge says. */
#include "control/apply/policy_mesh_test.h"

#define WORLDS	    40
#define CONNECTIONS 60

/* ---- records */

static struct weft_verdict last;
static unsigned denials, notes_reported;

static int record_take(void *arg, void *record, size_t size_bytes)
{
	const struct weft_verdict *v = record;

	(void)arg;
	if (v->event.kind != WEFT_EVENT_VERDICT || v->place != WEFT_PLACE_CONNECT)
		return 0;
	assert_int_equal(size_bytes, sizeof(*v));
	assert_int_equal(v->generation, mesh_maps_live(maps)->generation);
	if (v->verdict == WEFT_VERDICT_DENIED) {
		last = *v;
		denials++;
	} else {
		notes_reported++;
	}
	return 0;
}

static void records_take(void)
{
	denials = notes_reported = 0;
	reader_consume(reader, record_take, NULL);
}

static uint32_t workload_number(const char *address)
{
	uint32_t kind = (uint32_t)strtol(strrchr(address, '.') + 1, NULL, 10) - 1;

	if (!strncmp(address, "127.0.3.", 8))
		return WEFT_NUMBER_NONE;
	return kind + (strncmp(address, "127.0.1.", 8) ? 2000 : 1000);
}

static void record_check(const struct spec_connection *c, const struct spec_verdict *v)
{
	records_take();
	if (v->notes <= (int)WEFT_POLICY_NOTES)
		assert_int_equal(notes_reported, v->notes);
	assert_int_equal(denials, !v->allowed);
	if (v->allowed)
		return;
	assert_int_equal(last.policy,
			 v->policy == SPEC_NONE ? WEFT_NUMBER_NONE : (uint32_t)v->policy);
	assert_int_equal(last.rule, v->rule);
	assert_int_equal(last.source, workload_number(c->source.address));
	assert_int_equal(last.target, workload_number(c->target.address));
	assert_int_equal(last.tuple.remote_port, c->port);
	assert_int_equal(last.owner.pid, getpid());
	assert_int_equal(last.place, WEFT_PLACE_CONNECT);
}

/* ---- random policies */

static int connection_try(const struct spec_connection *c, int type)
{
	int fd = dial_from(type, c->source.address, c->target.address, (uint16_t)c->port);

	if (fd < 0)
		return fd;
	if (type == SOCK_STREAM)
		hang_up(fd);
	else
		close(fd);
	return 0;
}

static void judged_connects(int type)
{
	unsigned allowed = 0, denied = 0;
	struct spec_connection c;
	struct spec_verdict v;

	world_seed = 99 + (uint64_t)type;
	servers_open(type);
	for (int w = 0; w < WORLDS; w++) {
		spec_count = random_policies(specs);
		policies_begin();
		mesh_force();
		records_take();
		for (int i = 0; i < CONNECTIONS; i++) {
			loopback_connection(&c);
			v = spec_judge(specs, spec_count, &c);
			assert_int_equal(connection_try(&c, type), v.allowed ? 0 : -EPERM);
			record_check(&c, &v);
			allowed += v.allowed;
			denied += !v.allowed;
		}
	}
	servers_close();
	print_message("%u connects succeeded, %u were refused with EPERM, each as judged\n",
		      allowed, denied);
	assert_true(allowed > 200 && denied > 200);
}

static void test_tcp(void **state)
{
	struct error err;

	(void)state;
	if (reader_new(attach_reader_maps(attach), &reader, &err))
		fail_msg("%s", err.text);
	judged_connects(SOCK_STREAM);
}

static void test_udp(void **state)
{
	(void)state;
	judged_connects(SOCK_DGRAM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_udp),
	};

	names_fill(&names);
	world_on_loopback();
	return world_run(tests);
}
