// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The TLS reader against real handshakes: every plaintext byte equal, in every split, order and
 * gap. */
#include "datapath/decode/tls.h"

#include "datapath/decode/tls_session_test.h"
#include "datapath/observe/secrets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* ---- a reader and what it said
 * -------------------------------------------------------------------- */

struct reader {
	struct tls *tls;
	struct tls_secrets source;
	struct tls_listener listener;
	uint8_t *plain[2];
	uint8_t *there[2]; /* 1 where the byte was given, 0 in gaps */
	size_t plain_bytes[2];
	uint64_t wire[2]; /* bytes fed */
	uint64_t last_at[2];
	uint64_t last_time[2];
	unsigned closed[2];
	bool answer_first; /* the server's plaintext came while the client had none */
};

static void reader_plaintext(void *arg, enum tls_side side, const struct feed *f, uint64_t time_ns)
{
	struct reader *r = arg;
	size_t size_bytes = r->plain_bytes[side] + f->size_bytes;

	assert_int_equal(f->step, 0);
	assert_true(f->size_bytes > 0 && f->at >= r->last_at[side] && f->at <= r->wire[side]);
	assert_true(time_ns >= r->last_time[side]);
	r->last_at[side] = f->at;
	r->last_time[side] = time_ns;
	r->answer_first |= side == TLS_SERVER && !r->plain_bytes[TLS_CLIENT];
	r->plain[side] = realloc(r->plain[side], size_bytes);
	r->there[side] = realloc(r->there[side], size_bytes);
	if (f->data)
		memcpy(r->plain[side] + r->plain_bytes[side], f->data, f->size_bytes);
	memset(r->there[side] + r->plain_bytes[side], !!f->data, f->size_bytes);
	r->plain_bytes[side] = size_bytes;
}

static void reader_closed(void *arg, enum tls_side side)
{
	((struct reader *)arg)->closed[side]++;
}

static struct reader *reader_new(struct secrets *store)
{
	struct reader *r = calloc(1, sizeof(*r));

	r->source = secrets_source(store);
	r->listener = (struct tls_listener){r, reader_plaintext, reader_closed};
	r->tls = tls_new(&r->source, &r->listener, false);
	return r;
}

static void reader_free(struct reader *r)
{
	tls_free(r->tls);
	for (int side = 0; side < 2; side++) {
		free(r->plain[side]);
		free(r->there[side]);
	}
	free(r);
}

static void reader_feed(struct reader *r, enum tls_side side, const uint8_t *data,
			size_t size_bytes, uint64_t time_ns)
{
	const struct feed f = {data, size_bytes, r->wire[side] + 1, 1};
	uint8_t *exact = NULL; /* so that ASan sees every byte read too far */

	if (data) {
		exact = malloc(size_bytes);
		memcpy(exact, data, size_bytes);
	}
	r->wire[side] += size_bytes;
	tls_feed(r->tls, side, &(struct feed){exact, f.size_bytes, f.at, 1}, time_ns);
	free(exact);
}

/* ---- ways to cut
 * ---------------------------------------------------------------------------------- */

enum cut { CUT_NONE, CUT_BYTES, CUT_RANDOM, CUT_GAPS, CUT_MAX };

static void feed_split(struct reader *r, const struct session_event *e, enum cut cut, uint64_t time)
{
	size_t done = 0;

	while (done < e->size_bytes) {
		size_t n = cut == CUT_NONE    ? e->size_bytes
			   : cut == CUT_BYTES ? 1
					      : 1 + (size_t)rand() % 700;

		if (n > e->size_bytes - done)
			n = e->size_bytes - done;
		reader_feed(r, e->side, e->data + done, n, time);
		done += n;
	}
}

/* Leaves the middle of large records out, as the kernel half may. The flight starts with a record
 * head. */
static void feed_gaps(struct reader *r, const struct session_event *e, uint64_t time)
{
	size_t at = 0;

	while (at < e->size_bytes) {
		size_t size_bytes = 5 + (size_t)(e->data[at + 3] << 8 | e->data[at + 4]);
		size_t head = 37 + (size_t)rand() % 900;
		size_t tail = (size_t)(rand() % 3) *
			      24; /* 0, part of the content or little more than the tag */

		assert_true(at + size_bytes <= e->size_bytes);
		if (size_bytes < 2000 || e->data[at] != 23) {
			reader_feed(r, e->side, e->data + at, size_bytes, time);
		} else {
			reader_feed(r, e->side, e->data + at, head, time);
			reader_feed(r, e->side, NULL, size_bytes - head - tail, time);
			if (tail)
				reader_feed(r, e->side, e->data + at + size_bytes - tail, tail,
					    time);
		}
		at += size_bytes;
	}
}

static void feed_event(struct reader *r, const struct session_event *e, enum cut cut, uint64_t time)
{
	if (cut == CUT_GAPS)
		feed_gaps(r, e, time);
	else
		feed_split(r, e, cut, time);
}

/* ---- when secrets come
 * ---------------------------------------------------------------------------- */

enum when { WHEN_DERIVED, WHEN_BEFORE, WHEN_AFTER, WHEN_NEVER, WHEN_MAX };

static void add_secrets(const struct session *s, struct secrets *store)
{
	for (size_t i = 0; i < s->event_count; i++)
		if (!s->events[i].data)
			secrets_add(store, &s->events[i].secret);
}

static void replay(const struct session *s, struct reader *r, struct secrets *store, enum cut cut,
		   enum when when)
{
	if (when == WHEN_BEFORE)
		add_secrets(s, store);
	for (size_t i = 0; i < s->event_count; i++) {
		const struct session_event *e = &s->events[i];

		if (e->data) {
			feed_event(r, e, cut, i + 1);
		} else if (when == WHEN_DERIVED) {
			secrets_add(store, &e->secret);
			tls_retry(r->tls);
		}
	}
	if (when == WHEN_AFTER)
		add_secrets(s, store);
	tls_retry(r->tls);
}

