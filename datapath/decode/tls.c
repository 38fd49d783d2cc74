// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One TLS connection: each direction goes through its epochs; records of an epoch whose keys are
 * not known wait. */
#include "datapath/decode/tls.h"

#include <linux/types.h>

#include "bpf/abi.h"
#include "datapath/decode/tls_certificate.h"
#include "datapath/decode/tls_handshake.h"
#include "datapath/decode/tls_trial.h"
#include "datapath/decode/tls_waiting.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#define TLS_1_2		   0x0303
#define TLS_1_3		   0x0304
#define ALERT_CLOSE_NOTIFY 0

/* Which keys protect a direction now. TLS 1.2 knows CLEAR and APPLICATION. */
enum epoch { EPOCH_CLEAR, EPOCH_EARLY, EPOCH_HANDSHAKE, EPOCH_APPLICATION, EPOCH_MAX };

/* What a handshake message asks for once its record is done. */
enum turn { TURN_NONE, TURN_FINISHED, TURN_END_OF_EARLY_DATA, TURN_KEY_UPDATE };

enum step { STEP_DONE, STEP_WAIT };

struct direction {
	struct tls_splitter splitter;
	struct tls_messages messages;
	struct tls_queue queue;
	struct tls_tried tried;
	uint64_t sequence; /* of the next record of this epoch */
	struct tls_keys keys;
	uint8_t secret[TLS_MAX_SECRET_BYTES]; /* TLS 1.3: the traffic secret, for KeyUpdate */
	uint8_t epoch;
	uint8_t turn;
	bool bound;   /* |keys| are this epoch's, proven by a tag */
	bool closed;  /* close_notify was seen */
	bool discard; /* early data that a HelloRetryRequest refused is still under way */
};

struct tls {
	const struct tls_secrets *secrets;
	const struct tls_listener *listener;
	const struct tls_suite *suite; /* NULL: not known or not in the table */
	struct direction directions[2];
	uint8_t client_random[32];
	uint8_t server_random[32];
	uint8_t state; /* enum tls_state */
	bool client_hello_seen;
	bool early_data_offered;
	bool extensions_seen; /* EncryptedExtensions: early data was accepted or not */
	bool hello_done_seen; /* TLS 1.2: a full handshake */
	bool master_bound;    /* TLS 1.2: both directions' keys are set */
	bool unlocked;	      /* something was learned that the other direction may wait for */
	struct tls_facts facts;
};

/* A message's way back to its connection. */
struct message_place {
	struct tls *t;
	enum tls_side side;
};

/* Plaintext of the record at hand. Listeners must not feed another connection. */
static _Thread_local uint8_t scratch[TLS_MAX_FRAGMENT_BYTES];

const char *tls_state_name(enum tls_state state)
{
	static const char *const names[] = {
#define X(name, text) text,
		TLS_STATES(X)
#undef X
	};

	return (unsigned)state < TLS_STATE_MAX ? names[state] : "unknown";
}

static bool is_over(const struct tls *t)
{
	return t->state != TLS_STATE_HANDSHAKE && t->state != TLS_STATE_OPEN;
}

static void fail(struct tls *t, enum tls_state state)
{
	if (!is_over(t))
		t->state = (uint8_t)state;
}

static bool is_tls13(const struct tls *t)
{
	return t->facts.version == TLS_1_3;
}

/* Copies a name that a peer chose; bytes that are not visible ASCII become '?'. */
static void name_copy(struct slice name, char *out, size_t size)
{
	slice_copy(name, out, size);
	for (size_t i = 0; i < size - 1 && i < name.size_bytes; i++)
		if (out[i] <= ' ' || out[i] >= 0x7f)
			out[i] = '?';
}

static void epoch_begin(struct direction *d, enum epoch epoch)
{
	d->epoch = (uint8_t)epoch;
	d->bound = false;
	d->sequence = 0;
	d->tried = (struct tls_tried){0};
}

/* ---- handshake messages
 * -------------------------------------------------------------------------- */

