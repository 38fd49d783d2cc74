// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The store of secrets: its bound, expiry, order of candidates, and that nothing of a secret stays
 * behind. */
#include "datapath/observe/secrets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint8_t one[32] = {1}, two[32] = {2};

static struct weft_secret secret_of(uint8_t which, uint8_t byte, uint64_t time_ns, uint32_t tid)
{
	struct weft_secret w = {.event.time_ns = time_ns,
				.tls_version = 0x0304,
				.which = which,
				.secret_bytes = 32,
				.tid = tid};

	memset(w.secret, byte, 32);
	return w;
}

static const struct tls_secret *ask(struct secrets *s, const uint8_t *random, uint8_t which,
				    unsigned index)
{
	struct tls_secrets from = secrets_source(s);

	return from.candidate(from.arg, random, which, index);
}

static void add(struct secrets *s, uint8_t which, uint8_t byte, uint64_t time_ns, uint32_t tid)
{
	struct weft_secret w = secret_of(which, byte, time_ns, tid);

	secrets_add(s, &w);
}

static void test_newest_first(void **state)
{
	struct secrets *s = secrets_new(16, 1);

	(void)state;
	for (uint8_t i = 1; i <= 4; i++)
		add(s, i % 2 ? WEFT_SECRET_CLIENT_TRAFFIC : WEFT_SECRET_UNKNOWN, i, i, i);
	add(s, WEFT_SECRET_SERVER_TRAFFIC, 9, 9, 9);
	for (uint8_t i = 0; i < 4; i++)
		assert_int_equal(ask(s, one, WEFT_SECRET_CLIENT_TRAFFIC, i)->secret[0], 4 - i);
	assert_null(ask(s, one, WEFT_SECRET_CLIENT_TRAFFIC, 4));
	assert_int_equal(ask(s, one, WEFT_SECRET_CLIENT_TRAFFIC, 2)->secret[0], 2);
	secrets_free(s);
}

static void test_client_random(void **state)
{
	struct secrets *s = secrets_new(16, 1);
	struct weft_secret w = secret_of(WEFT_SECRET_MASTER, 7, 1, 1);

	(void)state;
	w.secret_bytes = 48;
	w.has_client_random = 1;
	memcpy(w.client_random, one, 32);
	secrets_add(s, &w);
	assert_null(ask(s, two, WEFT_SECRET_MASTER, 0));
	assert_int_equal(ask(s, one, WEFT_SECRET_MASTER, 0)->secret[0], 7);
	assert_true(ask(s, one, WEFT_SECRET_MASTER, 0)->likely);
	assert_null(ask(s, one, WEFT_SECRET_MASTER, 1));
	secrets_free(s);
}

/* Secrets that one thread derived around a claimed one come first for the
 * connection that claimed. */
static void test_neighbours(void **state)
{
	struct secrets *s = secrets_new(16, 1);
	struct tls_secrets from = secrets_source(s);

	(void)state;
	add(s, WEFT_SECRET_SERVER_HANDSHAKE, 1, 1, 5);
	add(s, WEFT_SECRET_SERVER_TRAFFIC, 2, 2, 5);
	add(s, WEFT_SECRET_SERVER_HANDSHAKE, 3, 3, 5);
	add(s, WEFT_SECRET_SERVER_TRAFFIC, 4, 4, 5);
	assert_int_equal(ask(s, one, WEFT_SECRET_SERVER_HANDSHAKE, 1)->secret[0], 1);
	from.claim(from.arg, ask(s, one, WEFT_SECRET_SERVER_HANDSHAKE, 1)->id, 0);
	assert_int_equal(ask(s, one, WEFT_SECRET_SERVER_TRAFFIC, 0)->secret[0], 2);
	assert_true(ask(s, one, WEFT_SECRET_SERVER_TRAFFIC, 0)->likely);
	assert_int_equal(ask(s, one, WEFT_SECRET_SERVER_TRAFFIC, 1)->secret[0], 4);
	assert_int_equal(ask(s, two, WEFT_SECRET_SERVER_TRAFFIC, 0)->secret[0], 4);
	secrets_free(s);
}

