// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Payload before the handshake is done (TCP Fast Open, RFC 7413): in the SYN, in the SYN-ACK, and
 * what a server answers before it knows that its client is there. */
#include "datapath/attach/core/capture_tun_test.h"

#define FIRST	  (uint32_t)-20 /* of the other node: sequence numbers turn over soon */
#define FAST_OPEN "1543"	/* at both ends, without cookies, at each listener */

static const struct expectation SERVERS = {.other_node = 1 + CLIENT, .no_ends = true};
static const struct expectation CLIENTS = {.other_node = 1 + SERVER, .no_ends = true};

static size_t heard; /* of what the other node said */

static void begin(void)
{
	heard = 0;
	talk_forget();
	talk.remote = true;
	twice_allowed = false;
	faults = 0;
}

static void ask_and_answer(void)
{
	say(CLIENT, "GET /first HTTP/1.1\r\nHost: test\r\n\r\n");
	say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
	say_body(SERVER, 500);
}

static uint8_t state_of(int side)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);

	assert_int_equal(getsockopt(talk.fd[side], IPPROTO_TCP, TCP_INFO, &info, &size), 0);
	return info.tcpi_state;
}

/* The next |size| bytes from the other node. */
static void there_says(uint8_t flags, size_t size)
{
	struct model *m = &talk.model[there];

	inject(flags, talk.first_seq[there] + (uint32_t)m->sent - !!(flags & SYN),
	       m->bytes + m->sent, size);
	m->sent += size;
}

static void here_hears(void)
{
	while (heard < talk.model[there].sent)
		heard += receive(!there, heard, talk.model[there].sent);
}

static void here_says(size_t size, bool acknowledge)
{
	struct model *m = &talk.model[!there];

	assert_int_equal(send(talk.fd[!there], m->bytes + m->sent, size, 0), size);
	m->sent += size;
	listen_to(m->sent, acknowledge);
}

/* What the hooks counted is what TCP did, which counts a client's SYN and FINs, too. */
static void account_closes(int side)
{
	const struct weft_counters *c = &talk.close[side].counters;

	assert_int_equal(c->flags & ~(__u32)(WEFT_END_LEFT | WEFT_END_PEER_LEFT), 0);
	assert_int_equal(c->tcp_bytes_acked, c->sent_bytes + 1 + (side == CLIENT));
	assert_int_equal(c->tcp_bytes_received, c->received_bytes + 1);
}

/* This end closes, then the other one; nothing is left open. */
static void part(const char *name, const struct expectation *e)
{
	uint32_t seq = talk.first_seq[there] + (uint32_t)talk.model[there].sent;

	close(talk.fd[!there]);
	assert_int_equal(wait_for(FIN | ACK), here_next);
	here_next++;
	inject(FIN | ACK, seq, NULL, 0);
	wait_for(ACK);
	now_checking = name;
	check(e);
	assert_int_equal(faults, 0);
	if (!e->joined)
		account_closes(!there);
}

/* ---- the server's end */

/* A request of which |size| bytes come with the SYN. */
static void request_in_syn(size_t size)
{
	int listener = listen_here();

	talk.first_seq[CLIENT] = FIRST;
	there_says(SYN, size);
	here_next = wait_for(SYN | ACK) + 1;
	accept_here(listener);
	assert_int_equal(here_next, talk.first_seq[SERVER]);
	here_hears();
	assert_int_equal(state_of(SERVER), TCP_SYN_RECV);
}

static void test_answered_at_once(void **state)
{
	(void)state;
	begin();
	ask_and_answer();
	ask_and_answer();
	request_in_syn(talk.turns[0].size);
	here_says(talk.turns[1].size, false);
	assert_int_equal(state_of(SERVER), TCP_SYN_RECV);
	there_says(ACK, 0);
	there_says(ACK, talk.turns[2].size);
	here_hears();
	here_says(talk.turns[3].size, true);
	part("answered at once", &SERVERS);
}

/* As nginx does without keep-alive. */
static void test_closed_at_once(void **state)
{
	(void)state;
	begin();
	ask_and_answer();
	request_in_syn(talk.turns[0].size);
	here_says(talk.turns[1].size, false);
	part("closed at once", &SERVERS);
}

static void test_not_answered(void **state)
{
	(void)state;
	begin();
	say(CLIENT, "GET /first HTTP/1.1\r\nHost: test\r\n\r\n");
	request_in_syn(talk.turns[0].size);
	part("not answered", &SERVERS);
}

static void test_more_with_the_ack(void **state)
{
	(void)state;
	begin();
	ask_and_answer();
	request_in_syn(10);
	there_says(ACK, talk.turns[0].size - 10);
	here_hears();
	here_says(talk.turns[1].size, true);
	part("more with the ACK", &SERVERS);
}

