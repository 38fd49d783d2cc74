// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reports of connections to counters: lives, bytes, trouble, TLS. */
#include "control/signals/signals.h"

#include "control/signals/fixture_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct signals *s;

static int setup(void **state)
{
	(void)state;
	s = fixture_signals(signals_limits_default());
	return s ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	signals_free(s);
	return 0;
}

static void report(uint64_t id, enum connection_phase phase, const char *protocol, uint64_t sent,
		   uint64_t received)
{
	struct connection c = fixture_connection(id, phase, protocol);

	c.sent_bytes = sent;
	c.received_bytes = received;
	signals_connection(s, &c);
}

static void test_tcp_bytes_and_lives(void **state)
{
	(void)state;
	report(1, CONNECTION_OPENED, "unknown", 0, 0);
	assert_int_equal(fixture_sum(s, METRIC_TCP_OPENED, NULL, NULL), 0);
	report(1, CONNECTION_ALIVE, "tcp", 1000, 10);
	assert_int_equal(fixture_sum(s, METRIC_TCP_OPENED, NULL, NULL), 1);
	report(1, CONNECTION_ALIVE, "tcp", 3000, 20);
	report(1, CONNECTION_CLOSED, "tcp", 3500, 30);
	assert_int_equal(fixture_sum(s, METRIC_TCP_SENT, NULL, NULL), 3500);
	assert_int_equal(fixture_sum(s, METRIC_TCP_RECEIVED, "reporter", "destination"), 30);
	assert_int_equal(fixture_sum(s, METRIC_TCP_OPENED, NULL, NULL), 1);
	assert_int_equal(fixture_sum(s, METRIC_TCP_CLOSED, NULL, NULL), 1);
	assert_int_equal(fixture_sum(s, METRIC_CONNECTION_SENT, NULL, NULL), 3500);
	assert_int_equal(fixture_sum(s, METRIC_CONNECTIONS_OPENED, NULL, NULL), 1);
	assert_int_equal(fixture_sum(s, METRIC_CONNECTIONS_CLOSED, NULL, NULL), 1);
	assert_int_equal(fixture_sum(s, METRIC_CONNECTIONS_OPEN, NULL, NULL), 0);
}

static void test_http_is_not_tcp(void **state)
{
	(void)state;
	report(1, CONNECTION_OPENED, "unknown", 0, 0);
	report(1, CONNECTION_ALIVE, "unknown", 0, 0);
	report(1, CONNECTION_ALIVE, "http1", 100, 100);
	assert_int_equal(fixture_sum(s, METRIC_CONNECTIONS_OPEN, NULL, NULL), 1);
	report(1, CONNECTION_CLOSED, "http1", 200, 200);
	report(2, CONNECTION_CLOSED, "http2", 7, 7);
	assert_int_equal(fixture_sum(s, METRIC_TCP_OPENED, NULL, NULL), 0);
	assert_int_equal(fixture_sum(s, METRIC_TCP_SENT, NULL, NULL), 0);
	assert_int_equal(fixture_sum(s, METRIC_CONNECTION_SENT, NULL, NULL), 207);
	assert_int_equal(fixture_sum(s, METRIC_CONNECTIONS_CLOSED, NULL, NULL), 2);
}

static void test_upgraded_connections_become_tcp(void **state)
{
	(void)state;
	report(1, CONNECTION_ALIVE, "http1", 100, 50);
	report(1, CONNECTION_ALIVE, "websocket", 1100, 550);
	report(1, CONNECTION_CLOSED, "websocket", 2100, 650);
	assert_int_equal(fixture_sum(s, METRIC_TCP_OPENED, NULL, NULL), 1);
	assert_int_equal(fixture_sum(s, METRIC_TCP_CLOSED, NULL, NULL), 1);
	assert_int_equal(fixture_sum(s, METRIC_TCP_SENT, NULL, NULL), 2100);
	assert_int_equal(fixture_sum(s, METRIC_CONNECTION_RECEIVED, NULL, NULL), 650);
}

