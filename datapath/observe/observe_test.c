// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Connections, their ends and their records; bounds; records that are not what they should be. */
#include "datapath/observe/http1_world_test.h"

static void test_connection_records(void **state)
{
	struct world *w = world_new();
	const struct connection *c;

	(void)state;
	world_pair(w);
	assert_int_equal(w->connection_count, 2);
	c = world_connection(w, REPORTER_DESTINATION, CONNECTION_OPENED);
	assert_non_null(c);
	assert_string_equal(c->source->workload, "shop");
	world_send(w, false, GET);
	world_arrive(w, false);
	world_send(w, true, OK_HELLO);
	world_arrive(w, true);
	world_tick(w, 11000 * MS);
	c = world_connection(w, REPORTER_SOURCE, CONNECTION_ALIVE);
	assert_non_null(c);
	assert_int_equal(c->received_bytes, strlen(GET));
	assert_int_equal(c->sent_bytes, strlen(OK_HELLO));
	world_tick(w, 11000 * MS); /* nothing was heard of it: there is nothing to report */
	world_send(w, false, GET);
	world_arrive(w, false);
	world_send(w, true, OK_HELLO);
	world_arrive(w, true);
	world_close(w, false, 0);
	assert_int_equal(world_counts(w)->connections, 1);
	world_close(w, true, 0);
	assert_int_equal(world_counts(w)->connections, 0);
	c = world_connection(w, REPORTER_DESTINATION, CONNECTION_CLOSED);
	assert_non_null(c);
	assert_string_equal(c->protocol, "http1");
	assert_int_equal(c->requests, 2);
	assert_int_equal(c->sent_bytes, 2 * strlen(OK_HELLO));
	assert_int_equal(c->previous_sent_bytes, strlen(OK_HELLO));
	assert_int_equal(w->connection_count, 6);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

static void test_midstream(void **state)
{
	struct world *w = world_new();
	const struct request *r;

	(void)state;
	world_discover(w, true);
	world_segment(w, SERVER, WEFT_EGRESS, 500, "rest of a body", 14);
	world_segment(w, SERVER, WEFT_INGRESS, 900, GET, strlen(GET));
	world_segment(w, SERVER, WEFT_EGRESS, 514, OK_HELLO, strlen(OK_HELLO));
	assert_int_equal(w->request_count, 1);
	r = world_request(w, REPORTER_DESTINATION, 0);
	assert_request(r, "GET", "/hello?name=", 200);
	assert_int_equal(r->incomplete, 0);
	assert_int_equal(world_connection(w, REPORTER_DESTINATION, CONNECTION_OPENED)->opened_ns,
			 0);
	world_free(w);
}

/* The guess by port is wrong; the first request says who is who. */
static void test_midstream_turned_round(void **state)
{
	struct world *w = world_new();
	struct weft_open open = world_open_record(w, true);
	const struct request *r;

	(void)state;
	open.flags = WEFT_OPEN_MIDSTREAM;
	open.role = WEFT_ROLE_UNKNOWN;
	observe_event(w->observe, &open, sizeof(open));
	world_segment(w, SERVER, WEFT_EGRESS, 900, GET, strlen(GET));
	world_segment(w, SERVER, WEFT_INGRESS, 514, OK_HELLO, strlen(OK_HELLO));
	r = world_request(w, REPORTER_SOURCE, 0);
	assert_request(r, "GET", "/hello?name=", 200);
	assert_string_equal(r->source->workload, "nginx");
	assert_int_equal(r->client->port, 80);
	world_free(w);
}

/* Both ends were met while they lived and told apart by sequence numbers; who is who is guessed
 * wrong. */
static void test_midstream_pair(void **state)
{
	struct world *w = world_new();

	(void)state;
	for (int server = 0; server < 2; server++) {
		struct weft_open open = world_open_record(w, server);

		open.flags = WEFT_OPEN_MIDSTREAM;
		open.role = WEFT_ROLE_UNKNOWN;
		open.tuple.local_port = server ? 50000 : 40000;
		open.tuple.remote_port = server ? 40000 : 50000;
		observe_event(w->observe, &open, sizeof(open));
	}
	assert_int_equal(world_counts(w)->connections, 1);
	world_send(w, false, GET);
	world_arrive(w, false);
	world_send(w, true, OK_HELLO);
	world_arrive(w, true);
	assert_int_equal(w->request_count, 2);
	assert_request(&w->requests[1], "GET", "/hello?name=", 200);
	assert_string_equal(w->requests[1].source->workload, "shop");
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

static void test_second_close_lost(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_close(w, true, 0);
	assert_null(world_connection(w, REPORTER_SOURCE, CONNECTION_CLOSED));
	world_tick(w, 10100 * MS);
	assert_non_null(world_connection(w, REPORTER_SOURCE, CONNECTION_CLOSED));
	assert_int_equal(world_counts(w)->connections, 0);
	world_free(w);
}

static unsigned told(const struct world *w, enum reporter reporter, enum connection_phase phase)
{
	unsigned count = 0;

	for (unsigned i = 0; i < w->connection_count; i++)
		count += w->connections[i].reporter == reporter && w->connections[i].phase == phase;
	return count;
}

/* The client has closed, the server's program keeps its socket (CLOSE_WAIT): one connection, open
 * at this end until the socket is gone. A walk that met it before that is late. */
static void test_close_wait(void **state)
{
	struct world *w = world_new();
	struct weft_close late;

	(void)state;
	world_pair(w);
	world_send(w, false, GET);
	world_send(w, true, OK_HELLO);
	world_close(w, false, 0);
	for (int i = 0; i < 20; i++) {
		struct weft_close alive = world_close_record(w, true, 0);

		alive.alive = 1;
		observe_event(w->observe, &alive, sizeof(alive));
		world_tick(w, 2000 * MS);
	}
	assert_int_equal(told(w, REPORTER_SOURCE, CONNECTION_CLOSED), 1);
	assert_int_equal(told(w, REPORTER_DESTINATION, CONNECTION_CLOSED), 0);
	assert_true(told(w, REPORTER_DESTINATION, CONNECTION_ALIVE) > 0);
	late = world_close_record(w, true, 0);
	late.alive = 1;
	world_close(w, true, 0);
	observe_event(w->observe, &late, sizeof(late));
	world_tick(w, 11000 * MS);
	assert_int_equal(told(w, REPORTER_DESTINATION, CONNECTION_CLOSED), 1);
	assert_int_equal(told(w, REPORTER_DESTINATION, CONNECTION_OPENED), 1);
	assert_int_equal(world_counts(w)->connections, 0);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

static void test_connect_failed(void **state)
{
	struct world *w = world_new();

	(void)state;
	struct weft_close close = world_close_record(w, false, WEFT_END_FAILED | WEFT_END_REFUSED);
	close.age_us = 40;
	world_give(w, &close, sizeof(close));
	assert_int_equal(w->connection_count, 1);
	assert_int_equal(w->connections[0].now_ns - w->connections[0].opened_ns, 40000);
	assert_int_equal(w->connections[0].phase, CONNECTION_CLOSED);
	assert_int_equal(w->connections[0].flags, RESPONSE_FLAG(UF));
	assert_int_equal(world_lost(w), 0);
	world_close(w, true, 0);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_UNKNOWN_CONNECTION], 1);
	world_free(w);
}

static void test_opaque(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_send(w, true,
		   "220 mail.example ESMTP and so on, a server that speaks first, longer than "
		   "sixty-four\r\n");
	world_send(w, false, "EHLO\r\n");
	world_close(w, false, 0);
	world_close(w, true, 0);
	assert_string_equal(world_connection(w, REPORTER_SOURCE, CONNECTION_CLOSED)->protocol,
			    "tcp");
	assert_int_equal(w->request_count, 0);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

static void test_table_full(void **state)
{
	struct observe_limits limits = observe_limits_default();
	struct world *w;

	(void)state;
	limits.connections = 8;
	w = world_new_with(&limits);
	for (uint64_t i = 0; i < 100; i++) {
		struct weft_open open = world_open_record(w, i & 1);

		open.cookie = 1000 + i;
		open.egress_seq += (uint32_t)i * 100;
		observe_event(w->observe, &open, sizeof(open));
	}
	assert_int_equal(world_counts(w)->connections, 8);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_TABLE_FULL], 92);
	world_free(w);
}

