// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Many handshakes at once over one store of secrets: every connection finds its own, none
 * another's, with few trials. */
#include "datapath/observe/tls_talk_test.h"

#define CONNECTIONS    200
#define MAX_CANDIDATES 500  /* per connection, of 800 secrets */
#define START_NS       1000 /* strangers come before */

static const struct suite suite_13 = {TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", 0x1301, false};

/* How the handshakes interleave: all take each step together, or at random. */
enum mix { MIX_LOCKSTEP, MIX_RANDOM, MIX_MAX };

static struct session *sessions[CONNECTIONS];
static struct session_event *order[CONNECTIONS * 64]; /* all events as one observer saw them */
static uint32_t owner[CONNECTIONS * 64];
static size_t order_count;
static unsigned trials; /* candidates asked for */

static const struct tls_secret *(*inner_candidate)(void *arg, const uint8_t client_random[32],
						   uint8_t which, unsigned index);

static const struct tls_secret *count_candidate(void *arg, const uint8_t client_random[32],
						uint8_t which, unsigned index)
{
	const struct tls_secret *s = inner_candidate(arg, client_random, which, index);

	trials += s && s->time_ns >= START_NS;
	return s;
}

static void order_take(uint32_t i, size_t from)
{
	for (; from < sessions[i]->event_count; from++) {
		order[order_count] = &sessions[i]->events[from];
		owner[order_count++] = i;
	}
}

/* One step of session |i|: half a round of its handshake, a request, or an answer. */
static bool advance(uint32_t i, uint32_t step)
{
	struct session *s = sessions[i];
	size_t from = s->event_count;
	char text[64];
	int n = snprintf(text, sizeof(text), "connection %u step %u", i, step);

	if (step < 4) {
		SSL_do_handshake(s->ends[step % 2]);
		session_carry(s, step % 2 ? TLS_SERVER : TLS_CLIENT);
	} else if (step < 8) {
		session_write(s, step % 2 ? TLS_SERVER : TLS_CLIENT, text, (size_t)n);
	} else if (step < 10) {
		SSL_shutdown(s->ends[step % 2]);
		session_carry(s, step % 2 ? TLS_SERVER : TLS_CLIENT);
	} else {
		return false;
	}
	order_take(i, from);
	return true;
}

static void sessions_run(SSL_CTX *contexts[2], enum mix mix, bool probe_server)
{
	uint32_t steps[CONNECTIONS] = {0};
	uint32_t left = CONNECTIONS;

	order_count = 0;
	for (uint32_t i = 0; i < CONNECTIONS; i++)
		sessions[i] = session_new(contexts[0], contexts[1], probe_server, 1);
	for (uint32_t n = 0; left; n++) {
		uint32_t i = mix == MIX_LOCKSTEP ? n % CONNECTIONS : (uint32_t)rand() % CONNECTIONS;

		if (steps[i] > 10)
			continue;
		left -= !advance(i, steps[i]);
		steps[i]++;
	}
}

static void replay_all(struct reader **readers, struct secrets *store)
{
	for (size_t n = 0; n < order_count; n++) {
		if (order[n]->data) {
			reader_feed(readers[owner[n]], order[n]->side, order[n]->data,
				    order[n]->size_bytes, START_NS + n);
			continue;
		}
		order[n]->secret.event.time_ns = START_NS + n;
		secrets_add(store, &order[n]->secret);
		for (uint32_t i = 0; i < CONNECTIONS; i++)
			tls_retry(readers[i]->tls);
	}
}

static void add_strangers(struct secrets *store)
{
	struct weft_secret w = {
		.tls_version = 0x0304, .secret_bytes = 32, .tid = 9, .event.time_ns = 500};

	for (uint32_t i = 0; i < 400; i++) {
		memcpy(w.secret, &i, sizeof(i));
		w.which = (uint8_t)(WEFT_SECRET_CLIENT_HANDSHAKE + i % 4);
		secrets_add(store, &w);
	}
}

/* |strangers|: secrets of handshakes whose connections are not seen lie in the store. */
static void check_mix(enum mix mix, bool probe_server, bool strangers)
{
	SSL_CTX *contexts[2];
	struct reader *readers[CONNECTIONS];
	struct secrets *store = store_new();

	contexts_new(&suite_13, 0, contexts);
	sessions_run(contexts, mix, probe_server);
	if (strangers)
		add_strangers(store);
	trials = 0;
	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		readers[i] = reader_new(store);
		inner_candidate = readers[i]->source.candidate;
		readers[i]->source.candidate = count_candidate;
		tls_free(readers[i]->tls);
		readers[i]->tls = tls_new(&readers[i]->source, &readers[i]->listener, false);
	}
	replay_all(readers, store);
	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		assert_plain(sessions[i], readers[i], false);
		reader_free(readers[i]);
		session_free(sessions[i]);
	}
	assert_true(trials < MAX_CANDIDATES * CONNECTIONS);
	printf("mix %d, %s probed, %s strangers: %.1f candidates per connection\n", mix,
	       probe_server ? "server" : "client", strangers ? "400" : "no",
	       (double)trials / CONNECTIONS);
	assert_int_equal(secrets_counts(store)->claimed, 4 * CONNECTIONS);
	assert_int_equal(secrets_counts(store)->waiting, strangers ? 400 : 0);
	secrets_free(store);
	contexts_free(contexts);
}

static void test_interleaved(void **state)
{
	(void)state;
	for (int mix = 0; mix < MIX_MAX; mix++)
		for (int probe_server = 0; probe_server < 2; probe_server++)
			for (int strangers = 0; strangers < 2; strangers++)
				check_mix((enum mix)mix, probe_server, strangers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interleaved),
	};

	identity_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