static void take_client_hello(struct tls *t, struct slice body)
{
	struct tls_client_hello hello;

	if (tls_client_hello_parse(body, &hello)) {
		fail(t, TLS_STATE_MALFORMED);
		return;
	}
	memcpy(t->client_random, hello.random, sizeof(t->client_random));
	name_copy(hello.sni, t->facts.sni, sizeof(t->facts.sni));
	t->client_hello_seen = true;
	t->early_data_offered = hello.early_data;
	t->directions[TLS_CLIENT].discard = false;
	t->unlocked = true;
}

/* The client will say hello again; early data that it sent meanwhile is refused (RFC 8446 4.2.10).
 */
static void take_retry(struct tls *t)
{
	struct direction *d = &t->directions[TLS_CLIENT];

	while (d->queue.first && d->queue.first->record.type != TLS_CONTENT_HANDSHAKE)
		tls_queue_pop(&d->queue);
	d->discard = !d->queue.first;
	epoch_begin(d, EPOCH_CLEAR);
	t->facts.version = TLS_1_3;
	t->unlocked = true;
}

static void take_server_hello(struct tls *t, struct slice body)
{
	struct tls_server_hello hello;

	if (tls_server_hello_parse(body, &hello)) {
		fail(t, TLS_STATE_MALFORMED);
		return;
	}
	if (hello.retry) {
		take_retry(t);
		return;
	}
	memcpy(t->server_random, hello.random, sizeof(t->server_random));
	t->suite = tls_suite_find(hello.cipher_suite);
	t->facts.version = hello.version;
	t->facts.cipher_suite = hello.cipher_suite;
	t->facts.cipher = t->suite ? t->suite->name : "unknown";
	t->facts.resumed = hello.psk && is_tls13(t);
	if (hello.alpn.data)
		name_copy(hello.alpn, t->facts.alpn, sizeof(t->facts.alpn));
	t->hello_done_seen = false;
	t->master_bound = false;
	t->unlocked = true;
	if (is_tls13(t))
		epoch_begin(&t->directions[TLS_SERVER], EPOCH_HANDSHAKE);
}

static void take_encrypted_extensions(struct tls *t, struct slice body)
{
	struct tls_encrypted_extensions extensions;

	if (tls_encrypted_extensions_parse(body, &extensions)) {
		fail(t, TLS_STATE_MALFORMED);
		return;
	}
	name_copy(extensions.alpn, t->facts.alpn, sizeof(t->facts.alpn));
	t->facts.early_data = extensions.early_data;
	t->extensions_seen = true;
	t->unlocked = true;
}

static void take_certificate(struct tls *t, enum tls_side side, struct slice body)
{
	struct slice der;

	if (!tls_certificate_parse(body, is_tls13(t), &der) && der.size_bytes)
		tls_certificate_read(der, side == TLS_SERVER ? &t->facts.server : &t->facts.client);
}

/* Messages that only one side may send. */
static void take_hello(struct tls *t, enum tls_side side, uint8_t type, struct slice body,
		       bool complete)
{
	enum tls_side sender = type == TLS_CLIENT_HELLO ? TLS_CLIENT : TLS_SERVER;

	if (side != sender)
		fail(t, TLS_STATE_MALFORMED);
	else if (!complete)
		fail(t, TLS_STATE_DESYNC);
	else if (type == TLS_CLIENT_HELLO)
		take_client_hello(t, body);
	else if (type == TLS_SERVER_HELLO)
		take_server_hello(t, body);
	else
		take_encrypted_extensions(t, body);
}

static void take_message(void *arg, uint8_t type, struct slice body, bool complete)
{
	const struct message_place *at = arg;
	struct direction *d = &at->t->directions[at->side];

	if (is_over(at->t))
		return;
	switch (type) {
	case TLS_CLIENT_HELLO:
	case TLS_SERVER_HELLO:
	case TLS_ENCRYPTED_EXTENSIONS:
		take_hello(at->t, at->side, type, body, complete);
		break;
	case TLS_CERTIFICATE:
		take_certificate(at->t, at->side, body);
		break;
	case TLS_CERTIFICATE_REQUEST:
		at->t->facts.client_certificate_requested = true;
		break;
	case TLS_SERVER_HELLO_DONE:
		at->t->hello_done_seen = true;
		break;
	case TLS_END_OF_EARLY_DATA:
		d->turn = TURN_END_OF_EARLY_DATA;
		break;
	case TLS_FINISHED:
		d->turn = TURN_FINISHED;
		break;
	case TLS_KEY_UPDATE:
		d->turn = TURN_KEY_UPDATE;
		break;
	}
}

