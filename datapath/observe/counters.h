/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an observer counts: losses, the account of each end, what is in its tables. */
#pragma once

#include "datapath/decode/decoder.h"
#include "datapath/decode/lenient.h"
#include "datapath/observe/record.h"

#include <stdint.h>

#define DECODER_LOSS(X, name, symbol, text) X(MALFORMED_##name, "decode", #symbol, text)

/* Why something that was delivered by the ring became no record. One per-reason counter each; also
 * the reasons why a direction was given up. X(name, stage, reason, text) */
#define OBSERVE_LOSSES(X)                                                                          \
	X(BAD_EVENT, "ingest", "bad_event", "a ring record with impossible sizes")                 \
	X(UNKNOWN_CONNECTION, "connection", "unknown",                                             \
	  "an arrival or close of a connection never met")                                         \
	X(TABLE_FULL, "connection", "table_full",                                                  \
	  "the oldest connection was forgotten to make room")                                      \
	X(CONNECTION_IDLE, "connection", "idle",                                                   \
	  "a connection without any event for too long was forgotten")                             \
	X(MEMORY, "connection", "memory", "no memory for a decoder")                               \
	X(DESYNC, "decode", "resync",                                                              \
	  "bytes outside of a body are missing; the direction is given up until it can be joined " \
	  "again")                                                                                 \
	DECODERS(DECODER_LOSS, X)                                                                  \
	X(LIMIT, "decode", "limit", "a bound of a decoder was exceeded")                           \
	X(TLS_UNREADABLE, "decode", "tls",                                                         \
	  "a TLS connection could not be read (by state in its connection record)")                \
	X(TLS_GAP, "decode", "tls_gap",                                                            \
	  "the head of a TLS record is missing: what follows cannot be read")                      \
	X(TLS_PROOF, "decode", "tls_proof",                                                        \
	  "a TLS record does not open with the keys of those before it")                           \
	X(TLS_MALFORMED, "decode", "tls_malformed", "not valid TLS after a valid start")           \
	X(TLS_SECRET, "decode", "tls_secret",                                                      \
	  "no secret for what follows: none came, or too much waited for it")                      \
	X(HOLE, "reorder", "hole",                                                                 \
	  "a hole in what the network brought was given up: it was not filled in time, or more "   \
	  "came behind it than is kept")                                                           \
	X(UNPAIRED_RESPONSE, "pair", "unpaired_response", "a response without its request")        \
	X(UNPAIRED_REQUEST, "pair", "unpaired_request",                                            \
	  "a request given up: its record says `lost`")                                            \
	X(TOO_MANY_REQUESTS, "pair", "too_many",                                                   \
	  "more open exchanges on one connection than are kept")                                   \
	X(SECRETS_EXPIRED, "secrets", "expired", "a secret that no connection claimed")            \
	X(SECRETS_FULL, "secrets", "full", "the oldest unclaimed secret made room")                \
	X(SECRETS_UNSHARED, "secrets", "unshared",                                                 \
	  "a secret that was not claimed by every connection that showed its ClientHello")         \
	X(IDENTITIES_FULL, "identity", "full", "an end was named overflow")

enum observe_loss {
#define X(name, ...) OBSERVE_LOST_##name,
	OBSERVE_LOSSES(X)
#undef X
		OBSERVE_LOSS_MAX
};

/* What is compared when an end closes. X(name, label, text) */
#define OBSERVE_ACCOUNTS(X)                                                                        \
	X(SENT, "sent", "bytes that left by the hooks and those acknowledged by TCP")              \
	X(RECEIVED, "received", "bytes that came by the hooks and those taken by TCP")             \
	X(DECODED, "decoded", "bytes given to the decoders or left out, and those that left")

enum observe_account {
#define X(name, ...) OBSERVE_ACCOUNT_##name,
	OBSERVE_ACCOUNTS(X)
#undef X
		OBSERVE_ACCOUNT_MAX
};

/* Why an end that closed is not compared. X(name, label, text) */
#define OBSERVE_UNACCOUNTED(X)                                                                     \
	X(MIDSTREAM, "midstream", "met while it lived: its first bytes were not seen")             \
	X(CUT, "cut", "ended by a reset, a timeout or a failure: what was on its way is in doubt") \
	X(REPAIRED, "repaired", "TCP_REPAIR: a process puts bytes into its queues, without packets")

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
