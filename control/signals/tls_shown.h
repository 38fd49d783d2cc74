/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is shown of a connection's TLS: a copy that borrows nothing. */
#pragma once

#include "datapath/decode/tls.h"
#include "datapath/observe/record.h"

#include <stdbool.h>
#include <stdint.h>

/* Texts are empty where they are not known. */
struct tls_shown {
	uint16_t version;
	bool cut; /* |sni| or |alpn| is only the start of what was said */
	char state[20];
	char cipher[TLS_CIPHER_MAX_BYTES];
	char sni[64];
	char alpn[16];
};

struct tls_shown tls_shown_of(const struct connection *c);