/* Calls |each| for every piece and every hole of |size_bytes| bytes, in order. |bytes|: where piece
 * i begins is its offset (|packed| false) or the end of piece i - 1. */
struct walk {
	const struct tls_piece *pieces;
	uint16_t piece_count;
	uint16_t size_bytes;
	bool packed;
	const uint8_t *bytes;
};

typedef void walk_fn(struct message_place *at, struct slice part, const struct tls_record *r);

static void walk_pieces(const struct walk *w, walk_fn *each, struct message_place *at,
			const struct tls_record *r)
{
	uint32_t done = 0, taken = 0;

	for (int i = 0; i < w->piece_count && !is_over(at->t); i++) {
		struct tls_piece p = w->pieces[i];
		const uint8_t *from = w->bytes + (w->packed ? taken : p.offset);

		if (p.offset > done)
			each(at, (struct slice){NULL, p.offset - done}, r);
		each(at, (struct slice){(const char *)from, p.size_bytes}, r);
		done = (uint32_t)p.offset + p.size_bytes;
		taken += p.size_bytes;
	}
	if (w->size_bytes > done && !is_over(at->t))
		each(at, (struct slice){NULL, w->size_bytes - done}, r);
}

static void feed_messages(struct message_place *at, struct slice part, const struct tls_record *r)
{
	struct tls_messages *m = &at->t->directions[at->side].messages;
	int err = tls_messages_feed(m, part, take_message, at);

	(void)r;
	if (err)
		fail(at->t, err == -EPIPE ? TLS_STATE_DESYNC : TLS_STATE_BACKLOG);
}

static void feed_listener(struct message_place *at, struct slice part, const struct tls_record *r)
{
	const struct tls_listener *l = at->t->listener;
	const struct feed f = {(const uint8_t *)part.data, part.size_bytes, r->end, 0};

	if (part.size_bytes)
		l->plaintext(l->arg, at->side, &f, r->time_ns);
}

/* ---- records in clear
 * ---------------------------------------------------------------------------- */

static bool is_clear(const struct tls *t, const struct direction *d, const struct tls_record *r)
{
	if (r->type == TLS_CONTENT_APPLICATION)
		return false;
	return is_tls13(t) || d->epoch == EPOCH_CLEAR;
}

/* TLS 1.2: what follows is protected. In TLS 1.3 the record means nothing (RFC 8446 D.4). */
static enum step take_change_cipher(struct tls *t, enum tls_side side)
{
	struct direction *d = &t->directions[side];

	if (!t->facts.version)
		return STEP_WAIT;
	if (is_tls13(t))
		return STEP_DONE;
	if (side == TLS_SERVER)
		t->facts.resumed = !t->hello_done_seen;
	epoch_begin(d, EPOCH_APPLICATION);
	d->bound = t->master_bound;
	if (!t->suite || !t->suite->aead || t->facts.version != TLS_1_2)
		fail(t, TLS_STATE_UNSUPPORTED_CIPHER);
	return STEP_DONE;
}

static enum step take_clear(struct tls *t, enum tls_side side, const struct tls_record *r)
{
	struct direction *d = &t->directions[side];
	struct message_place at = {t, side};
	const struct walk w = {r->pieces, r->piece_count, r->size_bytes, true, r->data};

	if (r->type == TLS_CONTENT_CHANGE_CIPHER)
		return take_change_cipher(t, side);
	if (r->type != TLS_CONTENT_HANDSHAKE)
		return STEP_DONE;
	if (d->epoch > EPOCH_EARLY) {
		fail(t, TLS_STATE_MALFORMED);
		return STEP_DONE;
	}
	walk_pieces(&w, feed_messages, &at, r);
	d->turn = TURN_NONE; /* turns are for protected records only */
	return STEP_DONE;
}

/* ---- protected records
 * --------------------------------------------------------------------------- */