static void test_silent_connections_close_as_tcp(void **state)
{
	(void)state;
	report(1, CONNECTION_OPENED, "unknown", 0, 0);
	report(1, CONNECTION_CLOSED, "unknown", 0, 0);
	assert_int_equal(fixture_sum(s, METRIC_TCP_OPENED, NULL, NULL), 1);
	assert_int_equal(fixture_sum(s, METRIC_TCP_CLOSED, NULL, NULL), 1);
}

static void test_late_http_still_balances(void **state)
{
	(void)state;
	report(1, CONNECTION_ALIVE, "unknown", 5, 5);
	report(1, CONNECTION_CLOSED, "http1", 500, 500);
	assert_int_equal(fixture_sum(s, METRIC_TCP_OPENED, NULL, NULL), 1);
	assert_int_equal(fixture_sum(s, METRIC_TCP_CLOSED, NULL, NULL), 1);
}

static void test_failed_connections(void **state)
{
	struct connection c = fixture_connection(9, CONNECTION_CLOSED, "unknown");

	(void)state;
	c.flags = RESPONSE_FLAG(UF);
	c.counters.flags = WEFT_END_FAILED | WEFT_END_REFUSED;
	signals_connection(s, &c);
	assert_int_equal(fixture_sum(s, METRIC_CONNECTIONS_FAILED, NULL, NULL), 1);
	assert_int_equal(fixture_sum(s, METRIC_CONNECTIONS_OPENED, NULL, NULL), 0);
	assert_int_equal(fixture_sum(s, METRIC_CONNECTIONS_CLOSED, NULL, NULL), 0);
	assert_int_equal(fixture_sum(s, METRIC_TCP_OPENED, NULL, NULL), 0);
	assert_null(signals_living(s, 0, NULL, NULL));
}

static void test_untracked_connections_count_once(void **state)
{
	struct signals_limits limits = signals_limits_default();

	(void)state;
	limits.connections = 1;
	signals_free(s);
	s = fixture_signals(limits);
	report(1, CONNECTION_OPENED, "unknown", 0, 0);
	report(2, CONNECTION_OPENED, "unknown", 0, 0);
	report(2, CONNECTION_ALIVE, "tcp", 10, 10);
	report(2, CONNECTION_CLOSED, "tcp", 30, 30);
	report(1, CONNECTION_CLOSED, "tcp", 4, 4);
	assert_int_equal(fixture_sum(s, METRIC_CONNECTIONS_OPENED, NULL, NULL), 2);
	assert_int_equal(fixture_sum(s, METRIC_CONNECTIONS_CLOSED, NULL, NULL), 2);
	assert_int_equal(fixture_sum(s, METRIC_TCP_SENT, NULL, NULL), 34);
	assert_int_equal(fixture_sum(s, METRIC_TCP_OPENED, NULL, NULL), 2);
	assert_int_equal(fixture_sum(s, METRIC_CONNECTIONS_OPEN, NULL, NULL), 0);
}

static void test_ends_that_become_known_move_the_connection(void **state)
{
	struct connection c = fixture_connection(1, CONNECTION_OPENED, "unknown");
	struct identity known = fixture_identity(9, "python3");

	(void)state;
	signals_connection(s, &c);
	assert_int_equal(fixture_sum(s, METRIC_CONNECTIONS_OPEN, "source_workload", "curl"), 1);
	c.phase = CONNECTION_ALIVE;
	c.source = &known;
	signals_connection(s, &c);
	assert_int_equal(fixture_sum(s, METRIC_CONNECTIONS_OPEN, "source_workload", "curl"), 0);
	assert_int_equal(fixture_sum(s, METRIC_CONNECTIONS_OPEN, "source_workload", "python3"), 1);
}