/* The programs come when the request has passed: it is said that something did. */
static void test_programs_come_later(void **state)
{
	(void)state;
	begin();
	say(CLIENT, "GET /unseen HTTP/1.1\r\nHost: test\r\n\r\n");
	world_detach();
	attach_detach(pin_dir);
	request_in_syn(talk.turns[0].size);
	talk.first_seq[CLIENT] += (uint32_t)talk.turns[0].size;
	world_attach();
	begin();
	say(SERVER, "HTTP/1.1 204 None\r\n\r\n");
	ask_and_answer();
	here_says(talk.turns[0].size, false);
	there_says(ACK, 0);
	there_says(ACK, talk.turns[1].size);
	here_hears();
	here_says(talk.turns[2].size, true);
	part("programs come later",
	     &(struct expectation){.joined = true, .other_node = 1 + CLIENT, .no_ends = true});
}

/* ---- the client's end */

/* A SYN leaves, with the first |bytes|. */
static void connect_there(size_t bytes)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(THERE_ADDR)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct model *m = &talk.model[CLIENT];
	socklen_t size = sizeof(addr);

	there = SERVER;
	addr.sin_port = htons(++there_port);
	m->sent = bytes;
	if (bytes)
		assert_int_equal(sendto(fd, m->bytes, bytes, MSG_FASTOPEN, (void *)&addr, size),
				 bytes);
	else
		assert_int_equal(connect(fd, (void *)&addr, size), -1);
	talk.fd[CLIENT] = fd;
	talk.first_seq[CLIENT] = here_next = wait_for(SYN) + 1;
	talk.first_seq[SERVER] = FIRST;
	memcpy(&talk.addr[SERVER], &addr, size);
	getsockname(fd, (void *)&talk.addr[CLIENT], &size);
	size = sizeof(talk.cookie[CLIENT]);
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &talk.cookie[CLIENT], &size);
	talk.cookie[SERVER] = 1; /* of no socket */
	assert_int_equal(state_of(CLIENT), TCP_SYN_SENT);
}

/* The SYN with the first turn leaves; |taken|: the other node takes all of it. */
static void send_in_syn(bool taken)
{
	connect_there(talk.turns[0].size);
	here_next += taken ? (uint32_t)talk.turns[0].size : 0;
}

static void again(size_t size)
{
	talk.model[SERVER].sent -= size;
}

/* The answer is faster than the SYN-ACK. The hook sees it, TCP does not take it yet. */
static void test_answer_before_syn_ack(void **state)
{
	size_t size;

	(void)state;
	begin();
	ask_and_answer();
	ask_and_answer();
	size = talk.turns[1].size;
	send_in_syn(true);
	there_says(ACK, 100);
	there_says(ACK, size - 100);
	again(size);
	inject(SYN | ACK, FIRST - 1, NULL, 0);
	there_says(ACK, size);
	here_hears();
	here_says(talk.turns[2].size, true);
	there_says(ACK, talk.turns[3].size);
	here_hears();
	part("answer before SYN-ACK", &CLIENTS);
}

static void test_answer_in_syn_ack(void **state)
{
	(void)state;
	begin();
	ask_and_answer();
	send_in_syn(true);
	there_says(SYN | ACK, 40);
	there_says(ACK, talk.turns[1].size - 40);
	here_hears();
	part("answer in SYN-ACK", &CLIENTS);
}

/* What the server did not take comes again. */
static void test_not_taken(void **state)
{
	(void)state;
	begin();
	ask_and_answer();
	send_in_syn(false);
	inject(SYN | ACK, FIRST - 1, NULL, 0);
	listen_to(talk.turns[0].size, true);
	there_says(ACK, talk.turns[1].size);
	here_hears();
	part("not taken", &CLIENTS);
}

/* Both connect at once (RFC 9293 3.5), and the other node speaks first. */
static void test_both_connect(void **state)
{
	(void)state;
	begin();
	say_body(SERVER, 100);
	say_body(CLIENT, 100);
	connect_there(0);
	inject(SYN, FIRST - 1, NULL, 0);
	wait_for(SYN | ACK);
	assert_int_equal(state_of(CLIENT), TCP_SYN_RECV);
	there_says(ACK, talk.turns[0].size);
	here_hears();
	here_says(talk.turns[1].size, true);
	part("both connect", &CLIENTS);
}

static void test_not_here(void **state)
{
	(void)state;
	print_message("skipped: needs root, /dev/net/tun and TCP Fast Open\n");
	skip();
}

static int fast_open_on(void)
{
	int fd cleanup_close = open("/proc/sys/net/ipv4/tcp_fastopen", O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, FAST_OPEN, strlen(FAST_OPEN)) > 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest skipped[] = {cmocka_unit_test(test_not_here)};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answered_at_once),
		cmocka_unit_test(test_closed_at_once),
		cmocka_unit_test(test_not_answered),
		cmocka_unit_test(test_more_with_the_ack),
		cmocka_unit_test(test_programs_come_later),
		cmocka_unit_test(test_answer_before_syn_ack),
		cmocka_unit_test(test_answer_in_syn_ack),
		cmocka_unit_test(test_not_taken),
		cmocka_unit_test(test_both_connect),
	};

	pin_dir = "/mnt/weft";
	if (geteuid() || private_loopback() || mount("none", "/mnt", "tmpfs", 0, NULL) ||
	    tun_open() || fast_open_on())
		return cmocka_run_group_tests(skipped, NULL, NULL);
	return cmocka_run_group_tests_name("capture_opening", tests, world_begin, world_end);
}
