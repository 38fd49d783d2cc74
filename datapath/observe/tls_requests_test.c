// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Events to requests: real TLS handshakes, with the secrets before, after and without them. */
#include "base/tls_stacks.h"
#include "datapath/observe/hellos.h"
#include "datapath/observe/tls_session_test.h"
#include "datapath/observe/world_events_test.h"

#define GET	 "GET /secure HTTP/1.1\r\nHost: shop.example\r\n\r\n"
#define RESPONSE "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static struct session *session_start(int version, const char *suite)
{
	EVP_PKEY *key = session_key(false);
	X509 *certificate = session_certificate(key, "shop", "DNS:shop.example");
	SSL_CTX *client = session_context(false, version, suite, NULL, NULL);
	SSL_CTX *server = session_context(true, version, suite, key, certificate);
	struct session *s = session_new(client, server, true, 1);

	SSL_CTX_free(client);
	SSL_CTX_free(server);
	X509_free(certificate);
	EVP_PKEY_free(key);
	while (!session_shake(s))
		;
	return s;
}

static void send_secret(struct world *w, const struct weft_secret *secret)
{
	struct weft_secret record = *secret;

	record.event = world_event(w, WEFT_EVENT_SECRET, sizeof(record));
	observe_event(w->observe, &record, sizeof(record));
}

enum secrets { SECRETS_IN_ORDER, SECRETS_LATE, SECRETS_NEVER };

/* Everything that happened, one event each millisecond. */
static void replay(struct world *w, const struct session *s, enum secrets secrets)
{
	for (size_t i = 0; i < s->event_count; i++) {
		const struct session_event *e = &s->events[i];

		w->now_ns += MS;
		if (e->data) {
			world_send_bytes(w, e->side, e->data, e->size_bytes);
			world_arrive(w, e->side);
		} else if (secrets == SECRETS_IN_ORDER) {
			send_secret(w, &e->secret);
		}
	}
	for (size_t i = 0; secrets == SECRETS_LATE && i < s->event_count; i++)
		if (!s->events[i].data)
			send_secret(w, &s->events[i].secret);
}

static void exchange(struct session *s)
{
	session_write(s, TLS_CLIENT, GET, strlen(GET));
	session_write(s, TLS_SERVER, RESPONSE, strlen(RESPONSE));
}

static void check_opened(int version, const char *suite, enum secrets secrets)
{
	struct session *s = session_start(version, suite);
	struct world *w = world_new();
	const struct request *r;

	exchange(s);
	exchange(s);
	world_pair(w);
	replay(w, s, secrets);
	assert_int_equal(w->request_count, 4);
	r = world_request(w, REPORTER_SOURCE, 1);
	assert_string_equal(r->path, "/secure");
	assert_int_equal(r->status, 200);
	assert_int_equal(r->response_bytes, 5);
	assert_true(r->encrypted);
	assert_non_null(r->tls);
	assert_string_equal(r->tls->sni, "shop.example");
	assert_int_equal(r->end_ns - r->start_ns, MS);
	assert_int_equal(r->incomplete, 0);
	assert_int_equal(world_counts(w)->tls_connections, 1);
	assert_int_equal(world_counts(w)->tls_opened, 1);
	world_close(w, false, 0);
	world_close(w, true, 0);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
	session_free(s);
}