static uint8_t secret_kind(const struct tls *t, enum tls_side side)
{
	static const uint8_t kinds[EPOCH_MAX][2] = {
		[EPOCH_EARLY] = {WEFT_SECRET_CLIENT_EARLY, WEFT_SECRET_CLIENT_EARLY},
		[EPOCH_HANDSHAKE] = {WEFT_SECRET_CLIENT_HANDSHAKE, WEFT_SECRET_SERVER_HANDSHAKE},
		[EPOCH_APPLICATION] = {WEFT_SECRET_CLIENT_TRAFFIC, WEFT_SECRET_SERVER_TRAFFIC},
	};

	return is_tls13(t) ? kinds[t->directions[side].epoch][side] : WEFT_SECRET_MASTER;
}

static void keys_install(struct tls *t, enum tls_side side, const struct tls_bound *bound)
{
	struct direction *d = &t->directions[side];

	d->keys = bound->keys[side];
	d->bound = true;
	t->unlocked = true;
	if (is_tls13(t)) {
		memcpy(d->secret, bound->secret, sizeof(d->secret));
	} else {
		t->directions[!side].keys = bound->keys[!side];
		t->directions[!side].bound = t->directions[!side].epoch == EPOCH_APPLICATION;
		t->master_bound = true;
	}
	if (d->epoch == EPOCH_APPLICATION && !is_over(t))
		t->state = TLS_STATE_OPEN;
}

/* Asks the store whose secret opens |r|, a whole record with this |sequence| number. */
static bool bind_record(struct tls *t, enum tls_side side, const struct tls_record *r,
			uint64_t sequence)
{
	struct tls_bound bound;
	const struct tls_trial trial = {.secrets = t->secrets,
					.suite = t->suite,
					.client_random = t->client_random,
					.server_random = t->server_random,
					.record = r,
					.sequence = sequence,
					.side = side,
					.which = secret_kind(t, side),
					.text = scratch};

	if (tls_trial_run(&trial, &t->directions[side].tried, &bound))
		return false;
	keys_install(t, side, &bound);
	OPENSSL_cleanse(&bound, sizeof(bound));
	return true;
}

/* Binds the epoch that begins with |r| by the first whole record there is: |r| or one that waits
 * behind it. */
static bool bind_epoch(struct tls *t, enum tls_side side, const struct tls_record *r)
{
	struct direction *d = &t->directions[side];
	uint64_t sequence = d->sequence;

	if (!t->client_hello_seen)
		return false;
	if (tls_record_is_whole(r))
		return bind_record(t, side, r, sequence);
	for (struct tls_waiting *w = d->queue.first; w; w = w->next) {
		if (is_tls13(t) && w->record.type != TLS_CONTENT_APPLICATION)
			continue;
		if (tls_record_is_whole(&w->record))
			return bind_record(t, side, &w->record, sequence);
		sequence++;
	}
	return false;
}

static void take_alert(struct tls *t, enum tls_side side, const struct tls_opened *o)
{
	struct direction *d = &t->directions[side];

	if (o->size_bytes < 2 || !o->piece_count || o->pieces[0].size_bytes != o->size_bytes ||
	    o->text[1] != ALERT_CLOSE_NOTIFY)
		return;
	d->closed = true;
	if (t->listener->closed)
		t->listener->closed(t->listener->arg, side);
}

/* Moves on to the epoch or keys that the record's messages asked for. */
static void take_turn(struct tls *t, struct direction *d)
{
	uint8_t turn = d->turn;

	d->turn = TURN_NONE;
	if (!is_tls13(t))
		return;
	if (turn == TURN_FINISHED && d->epoch == EPOCH_HANDSHAKE)
		epoch_begin(d, EPOCH_APPLICATION);
	if (turn == TURN_END_OF_EARLY_DATA && d->epoch == EPOCH_EARLY)
		epoch_begin(d, EPOCH_HANDSHAKE);
	if (turn != TURN_KEY_UPDATE || d->epoch != EPOCH_APPLICATION)
		return;
	d->sequence = 0;
	if (tls_secret_update(t->suite, d->secret) ||
	    tls_keys_from_traffic(t->suite, d->secret, &d->keys))
		fail(t, TLS_STATE_BACKLOG);
}

