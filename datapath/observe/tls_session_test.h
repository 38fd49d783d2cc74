/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Real TLS connections between two OpenSSL ends in one process, and everything an observer would
 * have: the wire bytes of both directions and the secrets, in the order in which they came to be.
 * For tests only. */
#pragma once

#include <linux/types.h>

#include "bpf/abi.h"
#include "datapath/decode/tls.h"

#include "datapath/observe/tls_ends_test.h"

#include <stdlib.h>

#define SESSION_MAX_EVENTS 512

/* A flight of wire bytes, or a secret (data NULL). */
struct session_event {
	enum tls_side side;
	uint8_t *data;
	size_t size_bytes;
	struct weft_secret secret;
};

struct session {
	SSL *ends[2];
	struct session_event events[SESSION_MAX_EVENTS];
	size_t event_count;
	uint8_t *plain[2]; /* what each side's program wrote */
	size_t plain_bytes[2];
	uint32_t tid;
};

static void session_note(struct session *s, struct session_event e)
{
	assert(s->event_count < SESSION_MAX_EVENTS);
	s->events[s->event_count++] = e;
}

static void hex_read(const char *hex, uint8_t *out, size_t size_bytes)
{
	for (size_t i = 0; i < size_bytes; i++) {
		unsigned byte;

		assert(sscanf(hex + 2 * i, "%2x", &byte) == 1);
		out[i] = (uint8_t)byte;
	}
}

/* SSL_CTX_set_keylog_callback: a line of the NSS key log format, as the probe would see it
 * (OpenSSL's way: no client random for TLS 1.3). */
static void session_keylog(const SSL *ssl, const char *line)
{
	static const char *const labels[] = {
		[WEFT_SECRET_MASTER] = "CLIENT_RANDOM",
		[WEFT_SECRET_CLIENT_HANDSHAKE] = "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
		[WEFT_SECRET_SERVER_HANDSHAKE] = "SERVER_HANDSHAKE_TRAFFIC_SECRET",
		[WEFT_SECRET_CLIENT_TRAFFIC] = "CLIENT_TRAFFIC_SECRET_0",
		[WEFT_SECRET_SERVER_TRAFFIC] = "SERVER_TRAFFIC_SECRET_0",
		[WEFT_SECRET_CLIENT_EARLY] = "CLIENT_EARLY_TRAFFIC_SECRET",
	};
	struct session *s = SSL_get_app_data(ssl);
	struct session_event e = {0};
	char label[64], random[65], secret[129];

	assert(sscanf(line, "%63s %64s %128s", label, random, secret) == 3);
	for (size_t i = WEFT_SECRET_MASTER; s && i < sizeof(labels) / sizeof(labels[0]); i++) {
		if (strcmp(label, labels[i]))
			continue;
		e.secret.which = (uint8_t)i;
		e.secret.tls_version = i == WEFT_SECRET_MASTER ? 0x0303 : 0x0304;
		e.secret.secret_bytes = (uint8_t)(strlen(secret) / 2);
		e.secret.has_client_random = i == WEFT_SECRET_MASTER;
		e.secret.tid = s->tid;
		hex_read(secret, e.secret.secret, e.secret.secret_bytes);
		if (e.secret.has_client_random)
			hex_read(random, e.secret.client_random, 32);
		session_note(s, e);
	}
}

static inline struct session *session_new(SSL_CTX *client, SSL_CTX *server, bool probe_server,
					  uint32_t tid)
{
	struct session *s = calloc(1, sizeof(*s));
	SSL_CTX *contexts[] = {client, server};

	s->tid = tid;
	for (int i = 0; i < 2; i++) {
		s->ends[i] = SSL_new(contexts[i]);
		SSL_set_app_data(s->ends[i], i == probe_server ? s : NULL);
		SSL_CTX_set_keylog_callback(contexts[i], session_keylog);
		SSL_set_bio(s->ends[i], BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	}
	SSL_set_connect_state(s->ends[TLS_CLIENT]);
	SSL_set_accept_state(s->ends[TLS_SERVER]);
	SSL_set_tlsext_host_name(s->ends[TLS_CLIENT], "shop.example");
	return s;
}

/* Carries what one side has written to the other. */
static inline bool session_carry(struct session *s, enum tls_side side)
{
	BIO *from = SSL_get_wbio(s->ends[side]);
	struct session_event e = {.side = side, .size_bytes = BIO_ctrl_pending(from)};

	if (!e.size_bytes)
		return false;
	e.data = malloc(e.size_bytes);
	BIO_read(from, e.data, (int)e.size_bytes);
	BIO_write(SSL_get_rbio(s->ends[!side]), e.data, (int)e.size_bytes);
	session_note(s, e);
	return true;
}

/* One step of the handshake for each end; true when both are done. */
static inline bool session_shake(struct session *s)
{
	bool done = true;

	for (int side = 0; side < 2; side++) {
		done = SSL_do_handshake(s->ends[side]) == 1 && done;
		session_carry(s, (enum tls_side)side);
	}
	return done;
}

/* |side| writes, the other reads everything. */
static inline void session_write(struct session *s, enum tls_side side, const void *data,
				 size_t size_bytes)
{
	uint8_t buffer[16384];

	assert(SSL_write(s->ends[side], data, (int)size_bytes) == (int)size_bytes);
	s->plain[side] = realloc(s->plain[side], s->plain_bytes[side] + size_bytes);
	memcpy(s->plain[side] + s->plain_bytes[side], data, size_bytes);
	s->plain_bytes[side] += size_bytes;
	session_carry(s, side);
	while (SSL_read(s->ends[!side], buffer, sizeof(buffer)) > 0)
		;
	session_carry(s, (enum tls_side) !side);
}

static inline void session_free(struct session *s)
{
	for (size_t i = 0; i < s->event_count; i++)
		free(s->events[i].data);
	SSL_free(s->ends[0]);
	SSL_free(s->ends[1]);
	free(s->plain[0]);
	free(s->plain[1]);
	free(s);
}