static void test_idle_forgotten(void **state)
{
	struct observe_limits limits = observe_limits_default();
	struct world *w;

	(void)state;
	limits.connection_idle_ns = 60000 * MS;
	w = world_new_with(&limits);
	world_pair(w);
	for (int i = 0; i < 8; i++)
		world_tick(w, 10000 * MS);
	assert_int_equal(world_counts(w)->connections, 0);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_CONNECTION_IDLE], 1);
	world_free(w);
}

static void test_alive_from_iterator(void **state)
{
	struct world *w = world_new();
	struct weft_close alive = world_close_record(w, true, 0);

	(void)state;
	alive.alive = 1;
	alive.owner = (struct weft_owner){0};
	alive.counters.sent_bytes = 77;
	observe_event(w->observe, &alive, sizeof(alive));
	assert_int_equal(world_counts(w)->connections, 1);
	world_tick(w, 11000 * MS);
	assert_int_equal(world_connection(w, REPORTER_DESTINATION, CONNECTION_ALIVE)->sent_bytes,
			 77);
	/* who holds it was learnt later */
	alive.owner = world_owner(true);
	observe_event(w->observe, &alive, sizeof(alive));
	world_tick(w, 11000 * MS);
	assert_string_equal(w->connections[w->connection_count - 1].destination->workload, "nginx");
	world_pair(w); /* its own record comes late */
	assert_int_equal(world_counts(w)->connections, 1);
	world_free(w);
}

