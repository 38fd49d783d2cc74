// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What TLS costs: a record, a derivation, a trial, an idle connection. Prints each and fails when
 * one is out of all proportion (ten times what this was written with). */
#include "datapath/observe/tls_talk_test.h"

#include "datapath/decode/tls_keys.h"

#include <malloc.h>
#include <time.h>

#define RECORDS 100 /* per session */
#define ROUNDS	100
#define IDLE	1000

static const struct suite measured[] = {
	{TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", 0x1301, false},
	{TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", 0x1302, false},
	{TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256", 0x1303, false},
	{TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02b, false},
};

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void ignore_plaintext(void *arg, enum tls_side side, const struct feed *f, uint64_t time_ns)
{
	(void)arg, (void)side, (void)f, (void)time_ns;
}

static const struct tls_listener deaf = {.plaintext = ignore_plaintext};

/* A session of |suite| whose client has sent |records| records of |size_bytes|. */
static struct session *session_of(const struct suite *suite, size_t records, size_t size_bytes,
				  size_t *ret_handshake)
{
	static const uint8_t data[16384];
	SSL_CTX *contexts[2];
	struct session *s;

	contexts_new(suite, 0, contexts);
	s = session_new(contexts[0], contexts[1], true, 1);
	while (!session_shake(s))
		;
	session_write(s, TLS_SERVER, "x", 1);
	session_write(s, TLS_CLIENT, "x", 1);
	*ret_handshake = s->event_count;
	for (size_t i = 0; i < records; i++)
		session_write(s, TLS_CLIENT, data, size_bytes);
	contexts_free(contexts);
	return s;
}

static void feed_events(struct tls *t, struct secrets *store, const struct session *s, size_t from,
			size_t to)
{
	uint64_t at[2] = {1, 1};

	for (size_t i = from; i < to; i++) {
		const struct session_event *e = &s->events[i];
		const struct feed f = {e->data, e->size_bytes, at[e->side], 1, 0, 0};

		if (e->data)
			tls_feed(t, e->side, &f, i);
		else
			secrets_add(store, &e->secret);
		at[e->side] += e->size_bytes;
	}
}

static double record_us(const struct suite *suite, size_t size_bytes, double *ret_handshake_us)
{
	size_t handshake;
	struct session *s = session_of(suite, RECORDS, size_bytes, &handshake);
	double spent = 0, start;

	*ret_handshake_us = 0;
	for (int i = 0; i < ROUNDS; i++) {
		struct secrets *store = store_new();
		struct tls_secrets source = secrets_source(store);
		struct tls *t = tls_new(&source, &deaf, false);

		start = now_us();
		feed_events(t, store, s, 0, handshake);
		*ret_handshake_us += (now_us() - start) / ROUNDS;
		assert_int_equal(tls_state_of(t), TLS_STATE_OPEN);
		start = now_us();
		feed_events(t, store, s, handshake, s->event_count);
		spent += now_us() - start;
		assert_int_equal(tls_state_of(t), TLS_STATE_OPEN);
		tls_free(t);
		secrets_free(store);
	}
	session_free(s);
	return spent / ROUNDS / RECORDS;
}

static void test_record(void **state)
{
	double handshake_us;

	(void)state;
	for (size_t i = 0; i < sizeof(measured) / sizeof(measured[0]); i++) {
		double small_us = record_us(&measured[i], 300, &handshake_us);
		double large_us = record_us(&measured[i], 16384, &handshake_us);

		printf("%s: record of 300 bytes %.2f us, of 16 KiB %.2f us, handshake %.0f us\n",
		       measured[i].name, small_us, large_us, handshake_us);
		assert_true(small_us < 100);
	}
}

static void test_derivation(void **state)
{
	uint8_t secret[48] = {0};
	struct tls_keys keys;

	(void)state;
	for (uint16_t number = 0x1301; number <= 0x1303; number++) {
		double start = now_us();

		for (int i = 0; i < 5000; i++) {
			secret[0] = (uint8_t)i;
			tls_keys_from_traffic(tls_suite_find(number), secret, &keys);
		}
		printf("derivation for %x: %.2f us\n", number, (now_us() - start) / 5000);
		assert_true((now_us() - start) / 5000 < 100);
	}
}

/* A trial that fails: the record of another connection, keys derived the first time
 * and then kept. */
static void test_trial(void **state)
{
	uint8_t data[63] = {0}, text[TLS_MAX_FRAGMENT_BYTES];
	struct tls_record r = {.type = 23,
			       .version = 0x0303,
			       .size_bytes = 63,
			       .captured_bytes = 63,
			       .piece_count = 1,
			       .data = data,
			       .pieces = {{0, 63}}};
	struct tls_keys keys = {.aead = TLS_AEAD_AES_128_GCM, .tls13 = true};
	struct tls_opened opened;
	double start = now_us();

	(void)state;
	for (int i = 0; i < 20000; i++) {
		keys.key[0] = (uint8_t)i;
		assert_true(tls_record_open(&keys, &r, 0, text, &opened) < 0);
	}
	printf("failed trial with kept keys: %.2f us\n", (now_us() - start) / 20000);
}

static void test_idle_memory(void **state)
{
	static struct tls *idle[IDLE];
	size_t handshake;
	struct session *s = session_of(&measured[0], 3, 300, &handshake);
	size_t before = mallinfo2().uordblks, each;
	struct secrets *store = store_new();
	struct tls_secrets source = secrets_source(store);

	(void)state;
	for (int i = 0; i < IDLE; i++) {
		idle[i] = tls_new(&source, &deaf, false);
		feed_events(idle[i], store, s, 0, s->event_count);
		if (!i) /* the same secrets again for the next one */
			before = mallinfo2().uordblks - malloc_usable_size(idle[i]);
		secrets_free(store);
		store = store_new();
		source = secrets_source(store);
		assert_int_equal(tls_state_of(idle[i]), TLS_STATE_OPEN);
	}
	each = (mallinfo2().uordblks - before) / IDLE;
	printf("idle connection: %zu bytes\n", each);
	assert_true(each < 2816);
	for (int i = 0; i < IDLE; i++)
		tls_free(idle[i]);
	secrets_free(store);
	session_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_derivation),
		cmocka_unit_test(test_trial),
		cmocka_unit_test(test_idle_memory),
	};

	identity_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
