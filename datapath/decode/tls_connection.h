/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The inside of a TLS reader, shared by the files that make it up: tls.c moves records through the
 * epochs, tls_learn.c takes what handshake messages say. */
#pragma once

#include "datapath/decode/tls.h"
#include "datapath/decode/tls_handshake.h"
#include "datapath/decode/tls_trial.h"
#include "datapath/decode/tls_waiting.h"

#define TLS_1_2 0x0303
#define TLS_1_3 0x0304

/* Which keys protect a direction now. TLS 1.2 knows CLEAR and APPLICATION. */
enum tls_epoch { EPOCH_CLEAR, EPOCH_EARLY, EPOCH_HANDSHAKE, EPOCH_APPLICATION, EPOCH_MAX };

/* What a handshake message asks for once its record is done. */
enum tls_turn { TURN_NONE, TURN_FINISHED, TURN_END_OF_EARLY_DATA, TURN_KEY_UPDATE };

struct tls_direction {
	struct tls_splitter splitter;
	struct tls_messages messages;
	struct tls_queue queue;
	struct tls_tried tried;
	uint64_t sequence; /* of the next record of this epoch */
	struct tls_keys keys;
	uint8_t secret[TLS_MAX_SECRET_BYTES]; /* TLS 1.3: the traffic secret, for KeyUpdate */
	uint16_t skipped; /* records that waited at the last search for the start of an epoch */
	uint8_t epoch;
	uint8_t turn;
	uint8_t unproven_left; /* records that may come before the next look at a tag */
	bool at_sender;	       /* see tls_set_at_sender */
	bool bound;	       /* |keys| are this epoch's, proven by a tag */
	bool closed;	       /* close_notify was seen */
	bool discard;	       /* early data that a HelloRetryRequest refused may still arrive */
};

struct tls {
	struct tls_secrets secrets;
	struct tls_listener listener;
	const struct tls_suite *suite; /* NULL: not known or not in the table */
	struct tls_direction directions[2];
	uint64_t client_hello_ns;
	uint64_t ticket; /* of tls_secrets.hello; 0: none */
	struct tls_keys next_keys;
	uint8_t client_random[32];
	uint8_t server_random[32];
	uint8_t state; /* enum tls_state */
	bool client_hello_seen;
	bool early_data_offered;
	bool extensions_seen; /* EncryptedExtensions: early data was accepted or not */
	bool hello_done_seen; /* TLS 1.2: a full handshake */
	bool next_keys_set; /* TLS 1.2: next_keys are for the other direction's ChangeCipherSpec */
	bool unlocked;	    /* something was learned that the other direction may wait for */
	struct tls_facts facts;
};

/* A message's way back to its connection. */
struct tls_place {
	struct tls *t;
	enum tls_side side;
};

static inline bool tls_is_over(const struct tls *t)
{
	return t->state != TLS_STATE_HANDSHAKE && t->state != TLS_STATE_OPEN;
}

static inline void tls_fail(struct tls *t, enum tls_state state)
{
	if (!tls_is_over(t))
		t->state = (uint8_t)state;
}

static inline bool tls_is_13(const struct tls *t)
{
	return t->facts.version == TLS_1_3;
}

static inline void tls_epoch_begin(struct tls_direction *d, enum tls_epoch epoch)
{
	d->epoch = (uint8_t)epoch;
	d->bound = false;
	d->sequence = 0;
	d->unproven_left = 0;
	d->tried = (struct tls_tried){0};
}

/* The connection asks for no more secrets. */
void tls_leave(struct tls *t);

/* A handshake message of the connection and direction |arg| (struct tls_place) is complete: a
 * tls_message_fn. */
void tls_message_take(void *arg, uint8_t type, struct slice body, bool complete);
