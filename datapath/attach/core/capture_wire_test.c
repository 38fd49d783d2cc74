// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A client on another node, played by the test: packets come in any order, twice, overlapping and
 * late. */
#include "datapath/attach/core/capture_tun_test.h"

/* The sequence numbers of the client turn over soon. */
static void wire_connect(bool deferred)
{
	int on = 1, listener = listen_here();
	uint32_t first = (uint32_t)-3000;

	setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, deferred ? sizeof(on) : 0);
	inject(SYN, first, NULL, 0);
	here_next = wait_for(SYN | ACK) + 1;
	talk.first_seq[CLIENT] = first + 1;
	talk.first_seq[SERVER] = here_next;
	if (deferred)
		inject(ACK, first + 1, talk.model[CLIENT].bytes, talk.turns[0].size);
	else
		inject(ACK, first + 1, NULL, 0);
	accept_here(listener);
}

/* Which packets of a turn come next: |order| permutes the |count| packets of a turn. */
typedef void (*order_fn)(unsigned *order, unsigned count);

static void in_order(unsigned *order, unsigned count)
{
	(void)order;
	(void)count;
}

static void swapped(unsigned *order, unsigned count)
{
	for (unsigned i = 2; i + 1 < count; i += 5) {
		unsigned first = order[i];

		order[i] = order[i + 1];
		order[i + 1] = first;
	}
}

static void first_last(unsigned *order, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		order[i] = i + 1 < count ? i + 1 : 0;
}

static void shuffled(unsigned *order, unsigned count)
{
	for (unsigned i = count; i > 1; i--) {
		unsigned other = dice(i), last = order[i - 1];

		order[i - 1] = order[other];
		order[other] = last;
	}
}

static void client_turn(size_t size, order_fn permute, unsigned repeat, size_t overlap)
{
	struct model *m = &talk.model[CLIENT];
	unsigned count = (unsigned)((size + MSS - 1) / MSS), order[200];
	size_t had = m->sent;

	assert_true(count < 200);
	for (unsigned i = 0; i < count; i++)
		order[i] = i;
	permute(order, count);
	for (unsigned i = 0; i < count; i++) {
		size_t at = order[i] * MSS, one = size - at < MSS ? size - at : MSS;
		size_t back = at >= overlap ? overlap : 0;

		for (unsigned n = 0; n <= repeat; n++)
			inject(ACK, talk.first_seq[CLIENT] + (uint32_t)(had + at - back),
			       m->bytes + had + at - back, one + back);
	}
	m->sent += size;
	while (had < m->sent)
		had += receive(SERVER, had, m->sent);
	consume();
}

static void server_turn(size_t size)
{
	struct model *m = &talk.model[SERVER];

	assert_int_equal(send(talk.fd[SERVER], m->bytes + m->sent, size, 0), size);
	m->sent += size;
	listen_to(m->sent, true);
	consume();
}

static void exchange(size_t request, size_t response)
{
	say(CLIENT, "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: %zu\r\n\r\n", request);
	say_body(CLIENT, request);
	say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", response);
	say_body(SERVER, response);
}

static void wire_check(const char *name, size_t body_max)
{
	close(talk.fd[SERVER]);
	inject(RST, talk.first_seq[CLIENT] + (uint32_t)talk.model[CLIENT].sent, NULL, 0);
	now_checking = name;
	faults = 0;
	check(&(struct expectation){
		.other_node = 1 + CLIENT, .no_ends = true, .body_max = body_max});
	assert_int_equal(faults, 0);
}

/* Two exchanges in an order that is not theirs, then two in order: bodies are skipped again. */
static void wire_play(const char *name, order_fn order, unsigned repeat, size_t overlap,
		      size_t body_max)
{
	talk_forget();
	talk.remote = true;
	twice_allowed = order != in_order || repeat || overlap;
	for (int i = 0; i < 4; i++)
		exchange(15000, 100);
	exchange(40000, 2000);
	wire_connect(false);
	for (size_t i = 0; i < talk.turn_count; i++) {
		bool plain = i >= 4;

		if (talk.turns[i].direction == SERVER)
			server_turn(talk.turns[i].size);
		else
			client_turn(talk.turns[i].size, plain ? in_order : order,
				    plain ? 0 : repeat, plain ? 0 : overlap);
	}
	wire_check(name, body_max);
}

static void test_in_order(void **state)
{
	(void)state;
	wire_play("in order", in_order, 0, 0, 16384);
	assert_true(talk.open[SERVER].handshake_us);
}

static void test_twice(void **state)
{
	(void)state;
	wire_play("twice", in_order, 1, 0, 16384);
	wire_play("overlapping", in_order, 0, 700, 16384);
}

static void test_out_of_order(void **state)
{
	(void)state;
	wire_play("swapped", swapped, 0, 0, 45000);
	wire_play("first comes last", first_last, 0, 0, 45000);
	for (int i = 0; i < 20; i++)
		wire_play("shuffled", shuffled, 0, 0, 45000);
	wire_play("shuffled and twice", shuffled, 1, 0, 45000);
}

/* The first bytes come with the ACK that completes the handshake, at the listener. Until then the
 * client had nothing to say: how long is no round trip. */
static void test_deferred(void **state)
{
	(void)state;
	talk_forget();
	talk.remote = true;
	twice_allowed = false;
	say(CLIENT, "GET /first HTTP/1.1\r\nHost: test\r\n\r\n");
	say(SERVER, "HTTP/1.1 204 None\r\n\r\n");
	exchange(3000, 100);
	wire_connect(true);
	talk.model[CLIENT].sent = talk.turns[0].size;
	for (size_t had = 0; had < talk.turns[0].size;)
		had += receive(SERVER, had, talk.turns[0].size);
	server_turn(talk.turns[1].size);
	client_turn(talk.turns[2].size, in_order, 0, 0);
	server_turn(talk.turns[3].size);
	wire_check("deferred", 0);
	assert_int_equal(talk.open[SERVER].handshake_us, 0);
}

static void test_not_here(void **state)
{
	(void)state;
	print_message("skipped: needs root and /dev/net/tun\n");
	skip();
}

int main(void)
{
	const struct CMUnitTest skipped[] = {cmocka_unit_test(test_not_here)};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_deferred),
	};

	if (geteuid() || private_loopback() || tun_open())
		return cmocka_run_group_tests(skipped, NULL, NULL);
	return cmocka_run_group_tests_name("capture_wire", tests, world_begin, world_end);
}
