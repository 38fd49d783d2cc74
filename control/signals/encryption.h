/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TLS series: connections by version, cipher and state; certificates and when they expire. */
#pragma once

#include "control/signals/series.h"
#include "control/signals/workloads.h"
#include "base/tls_stacks.h"
#include "datapath/decode/tls.h"
#include "datapath/observe/record.h"

#include <stdint.h>

/* Key of a series of TLS connections; texts are NUL-padded. */
struct tls_key {
	char cipher[TLS_CIPHER_MAX_BYTES]; /* IANA name, "unknown" */
	char state[20];			   /* tls_state_name() */
	uint16_t version;		   /* 0 = not known; TLS_VERSION_OVERFLOW */
	uint8_t reporter;
	uint8_t pad;
};
#define TLS_VERSION_OVERFLOW 0xffff

/* Numbers of the values of tls_state: states of the reader, then libraries that are not opened. */
#define ENCRYPTION_STATES (TLS_STATE_MAX + TLS_STACK_MAX)

/* ENCRYPTION_STATES: there is no such state. */
unsigned encryption_state(const char *name);
/* NULL: no value has that number. */
const char *encryption_state_name(unsigned state);

/* Value: connections. */
struct tls_connections {
	uint64_t connections;
};

/* Value of a certificate. */
struct certificate {
	const struct identity *identity; /* the end that presented it; NULL in a new one */
	bool client;
	char subject[128];
	char san[128];
	int64_t not_after_s;
};

/* Two sets with the right key and value sizes. NULL when memory is short. */
struct series *encryption_connections_new(uint64_t seed);
struct series *encryption_certificates_new(uint32_t limit, uint64_t seed);

/* Counts one connection. */
void encryption_add_connection(struct series *connections, const struct connection *c,
			       uint64_t now_ns);

/* Notes one side's certificate, if there is one. */
void encryption_add_certificate(struct series *certificates, const struct tls_certificate *seen,
				const struct workload *owner, bool client, uint64_t seed,
				uint64_t now_ns);

/* "TLSv1.3", "unknown", ... */
const char *encryption_version_name(uint16_t version);