static void test_bad_records(void **state)
{
	struct world *w = world_new();
	struct weft_open open = world_open_record(w, false);

	(void)state;
	observe_event(w->observe, &open, sizeof(open) - 1);
	observe_event(w->observe, &open, 3);
	open.event.kind = 99;
	observe_event(w->observe, &open, sizeof(open));
	open.event.kind = 0;
	observe_event(w->observe, &open, sizeof(open));
	open.event.kind = WEFT_EVENT_CLOSE;
	observe_event(w->observe, &open, sizeof(open));
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_BAD_EVENT], 5);
	assert_int_equal(world_counts(w)->connections, 0);
	world_free(w);
}

static void test_listener(void **state)
{
	struct world *w = world_new();
	struct weft_listen l = {.event = world_event(w, WEFT_EVENT_LISTEN, sizeof(l)),
				.cookie = 5,
				.tuple = world_tuple(true),
				.owner = world_owner(true),
				.backlog = 3,
				.backlog_max = 128,
				.drops = 9};

	(void)state;
	observe_event(w->observe, &l, sizeof(l));
	assert_int_equal(w->listener_count, 1);
	assert_int_equal(w->listeners[0].address.port, 80);
	assert_int_equal(w->listeners[0].drops, 9);
	assert_string_equal(w->listeners[0].identity->workload, "nginx");
	world_free(w);
}

static void test_order_of_opens(void **state)
{
	(void)state;
	for (int server_first = 0; server_first < 2; server_first++) {
		struct world *w = world_new();
		struct weft_open second = world_open_record(w, !server_first);

		world_open(w, server_first);
		if (!server_first)
			world_send(w, false, GET);
		observe_event(w->observe, &second, sizeof(second));
		if (server_first)
			world_send(w, false, GET);
		world_arrive(w, false);
		world_send(w, true, OK_HELLO);
		world_arrive(w, true);
		assert_int_equal(world_counts(w)->connections, 1);
		assert_int_equal(w->request_count, 2);
		assert_string_equal(w->requests[1].destination->workload, "nginx");
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connection_records),
		cmocka_unit_test(test_midstream),
		cmocka_unit_test(test_midstream_turned_round),
		cmocka_unit_test(test_midstream_pair),
		cmocka_unit_test(test_second_close_lost),
		cmocka_unit_test(test_close_wait),
		cmocka_unit_test(test_connect_failed),
		cmocka_unit_test(test_opaque),
		cmocka_unit_test(test_table_full),
		cmocka_unit_test(test_idle_forgotten),
		cmocka_unit_test(test_alive_from_iterator),
		cmocka_unit_test(test_bad_records),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_order_of_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