static void test_trouble(void **state)
{
	struct connection c = fixture_connection(1, CONNECTION_ALIVE, "http1");

	(void)state;
	c.handshake_us = 120;
	c.counters = (struct weft_counters){.retransmits = 3, .srtt_us = 80};
	signals_connection(s, &c);
	c.phase = CONNECTION_CLOSED;
	c.counters.retransmits = 5;
	c.counters.flags = WEFT_END_RESET_RECEIVED;
	signals_connection(s, &c);
	assert_int_equal(fixture_sum(s, METRIC_RETRANSMITS, NULL, NULL), 5);
	assert_int_equal(fixture_sum(s, METRIC_HANDSHAKE, NULL, NULL), 1);
	assert_int_equal(fixture_sum(s, METRIC_SRTT, NULL, NULL), 2);
	assert_int_equal(fixture_sum(s, METRIC_RESETS, "by", "client"), 1);
	assert_int_equal(fixture_sum(s, METRIC_RESETS, "by", "server"), 0);
}

static void test_tls(void **state)
{
	struct connection c = fixture_connection(1, CONNECTION_ALIVE, "tls");
	struct tls_facts facts = {.version = 0x0304,
				  .cipher = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
				  .sni = "a.example"};
	struct sample sample;

	(void)state;
	facts.server = (struct tls_certificate){.present = true,
						.subject = "CN=a.example",
						.san = "DNS:a.example",
						.not_after = 1900000000};
	c.tls = &facts;
	c.encrypted = true;
	c.tls_state = "handshake";
	signals_connection(s, &c);
	assert_int_equal(fixture_sum(s, METRIC_TLS_CONNECTIONS, NULL, NULL), 0);
	assert_int_equal(fixture_sum(s, METRIC_TCP_OPENED, NULL, NULL), 0);
	c.tls_state = "open";
	c.protocol = "http2";
	signals_connection(s, &c);
	signals_connection(s, &c);
	assert_int_equal(fixture_sum(s, METRIC_TLS_CONNECTIONS, "state", "open"), 1);
	assert_int_equal(fixture_sum(s, METRIC_TLS_CONNECTIONS, "version", "TLSv1.3"), 1);
	assert_int_equal(fixture_sum(s, METRIC_TLS_CONNECTIONS, "cipher", facts.cipher), 1);
	assert_string_equal(signals_living(s, 0, NULL, NULL)->tls.cipher, facts.cipher);
	assert_int_equal(signals_collect(s, METRIC_CERTIFICATE, 0, &sample), COLLECT_SAMPLE);
	assert_string_equal(fixture_label(&sample, "workload"), "nginx");
	assert_int_equal(sample.value, 1900000000);
	assert_int_equal(signals_collect(s, METRIC_CERTIFICATE, 1, &sample), COLLECT_END);
	assert_string_equal(signals_living(s, 0, NULL, NULL)->tls.sni, "a.example");
	assert_false(signals_living(s, 0, NULL, NULL)->tls.cut);
}

static void tls_connection(uint64_t id, const char *tls_state)
{
	struct connection c = fixture_connection(id, CONNECTION_CLOSED, "tls");

	c.tls_state = tls_state;
	c.encrypted = true;
	signals_connection(s, &c);
}

/* Why the TLS of an edge is not read: the state that most of its connections have. */
static void test_edges_that_are_not_read(void **state)
{
	struct connection clear = fixture_connection(1, CONNECTION_CLOSED, "http1");
	struct edge_row row;

	(void)state;
	signals_connection(s, &clear);
	assert_true(signals_edge(s, 0, &row));
	assert_string_equal(row.tls_state, "");
	tls_connection(2, "go");
	assert_true(signals_edge(s, 0, &row));
	assert_string_equal(row.tls_state, "go");
	tls_connection(3, "no_secret");
	tls_connection(4, "no_secret");
	assert_true(signals_edge(s, 0, &row));
	assert_string_equal(row.tls_state, "no_secret");
	assert_int_equal(row.totals->tls_states[encryption_state("no_secret")], 2);
	assert_int_equal(row.totals->tls_states[encryption_state("go")], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_tcp_bytes_and_lives),
		T(test_http_is_not_tcp),
		T(test_upgraded_connections_become_tcp),
		T(test_silent_connections_close_as_tcp),
		T(test_late_http_still_balances),
		T(test_failed_connections),
		T(test_untracked_connections_count_once),
		T(test_ends_that_become_known_move_the_connection),
		T(test_trouble),
		T(test_tls),
		T(test_edges_that_are_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
