// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* TCP proxies repeat the bytes of one TLS session on further connections: each connection is read,
 * and the secrets are wiped when the last one has them. */
#include "datapath/observe/tls_talk_test.h"

#define CONNECTIONS 3

static const struct suite suites[] = {
	{TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", 0x1301, false},
	{TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256", 0x1303, false},
	{TLS1_2_VERSION, "ECDHE-RSA-AES256-GCM-SHA384", 0xc030, true},
};

/* A flight is on all connections before the next one is sent; what the client sends comes first to
 * connection 0, what the server sends to the last one. */
static void feed_all(struct reader **readers, const struct session_event *e, enum cut cut,
		     uint64_t time)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		int at = e->side == TLS_CLIENT ? i : CONNECTIONS - 1 - i;

		feed_event(readers[at], e, cut, time);
	}
}

static void add_secret(struct reader **readers, struct secrets *store,
		       const struct session_event *e, uint64_t time)
{
	struct weft_secret secret = e->secret;

	secret.event.time_ns = time;
	secrets_add(store, &secret);
	for (int i = 0; i < CONNECTIONS; i++)
		tls_retry(readers[i]->tls);
}

/* |late|: secrets come after all bytes. */
static void relay(const struct session *s, struct secrets *store, enum cut cut, bool late)
{
	struct reader *readers[CONNECTIONS];

	for (int i = 0; i < CONNECTIONS; i++)
		readers[i] = reader_new(store);
	for (size_t i = 0; i < s->event_count; i++) {
		if (s->events[i].data)
			feed_all(readers, &s->events[i], cut, i + 1);
		else if (!late)
			add_secret(readers, store, &s->events[i], i + 1);
	}
	for (size_t i = 0; late && i < s->event_count; i++)
		if (!s->events[i].data)
			add_secret(readers, store, &s->events[i], s->event_count + 1);
	for (int i = 0; i < CONNECTIONS; i++) {
		tls_give_up(readers[i]->tls);
		assert_plain(s, readers[i], cut == CUT_GAPS);
	}
	assert_int_equal(secrets_counts(store)->waiting, 0);
	for (int i = 0; i < CONNECTIONS; i++)
		reader_free(readers[i]);
}

static void check_suite(const struct suite *suite, unsigned options)
{
	SSL_SESSION *resume = NULL;
	SSL_CTX *contexts[2];
	struct secrets *store = store_new(); /* resumed sessions follow within its time */

	contexts_new(suite, options, contexts);
	for (int run = 0; run < 8; run++) {
		struct session *s = session_run(contexts, options, &resume);

		relay(s, store, run % CUT_MAX == CUT_GAPS ? CUT_RANDOM : (enum cut)(run % CUT_MAX),
		      run >= CUT_MAX && !(options & PROBE_SERVER));
		session_free(s);
	}
	SSL_SESSION_free(resume);
	secrets_free(store);
	contexts_free(contexts);
}

static void test_relayed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		for (unsigned options = 0; options < OPTION_MAX; options++)
			check_suite(&suites[i], options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relayed),
	};

	identity_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