static bool is_zero(const uint8_t *p, size_t n)
{
	while (n && !p[n - 1])
		n--;
	return !n;
}

static void test_wiped(void **state)
{
	struct secrets *s = secrets_new(16, 1);
	struct tls_secrets from = secrets_source(s);
	const struct tls_secret *claimed, *old;

	(void)state;
	add(s, WEFT_SECRET_CLIENT_TRAFFIC, 1, 1, 1);
	claimed = ask(s, one, WEFT_SECRET_CLIENT_TRAFFIC, 0);
	memset(claimed->derived, 7, sizeof(*claimed->derived));
	from.claim(from.arg, claimed->id, 0);
	assert_true(is_zero(claimed->secret, 64));
	assert_true(is_zero((uint8_t *)claimed->derived, sizeof(*claimed->derived)));
	add(s, WEFT_SECRET_CLIENT_TRAFFIC, 2, 2, 1);
	old = ask(s, one, WEFT_SECRET_CLIENT_TRAFFIC, 0);
	secrets_expire(s, 3);
	assert_true(is_zero(old->secret, 64));
	assert_int_equal(secrets_counts(s)->expired, 1);
	assert_int_equal(secrets_counts(s)->waiting, 0);
	assert_null(ask(s, one, WEFT_SECRET_CLIENT_TRAFFIC, 0));
	secrets_free(s);
}

/* The other end derives the same secret: it is known, also after it was claimed. */
static void test_repeated(void **state)
{
	struct secrets *s = secrets_new(16, 1);
	struct tls_secrets from = secrets_source(s);
	uint8_t updated[32];

	(void)state;
	memset(updated, 3, sizeof(updated));
	add(s, WEFT_SECRET_CLIENT_TRAFFIC, 1, 1, 1);
	add(s, WEFT_SECRET_CLIENT_TRAFFIC, 1, 2, 2);
	from.claim(from.arg, ask(s, one, WEFT_SECRET_CLIENT_TRAFFIC, 0)->id, 0);
	add(s, WEFT_SECRET_CLIENT_TRAFFIC, 1, 3, 3);
	assert_int_equal(secrets_counts(s)->repeated, 2);
	from.known(from.arg, updated, sizeof(updated));
	add(s, WEFT_SECRET_UNKNOWN, 3, 4, 1);
	assert_int_equal(secrets_counts(s)->repeated, 3);
	assert_int_equal(secrets_counts(s)->waiting, 0);
	secrets_free(s);
}

/* Two connections with one ClientHello: the secret stays for the second one, and for no other. */
static void test_shared(void **state)
{
	struct secrets *s = secrets_new(16, 1);
	struct tls_secrets from = secrets_source(s);
	uint64_t first = from.hello(from.arg, one), second = from.hello(from.arg, one);
	const struct tls_secret *kept;

	(void)state;
	add(s, WEFT_SECRET_CLIENT_TRAFFIC, 1, 1, 1);
	kept = ask(s, one, WEFT_SECRET_CLIENT_TRAFFIC, 0);
	from.claim(from.arg, kept->id, first);
	from.leave(from.arg, one, first);
	assert_null(ask(s, two, WEFT_SECRET_CLIENT_TRAFFIC, 0));
	assert_ptr_equal(ask(s, one, WEFT_SECRET_CLIENT_TRAFFIC, 0), kept);
	assert_true(kept->likely);
	assert_int_equal(kept->secret[0], 1);
	assert_int_equal(secrets_counts(s)->waiting, 1);
	from.claim(from.arg, kept->id, second);
	assert_true(is_zero(kept->secret, 64));
	assert_null(ask(s, one, WEFT_SECRET_CLIENT_TRAFFIC, 0));
	assert_int_equal(secrets_counts(s)->waiting, 0);
	assert_int_equal(secrets_counts(s)->claimed, 1);
	secrets_free(s);
}

/* A kept secret goes when the connections that could need it have gone, or in time, or with its
 * session's place. */
