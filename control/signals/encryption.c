// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* TLS facts of connections to bounded series. */
#include "control/signals/encryption.h"

#include "control/signals/digest.h"

#include <stdio.h>
#include <string.h>

#define CONNECTION_SERIES_MAX 512

struct certificate_key {
	struct digest digest;
	uint32_t workload_id;
	uint32_t client;
};

struct series *encryption_connections_new(uint64_t seed)
{
	return series_new(CONNECTION_SERIES_MAX, sizeof(struct tls_key),
			  sizeof(struct tls_connections), seed);
}

struct series *encryption_certificates_new(uint32_t limit, uint64_t seed)
{
	return series_new(limit, sizeof(struct certificate_key), sizeof(struct certificate), seed);
}

const char *encryption_state_name(unsigned state)
{
	return state < TLS_STATE_MAX ? tls_state_name((enum tls_state)state)
				     : tls_stack_name(state - TLS_STATE_MAX);
}

unsigned encryption_state(const char *name)
{
	for (unsigned i = 0; i < ENCRYPTION_STATES; i++) {
		const char *known = encryption_state_name(i);

		if (known && !strcmp(known, name))
			return i;
	}
	return ENCRYPTION_STATES;
}

static void copy_padded(char *out, size_t size, const char *text)
{
	memset(out, 0, size);
	snprintf(out, size, "%s", text && *text ? text : "unknown");
}

void encryption_add_connection(struct series *connections, const struct connection *c,
			       uint64_t now_ns)
{
	struct tls_key key = {.reporter = (uint8_t)c->reporter};
	struct tls_key overflow = {.cipher = "overflow",
				   .state = "overflow",
				   .version = TLS_VERSION_OVERFLOW,
				   .reporter = (uint8_t)c->reporter};
	struct tls_connections *t;

	copy_padded(key.cipher, sizeof(key.cipher), c->tls ? c->tls->cipher : NULL);
	copy_padded(key.state, sizeof(key.state), c->tls_state);
	key.version = c->tls ? c->tls->version : 0;
	t = series_get(connections, &key, &overflow, now_ns);
	if (t)
		t->connections++;
}

void encryption_add_certificate(struct series *certificates, const struct tls_certificate *seen,
				const struct workload *owner, bool client, uint64_t seed,
				uint64_t now_ns)
{
	struct certificate_key key = {.workload_id = owner->workload_id, .client = client};
	char subject[128], san[128];
	struct certificate *c;

	if (!seen->present)
		return;
	snprintf(subject, sizeof(subject), "%.127s", seen->subject);
	snprintf(san, sizeof(san), "%.127s", seen->san);
	key.digest = digest_start(seed);
	digest_text(&key.digest, subject);
	digest_text(&key.digest, san);
	c = series_get(certificates, &key, NULL, now_ns);
	if (!c)
		return;
	c->identity = owner->named;
	c->client = client;
	memcpy(c->subject, subject, sizeof(subject));
	memcpy(c->san, san, sizeof(san));
	c->not_after_s = seen->not_after;
}

const char *encryption_version_name(uint16_t version)
{
	switch (version) {
	case 0x0301:
		return "TLSv1.0";
	case 0x0302:
		return "TLSv1.1";
	case 0x0303:
		return "TLSv1.2";
	case 0x0304:
		return "TLSv1.3";
	case TLS_VERSION_OVERFLOW:
		return "overflow";
	default:
		return "unknown";
	}
}
