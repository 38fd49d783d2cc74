// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Compares the byte counts when an end closes. */
#include "datapath/observe/account.h"

#define CUT                                                                                        \
	(WEFT_END_RESET_SENT | WEFT_END_RESET_RECEIVED | WEFT_END_FAILED | WEFT_END_REFUSED |      \
	 WEFT_END_TIMEOUT)

static void compare(struct conn *c, enum observe_account what, bool equal)
{
	if (!equal)
		c->observe->counters.differences[what]++;
}

/* A FIN counts as a byte where it was sent and acknowledged, or received. */
static bool same(uint64_t seen_bytes, uint64_t counted_bytes)
{
	return counted_bytes == seen_bytes || counted_bytes == seen_bytes + 1;
}

/* Why the end cannot be compared; OBSERVE_UNACCOUNTED_MAX: it can. */
static enum observe_unaccounted unaccounted(const struct end *e)
{
	if (e->discovered)
		return OBSERVE_UNACCOUNTED_MIDSTREAM;
	if (e->counters.flags & WEFT_END_REPAIRED)
		return OBSERVE_UNACCOUNTED_REPAIRED;
	return e->counters.flags & CUT ? OBSERVE_UNACCOUNTED_CUT : OBSERVE_UNACCOUNTED_MAX;
}

void account_close(struct conn *c, unsigned side)
{
	const struct end *e = &c->ends[side];
	const struct weft_counters *k = &e->counters;
	enum observe_unaccounted why = unaccounted(e);
	uint64_t received_bytes = k->tcp_bytes_received + k->past_received_bytes;
	bool syn = side == SIDE_CLIENT; /* tcp_bytes_acked of a client includes its SYN */

	if (!c->observe->limits.verify)
		return;
	if (why < OBSERVE_UNACCOUNTED_MAX) {
		c->observe->counters.unaccounted[why]++;
		return;
	}
	compare(c, OBSERVE_ACCOUNT_SENT,
		same(k->sent_bytes + syn, k->tcp_bytes_acked + k->past_sent_bytes));
	/* TCP does not count bytes that arrive after the program has closed its socket, except for
	 * the FIN. */
	compare(c, OBSERVE_ACCOUNT_RECEIVED,
		same(k->received_bytes, received_bytes) ||
			(!(k->flags & WEFT_END_PEER_FIRST) && k->received_bytes > received_bytes));
	compare(c, OBSERVE_ACCOUNT_DECODED, c->streams[side].next <= k->sent_bytes);
}