static void take_opened(struct tls *t, enum tls_side side, const struct tls_record *r,
			const struct tls_opened *o)
{
	struct direction *d = &t->directions[side];
	const struct walk w = {o->pieces, o->piece_count, o->size_bytes, false, o->text};
	struct message_place at = {t, side};
	uint8_t type = o->type;

	if (!type) /* its byte was not captured */
		type = d->epoch == EPOCH_HANDSHAKE ? TLS_CONTENT_HANDSHAKE
						   : TLS_CONTENT_APPLICATION;
	if (type == TLS_CONTENT_APPLICATION) {
		if (d->epoch == EPOCH_HANDSHAKE)
			fail(t, TLS_STATE_MALFORMED);
		else
			walk_pieces(&w, feed_listener, &at, r);
	} else if (type == TLS_CONTENT_HANDSHAKE) {
		walk_pieces(&w, feed_messages, &at, r);
		take_turn(t, d);
	} else if (type == TLS_CONTENT_ALERT) {
		take_alert(t, side, o);
	} else if (type == TLS_CONTENT_CHANGE_CIPHER && !is_tls13(t)) {
		take_change_cipher(t, side); /* renegotiation */
	}
}

static enum step take_protected(struct tls *t, enum tls_side side, const struct tls_record *r)
{
	struct direction *d = &t->directions[side];
	struct tls_opened o;
	int err;

	if (tls_record_is_whole(r))
		err = tls_record_open(&d->keys, r, d->sequence, scratch, &o);
	else
		err = tls_record_open_parts(&d->keys, r, d->sequence, scratch, &o);
	d->sequence++;
	if (err)
		fail(t, TLS_STATE_DECRYPT_ERROR);
	else
		take_opened(t, side, r, &o);
	return STEP_DONE;
}

/* The first protected record of a direction. */
static void enter_protection(struct tls *t, enum tls_side side)
{
	bool early = side == TLS_CLIENT && t->early_data_offered;

	if (!is_tls13(t))
		fail(t, TLS_STATE_MALFORMED); /* application data before ChangeCipherSpec */
	else
		epoch_begin(&t->directions[side], early ? EPOCH_EARLY : EPOCH_HANDSHAKE);
}

/* Answers are not told before the requests that came first, even when the client's secret comes
 * last. */
static bool must_stay_behind(const struct tls *t, enum tls_side side, const struct tls_record *r)
{
	const struct tls_waiting *w = t->directions[TLS_CLIENT].queue.first;

	return side == TLS_SERVER && t->directions[side].epoch == EPOCH_APPLICATION && w &&
	       w->record.time_ns <= r->time_ns;
}

/* Refused early data waits too: it is skipped when the handshake's keys open what follows. */
static bool early_data_is_open(const struct tls *t)
{
	return t->extensions_seen && t->facts.early_data;
}

/* Takes the next record of a direction, or says that it has to wait. */
static enum step step(struct tls *t, enum tls_side side, const struct tls_record *r)
{
	struct direction *d = &t->directions[side];

	if (d->closed)
		return STEP_DONE;
	if (is_clear(t, d, r))
		return take_clear(t, side, r);
	if (d->discard)
		return STEP_DONE;
	if (!t->facts.version)
		return STEP_WAIT;
	if (d->epoch == EPOCH_CLEAR)
		enter_protection(t, side);
	if (!t->suite || !t->suite->aead)
		fail(t, TLS_STATE_UNSUPPORTED_CIPHER);
	if (is_over(t))
		return STEP_DONE;
	if (d->epoch == EPOCH_EARLY && !early_data_is_open(t))
		return STEP_WAIT;
	if (must_stay_behind(t, side, r) || (!d->bound && !bind_epoch(t, side, r)))
		return STEP_WAIT;
	return take_protected(t, side, r);
}

/* ---- what waits
 * ---------------------------------------------------------------------------------- */

/* Early data was refused: looks for the record that the handshake's keys open and drops what is
 * before it. */
