// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What must never open: wrong secrets, changed bytes, suites that cannot be read; and streams that
 * end or break anywhere. */
#include "datapath/observe/tls_talk_test.h"

static const struct suite suite_13 = {TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", 0x1301, false};
static const struct suite suite_12 = {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02b,
				      false};

static struct session *talk_over(const struct suite *suite)
{
	SSL_CTX *contexts[2];
	struct session *s;

	contexts_new(suite, 0, contexts);
	s = session_new(contexts[0], contexts[1], false, 1);
	while (!session_shake(s))
		;
	session_talk(s, 0);
	contexts_free(contexts);
	return s;
}

static void assert_state(const struct reader *r, const char *state)
{
	assert_string_equal(tls_state_name(tls_state_of(r->tls)), state);
}

/* Whatever was told must be the start of what was written. */
static void assert_prefix(const struct session *s, const struct reader *r)
{
	for (int side = 0; side < 2; side++) {
		assert_true(r->plain_bytes[side] <= s->plain_bytes[side]);
		if (r->plain_bytes[side])
			assert_memory_equal(r->plain[side], s->plain[side], r->plain_bytes[side]);
	}
}

static void check_wrong(const struct suite *suite, bool never)
{
	struct session *s = talk_over(suite);
	struct secrets *store = store_new();
	struct reader *r = reader_new(store);

	for (size_t i = 0; i < s->event_count; i++)
		s->events[i].secret.secret[i % 32] ^= 1;
	replay(s, r, store, CUT_NONE, never ? WHEN_NEVER : WHEN_DERIVED);
	if (tls_waits(r->tls))
		assert_state(r, "handshake");
	tls_give_up(r->tls);
	assert_false(tls_waits(r->tls));
	assert_state(r, "no_secret");
	assert_int_equal(r->plain_bytes[0] + r->plain_bytes[1], 0);
	assert_int_equal(secrets_counts(store)->claimed, 0);
	assert_string_equal(tls_facts_of(r->tls)->sni, "shop.example");
	assert_string_not_equal(tls_facts_of(r->tls)->cipher, "unknown");
	reader_free(r);
	secrets_free(store);
	session_free(s);
}

static void test_wrong_secrets(void **state)
{
	(void)state;
	for (int never = 0; never < 2; never++) {
		check_wrong(&suite_13, never);
		check_wrong(&suite_12, never);
	}
}

static void test_unsupported(void **state)
{
	static const struct suite unreadable[] = {
		{TLS1_3_VERSION, "TLS_AES_128_CCM_SHA256", 0x1304, false},
		{TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256", 0xc023, false},
		{TLS1_2_VERSION, "ECDHE-RSA-AES256-SHA", 0xc014, true},
		{TLS1_1_VERSION, "ECDHE-RSA-AES256-SHA", 0xc014, true},
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct session *s = talk_over(&unreadable[i]);
		struct secrets *store = store_new();
		struct reader *r = reader_new(store);

		replay(s, r, store, CUT_RANDOM, WHEN_DERIVED);
		assert_state(r, "unsupported_cipher");
		assert_int_equal(r->plain_bytes[0] + r->plain_bytes[1], 0);
		assert_int_equal(tls_facts_of(r->tls)->cipher_suite, unreadable[i].number);
		assert_int_equal(tls_facts_of(r->tls)->version, unreadable[i].version);
		reader_free(r);
		secrets_free(store);
		session_free(s);
	}
}

static void test_midstream(void **state)
{
	struct session *s = talk_over(&suite_13);
	struct secrets *store = store_new();
	struct reader *r = reader_new(store);

	(void)state;
	tls_free(r->tls);
	r->tls = tls_new(&r->source, &r->listener, true);
	replay(s, r, store, CUT_NONE, WHEN_DERIVED);
	assert_state(r, "joined");
	assert_false(tls_waits(r->tls));
	assert_int_equal(r->plain_bytes[0] + r->plain_bytes[1], 0);
	reader_free(r);
	secrets_free(store);
	session_free(s);
}

/* Feeds the session up to |limit| wire bytes, then calls for the end. */
static void check_truncated(const struct session *s, size_t limit)
{
	struct secrets *store = store_new();
	struct reader *r = reader_new(store);

	for (size_t i = 0; i < s->event_count && limit; i++) {
		const struct session_event *e = &s->events[i];
		size_t n = e->size_bytes < limit ? e->size_bytes : limit;

		if (e->data)
			reader_feed(r, e->side, e->data, n, i);
		else
			secrets_add(store, &e->secret);
		limit -= e->data ? n : 0;
		tls_retry(r->tls);
	}
	assert_prefix(s, r);
	tls_give_up(r->tls);
	assert_prefix(s, r);
	reader_free(r);
	secrets_free(store);
}

/* Every byte of the handshake, then every seventeenth. */
static void test_truncated(void **state)
{
	const struct suite *both[] = {&suite_13, &suite_12};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct session *s = talk_over(both[i]);

		for (size_t limit = 1; limit < 20000; limit += limit < 2500 ? 1 : 17)
			check_truncated(s, limit);
		session_free(s);
	}
}

/* One bit of the stream changed: either it is told, or what was told before is right. */
static void check_changed(const struct session *s, size_t event, size_t byte)
{
	struct secrets *store = store_new();
	struct reader *r = reader_new(store);

	s->events[event].data[byte] ^= 4;
	replay(s, r, store, CUT_NONE, WHEN_DERIVED);
	assert_prefix(s, r);
	s->events[event].data[byte] ^= 4;
	reader_free(r);
	secrets_free(store);
}

static void test_changed(void **state)
{
	const struct suite *both[] = {&suite_13, &suite_12};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct session *s = talk_over(both[i]);

		for (size_t e = 0; e < s->event_count; e++)
			for (size_t byte = 0; byte < s->events[e].size_bytes; byte += 7)
				check_changed(s, e, byte);
		session_free(s);
	}
}

