// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The TLS reader against real handshakes: every plaintext byte equal, in every split, order and
 * gap. */
#include "datapath/observe/tls_talk_test.h"

/* ---- sessions ---- */

static const struct suite suites[] = {
	{TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", 0x1301, false},
	{TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", 0x1302, false},
	{TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256", 0x1303, true},
	{TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02b, false},
	{TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", 0xc02c, false},
	{TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", 0xcca9, false},
	{TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256", 0xc02f, true},
	{TLS1_2_VERSION, "ECDHE-RSA-AES256-GCM-SHA384", 0xc030, true},
	{TLS1_2_VERSION, "ECDHE-RSA-CHACHA20-POLY1305", 0xcca8, true},
	{TLS1_2_VERSION, "DHE-RSA-AES128-GCM-SHA256", 0x009e, true},
	{TLS1_2_VERSION, "DHE-RSA-CHACHA20-POLY1305", 0xccaa, true},
	{TLS1_2_VERSION, "AES256-GCM-SHA384", 0x009d, true},
};

#define SUITE_COUNT (sizeof(suites) / sizeof(suites[0]))

static void assert_facts(const struct suite *suite, unsigned options, bool resumed,
			 const struct tls_facts *f)
{
	assert_int_equal(f->version, suite->version);
	assert_int_equal(f->cipher_suite, suite->number);
	assert_int_equal(f->resumed, resumed);
	assert_string_equal(f->sni, "shop.example");
	assert_string_equal(f->alpn, options & ALPN ? "h2" : "");
	assert_false(f->names_cut);
	assert_int_equal(f->server.present, !resumed);
	if (!resumed) {
		assert_string_equal(f->server.subject, "CN=shop");
		assert_string_equal(f->server.spiffe_id, "spiffe://mesh/ns/a/sa/shop");
		assert_int_equal(f->server.not_after, 4000000000);
		assert_int_equal(f->client.present, !!(options & CLIENT_CERTIFICATE));
		assert_int_equal(f->client_certificate_requested, !!(options & CLIENT_CERTIFICATE));
	}
}

/* Reads |s| in every cut and order of secrets. */
static void check_reading(const struct suite *suite, unsigned options, bool resumed,
			  const struct session *s, bool at_sender)
{
	for (int cut = 0; cut < CUT_MAX; cut++) {
		for (int when = 0; when < WHEN_NEVER; when++) {
			struct secrets *store = store_new();
			struct reader *r = reader_new(store);

			reader_at_sender(r, at_sender);
			replay(s, r, store, (enum cut)cut, (enum when)when);
			assert_plain(s, r,
				     cut == CUT_GAPS ||
					     (when == WHEN_AFTER && options & PROBE_SERVER));
			assert_facts(suite, options, resumed, tls_facts_of(r->tls));
			assert_int_equal(secrets_counts(store)->waiting, 0);
			reader_free(r);
			secrets_free(store);
		}
	}
}

static void check_session(const struct suite *suite, unsigned options, bool resumed,
			  const struct session *s)
{
	check_reading(suite, options, resumed, s, false);
	check_reading(suite, options, resumed, s, true);
}

static void test_every_combination(void **state)
{
	(void)state;
	for (size_t i = 0; i < SUITE_COUNT; i++) {
		for (unsigned options = 0; options < OPTION_MAX; options++) {
			SSL_CTX *contexts[2];
			SSL_SESSION *resume = NULL;

			if (options & KEY_UPDATE && suites[i].version != TLS1_3_VERSION)
				continue;
			contexts_new(&suites[i], options, contexts);
			for (int again = 0; again < 2; again++) {
				struct session *s = session_run(contexts, options, &resume);

				assert_int_equal(SSL_session_reused(s->ends[0]), again);
				check_session(&suites[i], options, again, s);
				session_free(s);
			}
			SSL_SESSION_free(resume);
			contexts_free(contexts);
		}
	}
}

/* ---- rarer handshakes ---- */

/* Reads |s| with whole feeds and with single bytes, secrets as they were derived and all at the
 * end. */
static const struct tls_facts *check_orders(const struct session *s)
{
	static struct tls_facts facts;

	for (int cut = 0; cut < CUT_GAPS; cut++) {
		for (int when = 0; when < WHEN_NEVER; when++) {
			struct secrets *store = store_new();
			struct reader *r = reader_new(store);

			replay(s, r, store, (enum cut)cut, (enum when)when);
			assert_plain(s, r, false);
			facts = *tls_facts_of(r->tls);
			reader_free(r);
			secrets_free(store);
		}
	}
	return &facts;
}

/* The server's turn: early data until there is none left, then the handshake. */
static bool read_early(struct session *s)
{
	uint8_t got[3000];
	size_t n = 0;
	int status;

	do {
		status = SSL_read_early_data(s->ends[TLS_SERVER], got, sizeof(got), &n);
	} while (status == SSL_READ_EARLY_DATA_SUCCESS);
	session_carry(s, TLS_SERVER);
	return status == SSL_READ_EARLY_DATA_FINISH;
}

/* Early data, then the handshake; the server reads it or refuses it. */
static struct session *session_run_early(SSL_CTX *contexts[2], unsigned options, bool accept,
					 SSL_SESSION *resume)
{
	struct session *s =
		session_new(contexts[TLS_CLIENT], contexts[TLS_SERVER], options & PROBE_SERVER, 1);
	uint8_t early[3000] = "GET /early HTTP/1.1";
	bool finished = false;
	size_t n = 0;

	SSL_set_session(s->ends[TLS_CLIENT], resume);
	SSL_set_max_early_data(s->ends[TLS_SERVER], accept ? 16384 : 0);
	for (size_t i = 0; i < sizeof(early); i += 1000) {
		assert_int_equal(SSL_write_early_data(s->ends[TLS_CLIENT], early + i, 1000, &n), 1);
		session_carry(s, TLS_CLIENT);
	}
	finished = read_early(s);
	do {
		SSL_do_handshake(s->ends[TLS_CLIENT]);
		session_carry(s, TLS_CLIENT);
		finished = finished || read_early(s);
	} while (!finished || !session_shake(s));
	assert_int_equal(SSL_get_early_data_status(s->ends[TLS_CLIENT]),
			 accept ? SSL_EARLY_DATA_ACCEPTED : SSL_EARLY_DATA_REJECTED);
	if (accept) {
		s->plain[TLS_CLIENT] = malloc(sizeof(early));
		memcpy(s->plain[TLS_CLIENT], early, sizeof(early));
		s->plain_bytes[TLS_CLIENT] = sizeof(early);
	}
	session_talk(s, options);
	return s;
}

static void check_early_data(unsigned options, bool accept, bool retry)
{
	SSL_CTX *contexts[2];
	SSL_SESSION *resume = NULL;
	struct session *s;

	contexts_new(&suites[0], options, contexts);
	SSL_CTX_set_max_early_data(contexts[TLS_SERVER], 16384);
	session_free(session_run(contexts, options, &resume));
	if (retry)
		SSL_CTX_set1_groups_list(contexts[TLS_SERVER], "P-384");
	s = session_run_early(contexts, options, accept, resume);
	assert_int_equal(check_orders(s)->early_data, accept);
	session_free(s);
	SSL_SESSION_free(resume);
	contexts_free(contexts);
}

static void test_early_data_accepted(void **state)
{
	(void)state;
	check_early_data(0, true, false);
}

static void test_early_data_refused(void **state)
{
	(void)state;
	check_early_data(0, false, false);
}

static void test_early_data_retry(void **state)
{
	(void)state;
	check_early_data(0, false, true);
}

static void test_hello_retry(void **state)
{
	SSL_CTX *contexts[2];
	SSL_SESSION *resume = NULL;
	struct session *s;

	(void)state;
	contexts_new(&suites[1], CLIENT_CERTIFICATE, contexts);
	SSL_CTX_set1_groups_list(contexts[TLS_SERVER], "P-384");
	s = session_run(contexts, CLIENT_CERTIFICATE, &resume);
	assert_string_equal(check_orders(s)->sni, "shop.example");
	session_free(s);
	SSL_SESSION_free(resume);
	contexts_free(contexts);
}

/* TLS 1.2: a second handshake inside of the first one's protection. */
static void test_renegotiation(void **state)
{
	SSL_CTX *contexts[2];
	struct session *s;

	(void)state;
	contexts_new(&suites[3], 0, contexts);
	SSL_CTX_set_options(contexts[TLS_SERVER], SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
	s = session_new(contexts[TLS_CLIENT], contexts[TLS_SERVER], false, 1);
	while (!session_shake(s))
		;
	session_write(s, TLS_CLIENT, "before", 6);
	assert_int_equal(SSL_renegotiate(s->ends[TLS_CLIENT]), 1);
	for (int i = 0; i < 4; i++) {
		uint8_t byte;

		SSL_do_handshake(s->ends[TLS_CLIENT]);
		session_carry(s, TLS_CLIENT);
		SSL_read(s->ends[TLS_SERVER], &byte, 1);
		session_carry(s, TLS_SERVER);
	}
	session_talk(s, 0);
	check_orders(s);
	session_free(s);
	contexts_free(contexts);
}

/* The handshake's secrets were lost: nothing is told until the reader is told that
 * none will come. */
/* A protocol's name that is longer than what is kept of it. */
static void test_long_names(void **state)
{
	static const unsigned char protocol[] = "\x13"
						"istio-peer-exchange";
	SSL_CTX *contexts[2];
	SSL_SESSION *resume = NULL;
	const struct tls_facts *facts;
	struct session *s;

	(void)state;
	for (int i = 0; i < 4; i += 3) { /* TLS 1.3, 1.2 */
		contexts_new(&suites[i], 0, contexts);
		SSL_CTX_set_alpn_protos(contexts[TLS_CLIENT], protocol, sizeof(protocol) - 1);
		s = session_run(contexts, 0, &resume);
		facts = check_orders(s);
		assert_string_equal(facts->alpn, "istio-peer-exch");
		assert_true(facts->names_cut);
		session_free(s);
		SSL_SESSION_free(resume);
		resume = NULL;
		contexts_free(contexts);
	}
}

static void test_lost_handshake_secrets(void **state)
{
	SSL_CTX *contexts[2];
	SSL_SESSION *resume = NULL;
	struct secrets *store = store_new();
	struct reader *r = reader_new(store);
	struct session *s;

	(void)state;
	contexts_new(&suites[0], 0, contexts);
	s = session_run(contexts, 0, &resume);
	for (size_t i = 0; i < s->event_count; i++)
		if (s->events[i].secret.which == WEFT_SECRET_CLIENT_HANDSHAKE ||
		    s->events[i].secret.which == WEFT_SECRET_SERVER_HANDSHAKE)
			s->events[i].secret.secret[0] ^= 1;
	replay(s, r, store, CUT_NONE, WHEN_DERIVED);
	assert_int_equal(r->plain_bytes[0] + r->plain_bytes[1], 0);
	tls_give_up(r->tls);
	assert_plain(s, r, false);
	reader_free(r);
	secrets_free(store);
	session_free(s);
	SSL_SESSION_free(resume);
	contexts_free(contexts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_combination),
		cmocka_unit_test(test_early_data_accepted),
		cmocka_unit_test(test_early_data_refused),
		cmocka_unit_test(test_early_data_retry),
		cmocka_unit_test(test_hello_retry),
		cmocka_unit_test(test_renegotiation),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_lost_handshake_secrets),
	};

	identity_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