static void skip_refused(struct tls *t, struct direction *d)
{
	epoch_begin(d, EPOCH_HANDSHAKE);
	for (struct tls_waiting *w = d->queue.first; w; w = w->next) {
		d->tried = (struct tls_tried){0};
		if (w->record.type != TLS_CONTENT_APPLICATION || !tls_record_is_whole(&w->record) ||
		    !bind_record(t, TLS_CLIENT, &w->record, 0))
			continue;
		while (d->queue.first != w)
			tls_queue_pop(&d->queue);
		return;
	}
	d->epoch = EPOCH_EARLY;
}

static bool drain_side(struct tls *t, enum tls_side side)
{
	struct direction *d = &t->directions[side];
	bool moved = false;

	if (d->queue.first && d->epoch == EPOCH_EARLY && t->extensions_seen && !t->facts.early_data)
		skip_refused(t, d);
	while (d->queue.first && !is_over(t)) {
		if (step(t, side, &d->queue.first->record) == STEP_WAIT)
			break;
		tls_queue_pop(&d->queue);
		moved = true;
	}
	return moved;
}

static void drain(struct tls *t)
{
	bool moved = true;

	while (moved && !is_over(t)) {
		t->unlocked = false;
		moved = drain_side(t, TLS_CLIENT);
		moved = drain_side(t, TLS_SERVER) || moved || t->unlocked;
	}
}

static void take_record(struct tls *t, enum tls_side side, const struct tls_record *r)
{
	struct direction *d = &t->directions[side];
	bool first = !d->queue.first;

	if (!first || step(t, side, r) == STEP_WAIT) {
		if (tls_queue_push(&d->queue, r))
			fail(t, TLS_STATE_BACKLOG);
		if (!first)
			t->unlocked =
				true; /* this record may be the whole one that the others need */
	}
	if (t->unlocked && (d->queue.first || t->directions[!side].queue.first))
		drain(t);
	t->unlocked = false;
}

/* Gives back everything but the facts. */
static void forget(struct tls *t)
{
	for (int side = 0; side < 2; side++) {
		struct direction *d = &t->directions[side];

		tls_splitter_release(&d->splitter);
		tls_messages_release(&d->messages);
		tls_queue_release(&d->queue);
		OPENSSL_cleanse(&d->keys, sizeof(d->keys));
		OPENSSL_cleanse(d->secret, sizeof(d->secret));
	}
	tls_cipher_wipe();
}

/* ---- public
 * -------------------------------------------------------------------------------------- */

struct tls *tls_new(const struct tls_secrets *secrets, const struct tls_listener *listener,
		    bool joined)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->secrets = secrets;
	t->listener = listener;
	t->state = joined ? TLS_STATE_JOINED : TLS_STATE_HANDSHAKE;
	t->facts.cipher = "unknown";
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	forget(t);
	free(t);
}

void tls_feed(struct tls *t, enum tls_side side, const struct feed *f, uint64_t time_ns)
{
	struct feed left = *f;
	struct tls_record r;
	int got = 0;

	if (is_over(t))
		return;
	while (!is_over(t)) {
		got = tls_record_next(&t->directions[side].splitter, &left, time_ns, &r);
		if (got <= 0)
			break;
		take_record(t, side, &r);
	}
	if (got == -EPIPE)
		fail(t, TLS_STATE_DESYNC);
	else if (got < 0)
		fail(t, got == -EBADMSG ? TLS_STATE_MALFORMED : TLS_STATE_BACKLOG);
	if (is_over(t))
		forget(t);
}

bool tls_waits(const struct tls *t)
{
	return t->directions[TLS_CLIENT].queue.first || t->directions[TLS_SERVER].queue.first;
}

void tls_retry(struct tls *t)
{
	if (!tls_waits(t))
		return;
	drain(t);
	if (is_over(t))
		forget(t);
}

void tls_give_up(struct tls *t)
{
	if (!tls_waits(t))
		return;
	fail(t, TLS_STATE_NO_SECRET);
	forget(t);
}

enum tls_state tls_state_of(const struct tls *t)
{
	return (enum tls_state)t->state;
}

const struct tls_facts *tls_facts_of(const struct tls *t)
{
	return &t->facts;
}