static void test_tls13(void **state)
{
	(void)state;
	check_opened(TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", SECRETS_IN_ORDER);
}

static void test_tls12(void **state)
{
	(void)state;
	check_opened(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", SECRETS_IN_ORDER);
}

/* An upload that its server answers before its end says so, at whatever byte the client stops. */
static void test_upload_cut(void **state)
{
	static const char head[] = "POST /up HTTP/1.1\r\nContent-Length: 10\r\n\r\n";

	(void)state;
	for (int body_bytes = 0; body_bytes <= 10; body_bytes += 5) {
		struct session *s = session_start(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256");
		struct world *w = world_new();

		session_write(s, TLS_CLIENT, head, strlen(head));
		if (body_bytes)
			session_write(s, TLS_CLIENT, "0123456789", body_bytes);
		session_write(s, TLS_SERVER, RESPONSE, strlen(RESPONSE));
		world_pair(w);
		replay(w, s, SECRETS_IN_ORDER);
		world_close(w, true, 0);
		world_close(w, false, 0);
		assert_int_equal(w->request_count, 2);
		for (int n = 0; n < 2; n++) {
			assert_int_equal(w->requests[n].request_bytes, body_bytes);
			assert_int_equal(w->requests[n].incomplete,
					 body_bytes < 10 ? REQUEST_GAP(UPLOAD) : 0);
		}
		assert_int_equal(world_lost(w), 0);
		world_free(w);
		session_free(s);
	}
}

/* A ClientHello and the alert of a server that refuses it: nothing is there to be read. */
static void test_refused(void **state)
{
	static const uint8_t alert[16] = {21, 3, 3, 0, 2, 2, 40};
	struct session *s = session_start(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256");
	const struct session_event *hello = s->events;
	const size_t alert_bytes = 7;

	(void)state;
	for (size_t piece = 1; piece <= alert_bytes; piece += alert_bytes - 1) {
		struct world *w = world_new();

		world_pair(w);
		world_send_bytes(w, false, hello->data, hello->size_bytes);
		for (size_t at = 0; at < alert_bytes; at += piece)
			world_send_bytes(w, true, alert + at, piece);
		world_close(w, true, 0);
		world_close(w, false, 0);
		for (int n = 0; n < 2; n++)
			assert_string_equal(world_connection(w, n, CONNECTION_CLOSED)->tls_state,
					    "handshake");
		assert_int_equal(w->request_count, 0);
		assert_int_equal(world_lost(w), 0);
		world_free(w);
	}
	session_free(s);
}

static void test_late_secrets(void **state)
{
	struct session *s = session_start(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256");
	struct world *w = world_new();
	const struct request *r;

	(void)state;
	exchange(s);
	world_pair(w);
	replay(w, s, SECRETS_LATE);
	assert_int_equal(w->request_count, 2);
	r = world_request(w, REPORTER_SOURCE, 0);
	assert_int_equal(r->status, 200);
	assert_true(r->start_ns && r->end_ns < w->now_ns + 1);
	assert_int_equal(world_counts(w)->tls_opened, 1);
	world_free(w);
	session_free(s);
}

/* What the connection's records say when no secret comes, by what is known of the two processes. */
static void expect_reason(unsigned client, unsigned server, const char *at_client,
			  const char *at_server)
{
	struct session *s = session_start(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256");
	struct world *w = world_new();

	w->tls_stacks[0] = client;
	w->tls_stacks[1] = server;
	exchange(s);
	world_pair(w);
	replay(w, s, SECRETS_NEVER);
	world_tick(w, 11000 * MS);
	world_close(w, false, 0);
	world_close(w, true, 0);
	assert_string_equal(world_connection(w, REPORTER_SOURCE, CONNECTION_CLOSED)->tls_state,
			    at_client);
	assert_string_equal(world_connection(w, REPORTER_DESTINATION, CONNECTION_CLOSED)->tls_state,
			    at_server);
	world_free(w);
	session_free(s);
}

static void test_reasons(void **state)
{
	(void)state;
	expect_reason(TLS_STACK_GO, TLS_STACK_JAVA, "go", "java");
	expect_reason(TLS_STACK_GO, TLS_STACK_OTHER, "go", "go");
	expect_reason(TLS_STACK_OTHER, TLS_STACK_RUSTLS, "rustls", "rustls");
	expect_reason(TLS_STACK_OTHER, TLS_STACK_OTHER, "no_secret", "no_secret");
	/* one end could have told the secrets, or it is not known whether */
	expect_reason(TLS_STACK_NONE, TLS_STACK_GO, "no_secret", "no_secret");
	expect_reason(TLS_STACK_BORINGSSL, TLS_STACK_NONE, "no_secret", "no_secret");
}

/* Asked again when none came: the answer may not have been there at first. */
static void test_reason_comes_late(void **state)
{
	struct session *s = session_start(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256");
	struct world *w = world_new();

	(void)state;
	exchange(s);
	world_pair(w);
	replay(w, s, SECRETS_NEVER);
	w->tls_stacks[0] = w->tls_stacks[1] = TLS_STACK_GO;
	world_close(w, false, 0);
	world_close(w, true, 0);
	assert_string_equal(world_connection(w, REPORTER_DESTINATION, CONNECTION_CLOSED)->tls_state,
			    "go");
	world_free(w);
	session_free(s);
}

static void test_no_secrets(void **state)
{
	struct session *s = session_start(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256");
	struct world *w = world_new();
	const struct connection *c;

	(void)state;
	exchange(s);
	world_pair(w);
	replay(w, s, SECRETS_NEVER);
	world_tick(w, 11000 * MS);
	world_close(w, false, 0);
	world_close(w, true, 0);
	assert_int_equal(w->request_count, 0);
	c = world_connection(w, REPORTER_SOURCE, CONNECTION_CLOSED);
	assert_string_equal(c->protocol, "tls");
	assert_string_equal(c->tls_state, "no_secret");
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_TLS_UNREADABLE], 1);
	assert_int_equal(world_lost(w), 1);
	world_free(w);
	session_free(s);
}

/* At once: nothing waits for secrets that do not come. */
static void test_switched_off(void **state)
{
	struct session *s = session_start(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256");
	struct observe_limits limits = observe_limits_default();
	struct world *w;

	(void)state;
	limits.tls_off = true;
	limits.alive_interval_ns = 1000 * MS;
	w = world_new_with(&limits);
	w->tls_stacks[0] = w->tls_stacks[1] = TLS_STACK_GO;
	exchange(s);
	world_pair(w);
	replay(w, s, SECRETS_NEVER);
	world_tick(w, 3000 * MS);
	assert_string_equal(world_connection(w, REPORTER_SOURCE, CONNECTION_ALIVE)->tls_state,
			    "off");
	world_close(w, false, 0);
	world_close(w, true, 0);
	assert_string_equal(world_connection(w, REPORTER_SOURCE, CONNECTION_CLOSED)->tls_state,
			    "off");
	world_free(w);
	session_free(s);
}

#define EXCHANGES 12

/* Records are lost at random: what is reported is true or says that it is not known. */
static void test_loss(void **state)
{
	struct session *s = session_start(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256");
	char text[128];

	(void)state;
	for (unsigned n = 0; n < EXCHANGES; n++) {
		snprintf(text, sizeof(text), "GET /%u HTTP/1.1\r\nHost: x\r\n\r\n", n);
		session_write(s, TLS_CLIENT, text, strlen(text));
		snprintf(text, sizeof(text), "HTTP/1.1 %u Yes\r\nContent-Length: 0\r\n\r\n",
			 210 + n);
		session_write(s, TLS_SERVER, text, strlen(text));
	}
	for (uint32_t round = 0; round < 200; round++) {
		struct world *w = world_new();

		w->drop_per_mille = round % 5 * 10;
		w->random = round * 7919;
		world_pair(w);
		replay(w, s, SECRETS_IN_ORDER);
		world_close(w, false, 0);
		world_close(w, true, 0);
		world_tick(w, 5000 * MS);
		if (!w->drop_per_mille)
			assert_int_equal(w->request_count, 2 * EXCHANGES);
		for (unsigned i = 0; i < w->request_count; i++) {
			const struct request *r = &w->requests[i];

			assert_int_equal(r->flags, 0);
			if (r->incomplete & REQUEST_GAP(LOST) && !r->status)
				continue;
			assert_int_equal(r->status, 210 + (int)strtoul(r->path + 1, NULL, 10));
		}
		world_free(w);
	}
	session_free(s);
}

/* Many connections wait for secrets, all with the bytes of one session: the number of them is
 * bounded, and so is the number of those that its secrets are kept for. */
static void test_many_wait(void **state)
{
	struct session *s = session_start(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256");
	struct world *w = world_new();

	(void)state;
	exchange(s);
	for (uint64_t i = 0; i < 600; i++) {
		struct weft_open open = world_open_record(w, false);
		uint32_t seqs[2] = {open.egress_seq, open.ingress_seq};

		open.cookie = 1000 + i;
		open.tuple.local_port = (uint16_t)(2000 + i);
		observe_event(w->observe, &open, sizeof(open));
		for (size_t n = 0; n < s->event_count; n++) {
			const struct session_event *e = &s->events[n];

			if (!e->data)
				continue;
			world_segment(w, open.cookie, e->side ? WEFT_INGRESS : WEFT_EGRESS,
				      seqs[e->side], e->data, e->size_bytes);
			seqs[e->side] += (uint32_t)e->size_bytes;
		}
	}
	for (size_t n = 0; n < s->event_count; n++)
		if (!s->events[n].data)
			send_secret(w, &s->events[n].secret);
	assert_int_equal(world_counts(w)->tls_connections, 600);
	assert_true(world_counts(w)->tls_opened <= HELLOS_MAX_CONNECTIONS);
	world_free(w);
	session_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls13),
		cmocka_unit_test(test_tls12),
		cmocka_unit_test(test_upload_cut),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_late_secrets),
		cmocka_unit_test(test_no_secrets),
		cmocka_unit_test(test_switched_off),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_reason_comes_late),
		cmocka_unit_test(test_many_wait),
		cmocka_unit_test(test_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
