// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Slow clients: they are ended, and do not keep others out. */
#include "control/serve/clients.h"

#include "control/serve/serve_fixture_test.h"

/* A client that sends |said| and nothing more. */
static int slow_client(bool local, const char *said)
{
	struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_un path = {.sun_family = AF_UNIX};
	int fd = socket_of(local ? AF_UNIX : AF_INET);

	tcp.sin_port = htons(serve_port(server));
	snprintf(path.sun_path, sizeof(path.sun_path), "%s", socket_path);
	if (local)
		assert_int_equal(connect(fd, (struct sockaddr *)&path, sizeof(path)), 0);
	else
		assert_int_equal(connect(fd, (struct sockaddr *)&tcp, sizeof(tcp)), 0);
	assert_int_equal(send(fd, said, strlen(said), MSG_NOSIGNAL), strlen(said));
	serve_a_while();
	return fd;
}

static bool is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static const char *const beginnings[] = {"G", "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ",
					 "GET /ready HTTP/1.1\r\nHost: localhost\r\n"
					 "Content-Length: 100\r\n\r\n"};

static void test_slow_clients_do_not_keep_scrapers_out(void **state)
{
	int slow[50];

	(void)state;
	for (int local = 0; local < 2; local++) {
		for (unsigned i = 0; i < 50; i++)
			slow[i] = slow_client(local, beginnings[i % 3]);
		check_get("/ready", local, 200, "ready\n");
		check_get("/metrics", local, 200, "weft_http_clients_ended_total");
		for (unsigned i = 0; i < 50; i++)
			close(slow[i]);
	}
	assert_true(serve_ended(server) >= 2 * (50 - 8));
}

/* A client at 127.0.0.|last| that sends a thousand requests and reads nothing. */
static int greedy_client(unsigned last)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(0x7f000000 + last)}};
	int fd = socket_of(AF_INET);

	tcp.sin_port = htons(serve_port(server));
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){2304}, sizeof(int)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&tcp, sizeof(tcp)), 0);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0);
	for (unsigned i = 0; i < 400; i++)
		serve_a_while();
	return fd;
}

/* From any number of addresses of this machine, and however short the wait for each. */
static void test_readers_of_no_answer_do_not_keep_scrapers_out(void **state)
{
	int greedy[24];

	(void)state;
	for (unsigned i = 0; i < 24; i++) {
		greedy[i] = greedy_client(2 + i);
		if (i < 7)
			continue;
		check_get("/ready", false, 200, "ready\n");
		check_get("/metrics", false, 200, "weft_http_clients_ended_total");
	}
	for (unsigned i = 0; i < 24; i++)
		close(greedy[i]);
}

static void test_a_request_must_come_whole_in_time(void **state)
{
	int fd[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		fd[i] = slow_client(false, beginnings[i]);
	for (unsigned i = 0; i < 5000 && !is_closed(fd[2]); i++) {
		if (i % 100 == 0) /* not silent: the time between two bytes does not matter */
			send(fd[1], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		serve_a_while();
	}
	for (unsigned i = 0; i < 3; i++) {
		assert_true(is_closed(fd[i]));
		close(fd[i]);
	}
	assert_int_equal(serve_ended(server), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_slow_clients_do_not_keep_scrapers_out),
		T(test_readers_of_no_answer_do_not_keep_scrapers_out),
		T(test_a_request_must_come_whole_in_time),
	};

	return cmocka_run_group_tests(tests, directory_make, directory_remove);
}
