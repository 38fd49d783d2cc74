// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Accounts that close and accounts that do not. */
#include "datapath/observe/http1_world_test.h"

#define GET_BYTES   (sizeof(GET) - 1)
#define HELLO_BYTES (sizeof(OK_HELLO) - 1)

/* What the client's end says when it closes. */
struct end_says {
	uint64_t acked, received; /* by TCP */
	uint64_t seen_sent;	  /* by the hooks */
	uint64_t past_sent, past_received;
	uint32_t flags;
};

/* One exchange, of which only the client's end is here. */
static struct observe_counters counters_after(struct end_says says, bool verify, bool midstream)
{
	struct observe_limits limits = observe_limits_default();
	struct observe_counters counters;
	struct weft_close close;
	struct world *w;

	limits.verify = verify;
	w = world_new_with(&limits);
	if (midstream)
		world_discover(w, false);
	else
		world_open(w, false);
	world_send(w, false, GET);
	world_segment(w, CLIENT, WEFT_INGRESS, SERVER_SEQ, OK_HELLO, HELLO_BYTES);
	close = world_close_record(w, false, says.flags);
	close.counters.received_bytes = HELLO_BYTES;
	if (says.seen_sent)
		close.counters.sent_bytes = says.seen_sent;
	close.counters.tcp_bytes_acked = says.acked;
	close.counters.tcp_bytes_received = says.received;
	close.counters.past_sent_bytes = says.past_sent;
	close.counters.past_received_bytes = says.past_received;
	observe_event(w->observe, &close, sizeof(close));
	counters = *world_counts(w);
	world_free(w);
	return counters;
}

static void assert_differs(struct end_says says, uint64_t sent, uint64_t received, uint64_t decoded)
{
	struct observe_counters c = counters_after(says, true, false);

	assert_int_equal(c.differences[OBSERVE_ACCOUNT_SENT], sent);
	assert_int_equal(c.differences[OBSERVE_ACCOUNT_RECEIVED], received);
	assert_int_equal(c.differences[OBSERVE_ACCOUNT_DECODED], decoded);
}

/* A client's SYN and FIN count as bytes that were acknowledged, the server's FIN as one received.
 */
static void test_agree(void **state)
{
	(void)state;
	assert_differs((struct end_says){.acked = GET_BYTES + 2, .received = HELLO_BYTES}, 0, 0, 0);
	assert_differs((struct end_says){.acked = GET_BYTES + 1, .received = HELLO_BYTES + 1}, 0, 0,
		       0);
	assert_differs((struct end_says){.flags = WEFT_END_RESET_RECEIVED}, 0, 0, 0);
	/* it had closed before the last bytes came */
	assert_differs((struct end_says){.acked = GET_BYTES + 2, .received = 1}, 0, 0, 0);
}

static void test_differ(void **state)
{
	const struct end_says more = {.acked = GET_BYTES + 3, .received = HELLO_BYTES};
	const struct end_says unseen = {.acked = GET_BYTES + 2, .received = HELLO_BYTES + 2};
	const struct end_says untaken = {
		.acked = GET_BYTES + 2, .received = HELLO_BYTES - 1, .flags = WEFT_END_PEER_FIRST};
	const struct end_says twice = {
		.acked = GET_BYTES, .received = HELLO_BYTES, .seen_sent = GET_BYTES - 1};

	(void)state;
	assert_differs(more, 1, 0, 0);
	assert_differs(unseen, 0, 1, 0);
	assert_differs(untaken, 0, 1, 0);
	assert_differs(twice, 0, 0, 1);
	assert_int_equal(counters_after(more, false, false).differences[OBSERVE_ACCOUNT_SENT], 0);
	assert_int_equal(counters_after(more, true, true).differences[OBSERVE_ACCOUNT_SENT], 0);
}

/* What went past TCP is in no counter of TCP, and must not be left out of the account. */
static void test_past_tcp(void **state)
{
	const struct end_says past = {.acked = 2,
				      .received = 0,
				      .past_sent = GET_BYTES,
				      .past_received = HELLO_BYTES,
				      .flags = WEFT_END_PEER_FIRST};
	struct end_says missed = past;

	(void)state;
	assert_differs(past, 0, 0, 0);
	missed.past_sent--;
	missed.past_received--;
	assert_differs(missed, 0, 1, 0); /* of what was sent one is taken for the FIN */
	missed.past_sent--;
	missed.acked--;
	assert_differs(missed, 1, 1, 0);
}

static void assert_unaccounted(uint32_t flags, bool midstream, enum observe_unaccounted why)
{
	const struct end_says says = {.acked = 1, .received = 1, .flags = flags};
	struct observe_counters c = counters_after(says, true, midstream);

	for (int i = 0; i < OBSERVE_UNACCOUNTED_MAX; i++)
		assert_int_equal(c.unaccounted[i], i == (int)why);
	for (int i = 0; i < OBSERVE_ACCOUNT_MAX; i++)
		assert_int_equal(c.differences[i], 0);
}

static void test_unaccounted(void **state)
{
	(void)state;
	assert_unaccounted(WEFT_END_RESET_SENT, false, OBSERVE_UNACCOUNTED_CUT);
	assert_unaccounted(WEFT_END_TIMEOUT, false, OBSERVE_UNACCOUNTED_CUT);
	assert_unaccounted(WEFT_END_REPAIRED, false, OBSERVE_UNACCOUNTED_REPAIRED);
	assert_unaccounted(0, true, OBSERVE_UNACCOUNTED_MIDSTREAM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agree),
		cmocka_unit_test(test_differ),
		cmocka_unit_test(test_past_tcp),
		cmocka_unit_test(test_unaccounted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