static void test_shared_ends(void **state)
{
	struct secrets *s = secrets_new(2, 1);
	struct tls_secrets from = secrets_source(s);
	const uint8_t others[2][32] = {{3}, {4}};

	(void)state;
	for (int way = 0; way < 3; way++) {
		uint64_t first = from.hello(from.arg, one), second = from.hello(from.arg, one);
		const struct tls_secret *kept;

		add(s, WEFT_SECRET_CLIENT_TRAFFIC, (uint8_t)(10 + way), 10 + (uint64_t)way, 1);
		kept = ask(s, one, WEFT_SECRET_CLIENT_TRAFFIC, 0);
		from.claim(from.arg, kept->id, first);
		assert_int_equal(kept->secret[0], 10 + way);
		if (way == 0)
			from.leave(from.arg, one, second);
		else if (way == 1)
			secrets_expire(s, 12);
		for (int i = 0; way == 2 && i < 2; i++)
			from.hello(from.arg, others[i]);
		assert_true(is_zero(kept->secret, 64));
		assert_int_equal(secrets_counts(s)->waiting, 0);
		assert_int_equal(secrets_counts(s)->unshared, way > 0);
		from.leave(from.arg, one, first);
		from.leave(from.arg, one, second);
	}
	secrets_free(s);
}

/* A resumed session of TLS 1.2 has the master secret of the one before, and needs it again. */
static void test_resumed(void **state)
{
	struct secrets *s = secrets_new(8, 1);
	struct tls_secrets from = secrets_source(s);
	struct weft_secret w = secret_of(WEFT_SECRET_MASTER, 7, 1, 1);

	(void)state;
	w.secret_bytes = 48;
	w.has_client_random = 1;
	memcpy(w.client_random, one, 32);
	secrets_add(s, &w);
	from.claim(from.arg, ask(s, one, WEFT_SECRET_MASTER, 0)->id, 0);
	memcpy(w.client_random, two, 32);
	secrets_add(s, &w);
	secrets_add(s, &w); /* by the other end */
	assert_int_equal(secrets_counts(s)->repeated, 1);
	assert_non_null(ask(s, two, WEFT_SECRET_MASTER, 0));
	assert_null(ask(s, one, WEFT_SECRET_MASTER, 0));
	secrets_free(s);
}

static void test_full(void **state)
{
	struct secrets *s = secrets_new(8, 1);
	struct tls_secrets from = secrets_source(s);

	(void)state;
	for (uint8_t i = 0; i < 8; i++)
		add(s, WEFT_SECRET_CLIENT_TRAFFIC, i, i, i);
	from.claim(from.arg, ask(s, one, WEFT_SECRET_CLIENT_TRAFFIC, 3)->id, 0);
	add(s, WEFT_SECRET_CLIENT_TRAFFIC, 100, 100, 1); /* takes the claimed one's place */
	assert_int_equal(secrets_counts(s)->full, 0);
	for (uint8_t i = 0; i < 100; i++)
		add(s, WEFT_SECRET_SERVER_TRAFFIC, (uint8_t)(101 + i), 101 + i, i);
	assert_int_equal(secrets_counts(s)->full, 100);
	assert_int_equal(secrets_counts(s)->waiting, 8);
	assert_null(ask(s, one, WEFT_SECRET_CLIENT_TRAFFIC, 0));
	secrets_free(s);
}

static void test_invalid(void **state)
{
	struct secrets *s = secrets_new(8, 1);
	struct weft_secret w = secret_of(99, 1, 1, 1);

	(void)state;
	secrets_add(s, &w);
	w = secret_of(WEFT_SECRET_CLIENT_TRAFFIC, 1, 1, 1);
	w.secret_bytes = 65;
	secrets_add(s, &w);
	w = secret_of(WEFT_SECRET_MASTER, 1, 1, 1);
	secrets_add(s, &w);
	assert_int_equal(secrets_counts(s)->invalid, 3);
	assert_int_equal(secrets_counts(s)->waiting, 0);
	secrets_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_newest_first), cmocka_unit_test(test_client_random),
		cmocka_unit_test(test_neighbours),   cmocka_unit_test(test_wiped),
		cmocka_unit_test(test_repeated),     cmocka_unit_test(test_full),
		cmocka_unit_test(test_invalid),	     cmocka_unit_test(test_shared),
		cmocka_unit_test(test_shared_ends),  cmocka_unit_test(test_resumed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
