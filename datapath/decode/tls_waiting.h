/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Records of one direction that wait for a secret, in order, up to TLS_MAX_BACKLOG_BYTES. */
#pragma once

#include "datapath/decode/tls_record.h"

/* Bytes of records that may wait for a secret, per direction; near the end only heads are kept. */
#define TLS_MAX_BACKLOG_BYTES 32768

struct tls_waiting {
	struct tls_waiting *next;
	struct tls_record record; /* its data lies behind */
};

struct tls_queue {
	struct tls_waiting *first;
	struct tls_waiting *last;
	uint32_t used_bytes;
};

/* Copies |r| to the end; of application data for which there is no room only the head: its body
 * becomes a gap. Returns 0, -ENOSPC when the bound is reached, -ENOMEM. */
int tls_queue_push(struct tls_queue *q, const struct tls_record *r);

/* Drops the first one. The queue must not be empty. */
void tls_queue_pop(struct tls_queue *q);

void tls_queue_release(struct tls_queue *q);
