// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One TLS connection: each direction goes through its epochs; records of an epoch whose keys are
 * not known wait. */
#include "datapath/decode/tls_connection.h"

#include <linux/types.h>

#include "bpf/abi.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#define ALERT_CLOSE_NOTIFY 0
#define EARLY_SECRET_NS	   1000000000ull

#define BUSY_RECORDS 4	/* of an epoch: a direction that has seen so many will see more */
#define PROOF_EVERY  32 /* records of a direction that is read at its sender */

enum step { STEP_DONE, STEP_WAIT };

/* Plaintext of the record at hand. Listeners must not feed another connection. */
static _Thread_local uint8_t scratch[TLS_MAX_FRAGMENT_BYTES];

const char *tls_state_name(enum tls_state state)
{
	static const char *const names[] = {
#define X(name, text, ...) text,
		TLS_STATES(X)
#undef X
	};

	return (unsigned)state < TLS_STATE_MAX ? names[state] : "unknown";
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

typedef void walk_fn(struct tls_place *at, struct slice part, const struct tls_record *r);

static void walk_pieces(const struct walk *w, walk_fn *each, struct tls_place *at,
			const struct tls_record *r)
{
	uint32_t done = 0, taken = 0;

	for (int i = 0; i < w->piece_count && !tls_is_over(at->t); i++) {
		struct tls_piece p = w->pieces[i];
		const uint8_t *from = w->bytes + (w->packed ? taken : p.offset);

		if (p.offset > done)
			each(at, (struct slice){NULL, p.offset - done}, r);
		each(at, (struct slice){(const char *)from, p.size_bytes}, r);
		done = (uint32_t)p.offset + p.size_bytes;
		taken += p.size_bytes;
	}
	if (w->size_bytes > done && !tls_is_over(at->t))
		each(at, (struct slice){NULL, w->size_bytes - done}, r);
}

static void feed_messages(struct tls_place *at, struct slice part, const struct tls_record *r)
{
	struct tls_messages *m = &at->t->directions[at->side].messages;
	int err = tls_messages_feed(m, part, tls_message_take, at);

	(void)r;
	if (err)
		tls_fail(at->t, err == -EPIPE ? TLS_STATE_DESYNC : TLS_STATE_BACKLOG);
}

static void feed_listener(struct tls_place *at, struct slice part, const struct tls_record *r)
{
	const struct tls_listener *l = &at->t->listener;
	const struct feed f = {(const uint8_t *)part.data, part.size_bytes, r->end, 0, 0, 0};

	if (part.size_bytes && l->plaintext)
		l->plaintext(l->arg, at->side, &f, r->time_ns);
}

static void keys_set(struct tls_direction *d, const struct tls_keys *keys)
{
	tls_keys_wipe(&d->keys);
	d->keys = *keys;
	d->bound = true;
	d->unproven_left = 0;
}

/* ---- records in clear ---- */

/* TLS 1.2: what follows is protected. In TLS 1.3 the record means nothing (RFC 8446 D.4). */
static enum step take_change_cipher(struct tls *t, enum tls_side side)
{
	struct tls_direction *d = &t->directions[side];

	if (!t->facts.version)
		return STEP_WAIT;
	if (tls_is_13(t))
		return STEP_DONE;
	if (side == TLS_SERVER)
		t->facts.resumed = !t->hello_done_seen;
	tls_epoch_begin(d, EPOCH_APPLICATION);
	if (t->next_keys_set) {
		keys_set(d, &t->next_keys);
		t->next_keys_set = false;
	}
	if (!t->suite || !t->suite->aead || t->facts.version != TLS_1_2)
		tls_fail(t, TLS_STATE_UNSUPPORTED_CIPHER);
	return STEP_DONE;
}

static enum step take_clear(struct tls *t, enum tls_side side, const struct tls_record *r)
{
	struct tls_direction *d = &t->directions[side];
	struct tls_place at = {t, side};
	const struct walk w = {r->pieces, r->piece_count, r->size_bytes, true, r->data};

	if (r->type == TLS_CONTENT_CHANGE_CIPHER)
		return take_change_cipher(t, side);
	if (r->type != TLS_CONTENT_HANDSHAKE)
		return STEP_DONE;
	if (d->epoch > EPOCH_EARLY) {
		tls_fail(t, TLS_STATE_MALFORMED);
		return STEP_DONE;
	}
	if (side == TLS_CLIENT)
		t->client_hello_ns = r->time_ns; /* TLS 1.3: its only clear message */
	walk_pieces(&w, feed_messages, &at, r);
	d->turn = TURN_NONE; /* turns are for protected records only */
	return STEP_DONE;
}

/* ---- protected records ---- */

static uint8_t secret_kind(const struct tls *t, enum tls_side side)
{
	static const uint8_t kinds[EPOCH_MAX][2] = {
		[EPOCH_EARLY] = {WEFT_SECRET_CLIENT_EARLY, WEFT_SECRET_CLIENT_EARLY},
		[EPOCH_HANDSHAKE] = {WEFT_SECRET_CLIENT_HANDSHAKE, WEFT_SECRET_SERVER_HANDSHAKE},
		[EPOCH_APPLICATION] = {WEFT_SECRET_CLIENT_TRAFFIC, WEFT_SECRET_SERVER_TRAFFIC},
	};

	return tls_is_13(t) ? kinds[t->directions[side].epoch][side] : WEFT_SECRET_MASTER;
}

static bool is_bound(const struct tls_direction *d)
{
	return d->epoch == EPOCH_APPLICATION && d->bound;
}

static void keys_install(struct tls *t, enum tls_side side, const struct tls_bound *bound)
{
	struct tls_direction *d = &t->directions[side], *other = &t->directions[!side];

	keys_set(d, &bound->keys[side]);
	t->unlocked = true;
	/* TLS 1.2: one secret is for both directions. The other one takes its keys now, or at its
	 * ChangeCipherSpec: until then the keys of the handshake before are in force. */
	if (tls_is_13(t)) {
		memcpy(d->secret, bound->secret, sizeof(d->secret));
	} else if (other->epoch == EPOCH_APPLICATION && !other->bound) {
		keys_set(other, &bound->keys[!side]);
	} else {
		t->next_keys = bound->keys[!side];
		t->next_keys_set = true;
	}
	if (d->epoch == EPOCH_APPLICATION && !tls_is_over(t))
		t->state = TLS_STATE_OPEN;
	if (!tls_is_13(t) || (is_bound(d) && is_bound(other)))
		tls_leave(t);
}

/* Secrets are derived after the ClientHello arrived; that of early data a moment before it was
 * sent. */
static uint64_t secrets_since_ns(const struct tls *t, enum tls_side side)
{
	if (t->directions[side].epoch != EPOCH_EARLY)
		return t->client_hello_ns;
	return t->client_hello_ns > EARLY_SECRET_NS ? t->client_hello_ns - EARLY_SECRET_NS : 0;
}

/* Asks the store whose secret opens |r|, a whole record with this |sequence| number. */
static bool bind_record(struct tls *t, enum tls_side side, const struct tls_record *r,
			uint64_t sequence)
{
	struct tls_bound bound;
	const struct tls_trial trial = {.secrets = &t->secrets,
					.suite = t->suite,
					.client_random = t->client_random,
					.server_random = t->server_random,
					.record = r,
					.ticket = t->ticket,
					.sequence = sequence,
					.since_ns = secrets_since_ns(t, side),
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
	struct tls_direction *d = &t->directions[side];
	uint64_t sequence = d->sequence;

	if (!t->client_hello_seen)
		return false;
	if (tls_record_is_whole(r))
		return bind_record(t, side, r, sequence);
	for (struct tls_waiting *w = d->queue.first; w; w = w->next) {
		if (tls_is_13(t) && w->record.type != TLS_CONTENT_APPLICATION)
			continue;
		if (tls_record_is_whole(&w->record))
			return bind_record(t, side, &w->record, sequence);
		sequence++;
	}
	return false;
}

static void take_alert(struct tls *t, enum tls_side side, const struct tls_opened *o)
{
	struct tls_direction *d = &t->directions[side];

	if (o->size_bytes < 2 || !o->piece_count || o->pieces[0].size_bytes != o->size_bytes ||
	    o->text[1] != ALERT_CLOSE_NOTIFY)
		return;
	d->closed = true;
	if (t->listener.closed)
		t->listener.closed(t->listener.arg, side);
}

/* Moves on to the epoch or keys that the record's messages asked for. */
static void take_turn(struct tls *t, struct tls_direction *d)
{
	uint8_t turn = d->turn;

	d->turn = TURN_NONE;
	if (!tls_is_13(t))
		return;
	if (turn == TURN_FINISHED && d->epoch == EPOCH_HANDSHAKE)
		tls_epoch_begin(d, EPOCH_APPLICATION);
	if (turn == TURN_END_OF_EARLY_DATA && d->epoch == EPOCH_EARLY)
		tls_epoch_begin(d, EPOCH_HANDSHAKE);
	if (turn != TURN_KEY_UPDATE || d->epoch != EPOCH_APPLICATION)
		return;
	d->sequence = 0;
	d->unproven_left = 0;
	tls_keys_wipe(&d->keys);
	if (tls_secret_update(t->suite, d->secret) ||
	    tls_keys_from_traffic(t->suite, d->secret, &d->keys))
		tls_fail(t, TLS_STATE_BACKLOG);
	else if (t->secrets.known)
		t->secrets.known(t->secrets.arg, d->secret, tls_suite_secret_bytes(t->suite));
}

static void take_opened(struct tls *t, enum tls_side side, const struct tls_record *r,
			const struct tls_opened *o)
{
	struct tls_direction *d = &t->directions[side];
	const struct walk w = {o->pieces, o->piece_count, o->size_bytes, false, o->text};
	struct tls_place at = {t, side};
	uint8_t type = o->type;

	if (!type) /* its byte was not captured */
		type = d->epoch == EPOCH_HANDSHAKE ? TLS_CONTENT_HANDSHAKE
						   : TLS_CONTENT_APPLICATION;
	if (type == TLS_CONTENT_APPLICATION) {
		if (d->epoch == EPOCH_HANDSHAKE)
			tls_fail(t, TLS_STATE_MALFORMED);
		else
			walk_pieces(&w, feed_listener, &at, r);
	} else if (type == TLS_CONTENT_HANDSHAKE) {
		walk_pieces(&w, feed_messages, &at, r);
		take_turn(t, d);
	} else if (type == TLS_CONTENT_ALERT) {
		take_alert(t, side, o);
	} else if (type == TLS_CONTENT_CHANGE_CIPHER && !tls_is_13(t)) {
		take_change_cipher(t, side); /* renegotiation */
	}
}

/* The tag proves that a record is intact. It is not checked while a local sender's hook saw the
 * record, no record since the last checked one is missing, and the record decrypts to application
 * data: then keys and sequence number are right, and nothing can have changed the record. */
static int open_record(struct tls_direction *d, const struct tls_record *r, struct tls_opened *ret)
{
	int err;

	if (!tls_record_is_whole(r)) {
		d->unproven_left = 0;
		return tls_record_read(&d->keys, r, d->sequence, scratch, ret);
	}
	if (d->unproven_left && !tls_record_read(&d->keys, r, d->sequence, scratch, ret) &&
	    ret->type == TLS_CONTENT_APPLICATION) {
		d->unproven_left--;
		return 0;
	}
	err = tls_record_open(&d->keys, r, d->sequence, scratch, ret);
	d->unproven_left = !err && d->at_sender ? PROOF_EVERY - 1 : 0;
	return err;
}

static enum step take_protected(struct tls *t, enum tls_side side, const struct tls_record *r)
{
	struct tls_direction *d = &t->directions[side];
	struct tls_opened o;
	int err;

	if (d->sequence == BUSY_RECORDS)
		tls_keys_keep(&d->keys, t->secrets.contexts,
			      d->at_sender ? TLS_CONTEXT_STREAM : TLS_CONTEXT_SEALED);
	err = open_record(d, r, &o);
	d->sequence++;
	if (err)
		tls_fail(t, TLS_STATE_DECRYPT_ERROR);
	else
		take_opened(t, side, r, &o);
	return STEP_DONE;
}

/* Responses are not reported before the requests that came before them, even when the client's
 * secret arrives last. */
static bool must_stay_behind(const struct tls *t, enum tls_side side, const struct tls_record *r)
{
	const struct tls_waiting *w = t->directions[TLS_CLIENT].queue.first;

	return side == TLS_SERVER && t->directions[side].epoch == EPOCH_APPLICATION && w &&
	       w->record.time_ns <= r->time_ns;
}

/* Takes the next record of a direction, or says that it has to wait. */
static enum step step(struct tls *t, enum tls_side side, const struct tls_record *r)
{
	struct tls_direction *d = &t->directions[side];

	if (d->closed)
		return STEP_DONE;
	if (r->type != TLS_CONTENT_APPLICATION && (tls_is_13(t) || d->epoch == EPOCH_CLEAR))
		return take_clear(t, side, r);
	if (d->discard)
		return STEP_DONE;
	if (!t->facts.version)
		return STEP_WAIT;
	if (d->epoch == EPOCH_CLEAR && !tls_is_13(t)) /* before ChangeCipherSpec */
		tls_fail(t, TLS_STATE_MALFORMED);
	else if (d->epoch == EPOCH_CLEAR)
		tls_epoch_begin(d, side == TLS_CLIENT && t->early_data_offered ? EPOCH_EARLY
									       : EPOCH_HANDSHAKE);
	if (!t->suite || !t->suite->aead)
		tls_fail(t, TLS_STATE_UNSUPPORTED_CIPHER);
	if (tls_is_over(t))
		return STEP_DONE;
	/* Refused early data waits too: it is skipped when the handshake's keys open what
	 * follows. */
	if (d->epoch == EPOCH_EARLY && !(t->extensions_seen && t->facts.early_data))
		return STEP_WAIT;
	if (must_stay_behind(t, side, r) || (!d->bound && !bind_epoch(t, side, r)))
		return STEP_WAIT;
	return take_protected(t, side, r);
}

/* ---- what waits ---- */

/* Looks for the record that opens as the first one of |epoch| and drops what waits before it. A
 * record that was here the last time is tried with new secrets only. */
static bool skip_to_epoch(struct tls *t, enum tls_side side, enum tls_epoch epoch)
{
	struct tls_direction *d = &t->directions[side];
	const struct tls_tried before = d->tried;
	uint8_t epoch_before = d->epoch;
	uint16_t seen = 0;

	d->epoch = epoch;
	for (struct tls_waiting *w = d->queue.first; w; w = w->next) {
		if (w->record.type != TLS_CONTENT_APPLICATION || !tls_record_is_whole(&w->record))
			continue;
		d->tried = seen++ < d->skipped ? before : (struct tls_tried){0};
		d->sequence = 0;
		if (!bind_record(t, side, &w->record, 0))
			continue;
		while (d->queue.first != w)
			tls_queue_pop(&d->queue);
		return true;
	}
	d->skipped = seen;
	d->epoch = epoch_before;
	return false;
}

static bool drain_side(struct tls *t, enum tls_side side)
{
	struct tls_direction *d = &t->directions[side];
	bool moved = false;

	if (d->queue.first && d->epoch == EPOCH_EARLY && t->extensions_seen && !t->facts.early_data)
		skip_to_epoch(t, side, EPOCH_HANDSHAKE);
	while (d->queue.first && !tls_is_over(t)) {
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

	while (moved && !tls_is_over(t)) {
		t->unlocked = false;
		moved = drain_side(t, TLS_CLIENT);
		moved = drain_side(t, TLS_SERVER) || moved || t->unlocked;
	}
}

static void take_record(struct tls *t, enum tls_side side, const struct tls_record *r)
{
	struct tls_direction *d = &t->directions[side];
	bool first = !d->queue.first;

	if (!first || step(t, side, r) == STEP_WAIT) {
		if (tls_queue_push(&d->queue, r))
			tls_fail(t, TLS_STATE_BACKLOG);
		if (!first)
			t->unlocked =
				true; /* this record may be the whole one that the others need */
	}
	if (t->unlocked && (d->queue.first || t->directions[!side].queue.first))
		drain(t);
	t->unlocked = false;
}

/* The secrets of a handshake may be lost and those of the application there: its first record
 * tells. */
static void skip_handshakes(struct tls *t)
{
	for (int side = 0; side < 2; side++) {
		struct tls_direction *d = &t->directions[side];

		d->skipped = 0;
		if (tls_is_13(t) && t->suite && t->suite->aead && t->client_hello_seen &&
		    !d->bound && (d->epoch == EPOCH_HANDSHAKE || d->epoch == EPOCH_EARLY))
			skip_to_epoch(t, (enum tls_side)side, EPOCH_APPLICATION);
	}
}

/* Gives back everything but the facts. */
static void forget(struct tls *t)
{
	for (int side = 0; side < 2; side++) {
		struct tls_direction *d = &t->directions[side];

		tls_splitter_release(&d->splitter);
		tls_messages_release(&d->messages);
		tls_queue_release(&d->queue);
		tls_keys_wipe(&d->keys);
		OPENSSL_cleanse(d->secret, sizeof(d->secret));
	}
	OPENSSL_cleanse(&t->next_keys, sizeof(t->next_keys));
	tls_leave(t);
	tls_contexts_wipe();
}

/* ---- public ---- */

struct tls *tls_new(const struct tls_secrets *secrets, const struct tls_listener *listener,
		    bool midstream)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->secrets = *secrets;
	t->listener = *listener;
	t->state = midstream ? TLS_STATE_MIDSTREAM : TLS_STATE_HANDSHAKE;
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

void tls_set_at_sender(struct tls *t, enum tls_side side, bool at_sender)
{
	struct tls_direction *d = &t->directions[side];

	d->at_sender = at_sender;
	if (!at_sender)
		d->unproven_left = 0;
}

void tls_feed(struct tls *t, enum tls_side side, const struct feed *f, uint64_t time_ns)
{
	struct feed left = *f;
	struct tls_record r;
	int got = 0;

	if (tls_is_over(t))
		return;
	while (!tls_is_over(t)) {
		got = tls_record_next(&t->directions[side].splitter, &left, time_ns, &r);
		if (got <= 0)
			break;
		take_record(t, side, &r);
	}
	if (got == -EPIPE)
		tls_fail(t, TLS_STATE_DESYNC);
	else if (got < 0)
		tls_fail(t, got == -EBADMSG ? TLS_STATE_MALFORMED : TLS_STATE_BACKLOG);
	if (tls_is_over(t))
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
	if (tls_is_over(t))
		forget(t);
}

void tls_give_up(struct tls *t)
{
	if (!tls_waits(t))
		return;
	drain(t);
	skip_handshakes(t);
	drain(t);
	if (tls_waits(t))
		tls_fail(t, TLS_STATE_NO_SECRET);
	if (tls_is_over(t))
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