static void assert_plain(const struct session *s, const struct reader *r, bool gaps)
{
	size_t missing = 0;

	assert_string_equal(tls_state_name(tls_state_of(r->tls)), "open");
	assert_false(tls_waits(r->tls));
	for (int side = 0; side < 2; side++) {
		assert_int_equal(r->plain_bytes[side], s->plain_bytes[side]);
		for (size_t i = 0; i < s->plain_bytes[side]; i++) {
			missing += !r->there[side][i];
			if (r->there[side][i])
				assert_int_equal(r->plain[side][i], s->plain[side][i]);
		}
		assert_int_equal(r->closed[side], 1);
	}
	assert_true(gaps == (missing > 0));
	assert_false(r->answer_first);
}

/* ---- sessions
 * ------------------------------------------------------------------------------------- */

struct suite {
	int version;
	const char *name;
	uint16_t number;
	bool rsa;
};

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

enum option { CLIENT_CERTIFICATE = 1, KEY_UPDATE = 2, ALPN = 4, PROBE_SERVER = 8, OPTION_MAX = 16 };

static struct {
	EVP_PKEY *key[2];
	X509 *certificate[2]; /* EC, RSA */
	X509 *client;
} identity;

static struct secrets *store_new(void)
{
	struct secrets *store = secrets_new(4096, 42);

	assert_non_null(store);
	return store;
}

static void contexts_new(const struct suite *suite, unsigned options, SSL_CTX *ret[2])
{
	bool own = options & CLIENT_CERTIFICATE;

	ret[TLS_CLIENT] =
		session_context(false, suite->version, suite->name, own ? identity.key[0] : NULL,
				own ? identity.client : NULL);
	ret[TLS_SERVER] =
		session_context(true, suite->version, suite->name, identity.key[suite->rsa],
				identity.certificate[suite->rsa]);
	if (own)
		SSL_CTX_set_verify(ret[TLS_SERVER],
				   SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
				   session_trust);
	if (options & ALPN)
		SSL_CTX_set_alpn_protos(ret[TLS_CLIENT],
					(const unsigned char *)"\x02h2\x08http/1.1", 12);
}

static void contexts_free(SSL_CTX *contexts[2])
{
	SSL_CTX_free(contexts[0]);
	SSL_CTX_free(contexts[1]);
}

/* Requests and answers, small and large, with KeyUpdates in between; both ends say goodbye. */
static void session_talk(struct session *s, unsigned options)
{
	static const size_t sizes[2][5] = {{1, 300, 3000, 70, 6000}, {1, 300, 16384, 70, 40000}};
	const size_t *size = sizes[!!(options & PROBE_SERVER)]; /* small: all of it may wait */
	uint8_t data[40016];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)rand();
	for (size_t i = 0; i < 5; i++) {
		session_write(s, TLS_CLIENT, data + i, size[i]);
		if (options & KEY_UPDATE)
			SSL_key_update(s->ends[i % 2], i < 3 ? SSL_KEY_UPDATE_REQUESTED
							     : SSL_KEY_UPDATE_NOT_REQUESTED);
		session_write(s, TLS_SERVER, data + 2 * i, size[4 - i]);
	}
	for (int side = 0; side < 2; side++) {
		SSL_shutdown(s->ends[side]);
		session_carry(s, (enum tls_side)side);
	}
}

static struct session *session_run(SSL_CTX *contexts[2], unsigned options, SSL_SESSION **resume)
{
	struct session *s =
		session_new(contexts[TLS_CLIENT], contexts[TLS_SERVER], options & PROBE_SERVER, 1);

	if (*resume)
		SSL_set_session(s->ends[TLS_CLIENT], *resume);
	while (!session_shake(s))
		;
	session_talk(s, options);
	SSL_SESSION_free(*resume);
	*resume = SSL_get1_session(s->ends[TLS_CLIENT]);
	return s;
}

static void assert_facts(const struct suite *suite, unsigned options, bool resumed,
			 const struct tls_facts *f)
{
	assert_int_equal(f->version, suite->version);
	assert_int_equal(f->cipher_suite, suite->number);
	assert_int_equal(f->resumed, resumed);
	assert_string_equal(f->sni, "shop.example");
	assert_string_equal(f->alpn, options & ALPN ? "h2" : "");
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
static void check_session(const struct suite *suite, unsigned options, bool resumed,
			  const struct session *s)
{
	for (int cut = 0; cut < CUT_MAX; cut++) {
		for (int when = 0; when < WHEN_NEVER; when++) {
			struct secrets *store = store_new();
			struct reader *r = reader_new(store);

			replay(s, r, store, (enum cut)cut, (enum when)when);
			if (when == WHEN_AFTER && tls_state_of(r->tls) == TLS_STATE_BACKLOG) {
				assert_int_equal(r->plain_bytes[0], 0); /* more than may wait */
			} else {
				assert_plain(s, r, cut == CUT_GAPS);
				assert_facts(suite, options, resumed, tls_facts_of(r->tls));
				assert_int_equal(secrets_counts(store)->waiting, 0);
			}
			reader_free(r);
			secrets_free(store);
		}
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_combination),
	};

	for (int rsa = 0; rsa < 2; rsa++) {
		identity.key[rsa] = session_key(rsa);
		identity.certificate[rsa] =
			session_certificate(identity.key[rsa], "shop",
					    "DNS:shop.example,URI:spiffe://mesh/ns/a/sa/shop");
	}
	identity.client = session_certificate(identity.key[0], "client", "URI:spiffe://mesh/c");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
