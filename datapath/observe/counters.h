/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an observer counts: losses, the account of each end, what is in its tables. */
#pragma once

#include "datapath/decode/decoder.h"
#include "datapath/decode/lenient.h"
#include "datapath/observe/record.h"

#include <stdint.h>

#define DECODER_LOSS(X, name, symbol, text) X(MALFORMED_##name, "decode", #symbol, text)

/* Why data that the ring delivered did not become a record. One counter per reason; also the
 * reasons why a direction was given up. X(name, stage, reason, text) */
#define OBSERVE_LOSSES(X)                                                                          \
	X(BAD_EVENT, "ingest", "bad_event", "a ring record with impossible sizes")                 \
	X(UNKNOWN_CONNECTION, "connection", "unknown",                                             \
	  "data, an arrival or the close of a connection that is not in the table")                \
	X(TABLE_FULL, "connection", "table_full",                                                  \
	  "the table of connections was full: the oldest one was removed")                         \
	X(CONNECTION_IDLE, "connection", "idle",                                                   \
	  "a connection without events for too long was removed")                                  \
	X(MEMORY, "connection", "memory", "no memory for a decoder")                               \
	X(DESYNC, "decode", "resync",                                                              \
	  "bytes outside of a body are missing; the direction is given up until it can be "        \
	  "decoded "                                                                               \
	  "again")                                                                                 \
	DECODERS(DECODER_LOSS, X)                                                                  \
	X(LIMIT, "decode", "limit", "a limit of a decoder was exceeded")                           \
	X(TLS_UNREADABLE, "decode", "tls",                                                         \
	  "a TLS connection could not be read (by state in its connection record)")                \
	X(TLS_GAP, "decode", "tls_gap",                                                            \
	  "the head of a TLS record is missing: what follows cannot be read")                      \
	X(TLS_PROOF, "decode", "tls_proof",                                                        \
	  "a TLS record does not open with the keys of those before it")                           \
	X(TLS_MALFORMED, "decode", "tls_malformed", "not valid TLS after a valid start")           \
	X(TLS_SECRET, "decode", "tls_secret",                                                      \
	  "no secret for the records that follow: none came, or too many bytes waited for it")     \
	X(HOLE, "reorder", "hole",                                                                 \
	  "a gap in the received bytes was given up: it was not filled in time, or more bytes "    \
	  "than are kept arrived after it")                                                        \
	X(UNPAIRED_RESPONSE, "pair", "unpaired_response", "a response without its request")        \
	X(UNPAIRED_REQUEST, "pair", "unpaired_request",                                            \
	  "a request given up: its record says `lost`")                                            \
	X(TOO_MANY_REQUESTS, "pair", "too_many",                                                   \
	  "more open exchanges on one connection than are kept")                                   \
	X(SECRETS_EXPIRED, "secrets", "expired", "a secret that no connection claimed")            \
	X(SECRETS_FULL, "secrets", "full",                                                         \
	  "too many unclaimed secrets: the oldest one was removed")                                \
	X(SECRETS_UNSHARED, "secrets", "unshared",                                                 \
	  "a secret that was not claimed by every connection that showed its ClientHello")         \
	X(IDENTITIES_FULL, "identity", "full", "too many identities: an end was named `overflow`")

enum observe_loss {
#define X(name, ...) OBSERVE_LOST_##name,
	OBSERVE_LOSSES(X)
#undef X
		OBSERVE_LOSS_MAX
};

/* The two byte counts that are compared when an end closes. X(name, label, text) */
#define OBSERVE_ACCOUNTS(X)                                                                        \
	X(SENT, "sent",                                                                            \
	  "bytes that the hooks saw leave, and bytes that TCP counts as acknowledged")             \
	X(RECEIVED, "received",                                                                    \
	  "bytes that the hooks saw arrive, and bytes that TCP counts as received")                \
	X(DECODED, "decoded",                                                                      \
	  "bytes passed to the decoders or left out, and bytes that the hooks saw leave")

enum observe_account {
#define X(name, ...) OBSERVE_ACCOUNT_##name,
	OBSERVE_ACCOUNTS(X)
#undef X
		OBSERVE_ACCOUNT_MAX
};

/* Why an end that closed is not compared. X(name, label, text) */
#define OBSERVE_UNACCOUNTED(X)                                                                     \
	X(MIDSTREAM, "midstream",                                                                  \
	  "the connection was older than the agent: its first bytes were not seen")                \
	X(CUT, "cut",                                                                              \
	  "ended by a reset, a timeout or a failure: how many of the bytes in flight arrived is "  \
	  "not known")                                                                             \
	X(REPAIRED, "repaired",                                                                    \
	  "TCP_REPAIR: a process puts bytes into the socket's queues without packets")

enum observe_unaccounted {
#define X(name, ...) OBSERVE_UNACCOUNTED_##name,
	OBSERVE_UNACCOUNTED(X)
#undef X
		OBSERVE_UNACCOUNTED_MAX
};

struct observe_counters {
	uint64_t delivered[8]; /* ring records taken, by WEFT_EVENT_* */
	uint64_t lost[OBSERVE_LOSS_MAX];
	uint64_t differences[OBSERVE_ACCOUNT_MAX];
	uint64_t lenient[2][HTTP_LENIENT_MAX]; /* messages of clients and of servers */
	uint64_t unaccounted[OBSERVE_UNACCOUNTED_MAX];
	uint64_t requests[REPORTER_MAX];
	uint32_t connections; /* in the table now */
	uint32_t secrets;     /* waiting now */
	uint32_t identities;
	uint64_t tls_connections;
	uint64_t tls_opened; /* of these bound by tag */
	uint64_t bytes_decoded;
};