/* A gap over the head of a record, at the end of a whole conversation. */
static void test_desync(void **state)
{
	struct session *s = talk_over(&suite_13);
	struct secrets *store = store_new();
	struct reader *r = reader_new(store);

	(void)state;
	s->event_count -= 2; /* without the goodbyes */
	replay(s, r, store, CUT_NONE, WHEN_DERIVED);
	s->event_count += 2;
	assert_state(r, "open");
	reader_feed(r, TLS_CLIENT, NULL, 3, 1000);
	assert_state(r, "desync");
	assert_prefix(s, r);
	reader_free(r);
	secrets_free(store);
	session_free(s);
}

/* A client that writes |before| records, renews its keys, and writes on. */
static struct session *talk_renewed(int before)
{
	SSL_CTX *contexts[2];
	struct session *s;

	contexts_new(&suite_13, 0, contexts);
	s = session_new(contexts[0], contexts[1], false, 1);
	while (!session_shake(s))
		;
	for (int i = 0; i < before; i++)
		session_write(s, TLS_CLIENT, "before", 6);
	SSL_key_update(s->ends[TLS_CLIENT], SSL_KEY_UPDATE_NOT_REQUESTED);
	for (int i = 0; i < 3; i++)
		session_write(s, TLS_CLIENT, "behind", 6);
	contexts_free(contexts);
	return s;
}

#define RECORD_BYTES (5 + 6 + 1 + 16)
#define UPDATE_BYTES (5 + 5 + 1 + 16)

/* Whatever a direction's place in the row of records whose tags are looked at: after a hole that
 * hides new keys nothing is told that was not written. */
static void check_hidden(int before)
{
	struct session *s = talk_renewed(before);
	struct secrets *store = store_new();
	struct reader *r = reader_new(store);
	const struct session_event *e = &s->events[s->event_count - 3];

	assert_int_equal(e->size_bytes, UPDATE_BYTES + RECORD_BYTES);
	reader_at_sender(r, true);
	s->event_count -= 3;
	replay(s, r, store, CUT_NONE, WHEN_DERIVED);
	s->event_count += 3;
	assert_int_equal(r->plain_bytes[TLS_CLIENT], 6 * before);
	reader_feed(r, TLS_CLIENT, e->data, 5, 1000);
	reader_feed(r, TLS_CLIENT, NULL, UPDATE_BYTES - 5, 1000);
	reader_feed(r, TLS_CLIENT, e->data + UPDATE_BYTES, RECORD_BYTES, 1000);
	assert_state(r, "decrypt_error");
	r->plain_bytes[TLS_CLIENT] = 6 * (size_t)before; /* and a gap for what was hidden */
	assert_prefix(s, r);
	reader_free(r);
	secrets_free(store);
	session_free(s);
}

static void test_hidden_update(void **state)
{
	(void)state;
	for (int before = 1; before < 70; before++) /* the first one binds the keys */
		check_hidden(before);
}

/* Bytes that do not come from the sender's hook are looked at, each of them. */
static void test_seen_elsewhere(void **state)
{
	struct session *s = talk_renewed(40);
	struct secrets *store = store_new();
	struct reader *r = reader_new(store);
	struct session_event *e = &s->events[s->event_count - 2];

	(void)state;
	reader_at_sender(r, true);
	s->event_count -= 2;
	replay(s, r, store, CUT_NONE, WHEN_DERIVED);
	s->event_count += 2;
	reader_at_sender(r, false);
	e->data[7] ^= 1;
	reader_feed(r, TLS_CLIENT, e->data, e->size_bytes, 1000);
	assert_state(r, "decrypt_error");
	assert_prefix(s, r);
	reader_free(r);
	secrets_free(store);
	session_free(s);
}

static void test_garbage(void **state)
{
	uint8_t data[512];

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct secrets *store = store_new();
		struct reader *r = reader_new(store);

		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = (uint8_t)rand();
		data[0] = round % 2 ? 22 : data[0];
		data[1] = 3;
		data[2] = 1;
		reader_feed(r, (enum tls_side)(round % 2), data, sizeof(data), 1);
		assert_int_equal(r->plain_bytes[0] + r->plain_bytes[1], 0);
		reader_free(r);
		secrets_free(store);
	}
}

/* More waits than may: the connection is given up, its memory comes back. */
static void test_backlog(void **state)
{
	struct session *s = talk_over(&suite_13);
	struct secrets *store = store_new();
	struct reader *r = reader_new(store);
	uint8_t record[5 + 1000] = {23, 3, 3, 1000 >> 8, 1000 & 255};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		if (s->events[i].data)
			reader_feed(r, s->events[i].side, s->events[i].data,
				    s->events[i].size_bytes, i);
	for (int i = 0; i < 64 && tls_state_of(r->tls) == TLS_STATE_HANDSHAKE; i++)
		reader_feed(r, TLS_SERVER, record, sizeof(record), 10);
	assert_state(r, "backlog");
	assert_false(tls_waits(r->tls));
	reader_free(r);
	secrets_free(store);
	session_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_secrets), cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_midstream),     cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_changed),	      cmocka_unit_test(test_desync),
		cmocka_unit_test(test_hidden_update), cmocka_unit_test(test_seen_elsewhere),
		cmocka_unit_test(test_garbage),	      cmocka_unit_test(test_backlog),
	};

	identity_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
