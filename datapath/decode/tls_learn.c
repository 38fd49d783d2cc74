// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What handshake messages say: the facts of the connection, and when a direction moves on. */
#include "datapath/decode/tls_connection.h"

#include "base/cleanup.h"
#include "datapath/decode/tls_certificate.h"
#include "datapath/decode/tls_compressed.h"

#include <stdlib.h>

/* Copies a name that a peer chose; bytes that are not visible ASCII become '?'. */
static void name_copy(struct tls *t, struct slice name, char *out, size_t size)
{
	slice_copy(name, out, size);
	t->facts.names_cut |= name.size_bytes >= size;
	for (size_t i = 0; i < size - 1 && i < name.size_bytes; i++)
		if (out[i] <= ' ' || out[i] >= 0x7f)
			out[i] = '?';
}

void tls_leave(struct tls *t)
{
	if (t->ticket && t->secrets.leave)
		t->secrets.leave(t->secrets.arg, t->client_random, t->ticket);
	t->ticket = 0;
}

static void take_client_hello(struct tls *t, struct slice body)
{
	struct tls_client_hello hello;

	if (tls_client_hello_parse(body, &hello)) {
		tls_fail(t, TLS_STATE_MALFORMED);
		return;
	}
	/* The second hello after a HelloRetryRequest has the same random, that of a renegotiation
	 * does not. */
	if (!t->ticket || memcmp(t->client_random, hello.random, sizeof(t->client_random)) != 0) {
		tls_leave(t);
		memcpy(t->client_random, hello.random, sizeof(t->client_random));
		if (t->secrets.hello)
			t->ticket = t->secrets.hello(t->secrets.arg, hello.random);
	}
	name_copy(t, hello.sni, t->facts.sni, sizeof(t->facts.sni));
	t->client_hello_seen = true;
	t->early_data_offered = hello.early_data;
	t->directions[TLS_CLIENT].discard = false;
	t->unlocked = true;
}

/* The client will say hello again; early data that it sent meanwhile is refused
 * (RFC 8446 4.2.10). */
static void take_retry(struct tls *t)
{
	struct tls_direction *d = &t->directions[TLS_CLIENT];

	while (d->queue.first && d->queue.first->record.type != TLS_CONTENT_HANDSHAKE)
		tls_queue_pop(&d->queue);
	d->discard = !d->queue.first;
	tls_epoch_begin(d, EPOCH_CLEAR);
	t->facts.version = TLS_1_3;
	t->unlocked = true;
}

static void take_server_hello(struct tls *t, struct slice body)
{
	struct tls_server_hello hello;

	if (tls_server_hello_parse(body, &hello)) {
		tls_fail(t, TLS_STATE_MALFORMED);
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
	t->facts.resumed = hello.psk && tls_is_13(t);
	if (hello.alpn.data)
		name_copy(t, hello.alpn, t->facts.alpn, sizeof(t->facts.alpn));
	t->hello_done_seen = false;
	t->next_keys_set = false;
	t->unlocked = true;
	if (tls_is_13(t))
		tls_epoch_begin(&t->directions[TLS_SERVER], EPOCH_HANDSHAKE);
}

static void take_encrypted_extensions(struct tls *t, struct slice body)
{
	struct tls_encrypted_extensions extensions;

	if (tls_encrypted_extensions_parse(body, &extensions)) {
		tls_fail(t, TLS_STATE_MALFORMED);
		return;
	}
	name_copy(t, extensions.alpn, t->facts.alpn, sizeof(t->facts.alpn));
	t->facts.early_data = extensions.early_data;
	t->extensions_seen = true;
	t->unlocked = true;
}

static void take_certificate(struct tls *t, enum tls_side side, struct slice body)
{
	struct slice der;

	if (!tls_certificate_parse(body, tls_is_13(t), &der) && der.size_bytes)
		tls_certificate_read(der, side == TLS_SERVER ? &t->facts.server : &t->facts.client);
}

static void take_compressed_certificate(struct tls *t, enum tls_side side, struct slice body)
{
	cleanup_free char *message = malloc(TLS_MAX_MESSAGE_BYTES);
	size_t bytes;

	if (message && !tls_compressed_read(body, message, TLS_MAX_MESSAGE_BYTES, &bytes))
		take_certificate(t, side, (struct slice){message, bytes});
}

/* Messages that only one side may send. */
static void take_hello(struct tls *t, enum tls_side side, uint8_t type, struct slice body,
		       bool complete)
{
	enum tls_side sender = type == TLS_CLIENT_HELLO ? TLS_CLIENT : TLS_SERVER;

	if (side != sender)
		tls_fail(t, TLS_STATE_MALFORMED);
	else if (!complete)
		tls_fail(t, TLS_STATE_DESYNC);
	else if (type == TLS_CLIENT_HELLO)
		take_client_hello(t, body);
	else if (type == TLS_SERVER_HELLO)
		take_server_hello(t, body);
	else
		take_encrypted_extensions(t, body);
}

void tls_message_take(void *arg, uint8_t type, struct slice body, bool complete)
{
	const struct tls_place *at = arg;
	struct tls_direction *d = &at->t->directions[at->side];

	if (tls_is_over(at->t))
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
	case TLS_COMPRESSED_CERTIFICATE:
		take_compressed_certificate(at->t, at->side, body);
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
	default:
		break; /* nothing that weft wants */
	}
}
