/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tables of the ABI, X(name, value or text), and the enumerations generated from them: kinds of
 * records, losses, counts, protocols. Part of bpf/abi.h, which is what others include. */
#pragma once

/* What a ring record is. */
#define WEFT_EVENTS(X)                                                                             \
	X(SEGMENT, 1, "bytes that a socket carried, with their place in the stream")               \
	X(MARK, 2, "bytes arrived at an end whose peer's end was captured already")                \
	X(OPEN, 3, "a TCP connection end began or was discovered midstream")                       \
	X(CLOSE, 4, "a TCP connection end is gone, with its final counters")                       \
	X(SECRET, 5, "a secret of a TLS handshake")                                                \
	X(LISTEN, 6, "a socket began or ended to listen")                                          \
	X(VERDICT, 7, "a connection that policy or balancing refused, or that a policy noted")

/* Stage and reason of the loss of an event that was seen. One per-CPU counter each. */
#define WEFT_LOSSES(X)                                                                             \
	X(RING_SEGMENT, "ringbuf_full", "segment", "no room in the ring for a payload record")     \
	X(RING_MARK, "ringbuf_full", "mark", "no room in the ring for an arrival record")          \
	X(RING_LIFECYCLE, "ringbuf_full", "lifecycle",                                             \
	  "no room in the ring for an open, close or listen record")                               \
	X(RING_SECRET, "ringbuf_full", "secret", "no room in the ring for a TLS secret")           \
	X(READ_SECRET, "read_fault", "secret",                                                     \
	  "the parameters of a key derivation could not be read")                                  \
	X(READ_SEGMENT, "read_fault", "segment", "the bytes of a packet could not be read")        \
	X(TOO_LARGE, "truncated", "segment", "a packet with more payload than is copied")          \
	X(ABSENT_SEGMENT, "agent_absent", "segment",                                               \
	  "no agent read it in time: dropped by the next one")                                     \
	X(ABSENT_MARK, "agent_absent", "mark",                                                     \
	  "no agent read it in time: dropped by the next one")                                     \
	X(ABSENT_LIFECYCLE, "agent_absent", "lifecycle",                                           \
	  "no agent read it in time: dropped by the next one")                                     \
	X(ABSENT_SECRET, "agent_absent", "secret",                                                 \
	  "no agent read it in time: dropped by the next one")                                     \
	X(UNHEARD, "agent_silent", "segment",                                                      \
	  "a packet with payload while the agent's heartbeat was missing")                         \
	X(NOTES, "truncated", "lifecycle",                                                         \
	  "more policies noted a connection than a decision can report")                           \
	X(STORAGE, "conn_table_full", "connection", "no socket storage for a connection")          \
	X(FLOW_INSERT, "flow_table_full", "flow",                                                  \
	  "a packet whose flow found no place in the flow table")                                  \
	X(FLOW_PARSE, "read_fault", "flow", "an IP packet whose header could not be read")

/* Counters that are not losses, per CPU. */
#define WEFT_COUNTS(X)                                                                             \
	X(SEGMENTS_SEEN, "payload records that were wanted (delivered or lost)")                   \
	X(MARKS_SEEN, "arrival records that were wanted")                                          \
	X(LIFECYCLE_SEEN, "open, close and listen records that were wanted")                       \
	X(SECRETS_SEEN, "TLS secrets that were wanted")                                            \
	X(PACKETS, "TCP packets with payload that the socket hooks looked at")                     \
	X(SKIPPED_BYTES, "body bytes that were counted and not copied")                            \
	X(COPIED_BYTES, "payload bytes copied to the ring")                                        \
	X(REORDERED, "packets that arrived out of order or twice")                                 \
	X(FRAMING_LOST, "directions copied whole because their framing could not be parsed")       \
	X(FLOWS_SEEN, "flows that were entered in the flow table")                                 \
	X(REDIRECT_PAIRS, "accelerated connections: both ends are on this node and enrolled")      \
	X(REDIRECT_MESSAGES, "messages that went from socket to socket past TCP")                  \
	X(REDIRECT_BYTES, "bytes that went from socket to socket past TCP")                        \
	X(REDIRECT_LATE, "directions that stay with TCP: the first message came before the other " \
			 "end was ready")                                                          \
	X(REDIRECT_FULL, "directions that went back to TCP: too much unread data")                 \
	X(REDIRECT_STREAM, "directions that went back to TCP: a stream, not a ping-pong")          \
	X(REDIRECT_CLOSED, "directions that went back to TCP for another reason")                  \
	X(REDIRECT_REFUSED, "sockets that were not enrolled: no room, or not unique")

/* What a direction of a connection carries, as far as the kernel half needs to know
 * to skip bodies. */
#define WEFT_PROTOCOLS(X)                                                                          \
	X(UNKNOWN, 0, "unknown") /* nothing seen yet */                                            \
	X(OPAQUE, 1, "tcp")	 /* none of those below: only counted */                           \
	X(HTTP1, 2, "http1")                                                                       \
	X(HTTP2, 3, "http2")                                                                       \
	X(TLS, 4, "tls")

enum weft_event_kind {
#define X(name, value, text) WEFT_EVENT_##name = value,
	WEFT_EVENTS(X)
#undef X
};

enum weft_loss {
#define X(name, ...) WEFT_LOST_##name,
	WEFT_LOSSES(X)
#undef X
		WEFT_LOSS_MAX
};

enum weft_count {
#define X(name, text) WEFT_COUNT_##name,
	WEFT_COUNTS(X)
#undef X
		WEFT_COUNT_MAX
};

/* What one CPU counted, on cache lines of its own: by WEFT_LOST_*, then by WEFT_COUNT_*. */
struct weft_cpu_counts {
	__u64 of[(WEFT_LOSS_MAX + WEFT_COUNT_MAX + 7) / 8 * 8];
};

_Static_assert(sizeof(struct weft_cpu_counts) % 64 == 0, "cpu counts");

enum weft_protocol {
#define X(name, value, text) WEFT_PROTOCOL_##name = value,
	WEFT_PROTOCOLS(X)
#undef X
};
