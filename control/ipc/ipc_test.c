// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Requests and answers while either side stops anywhere: a request has its own answer or none, what
 * was not answered can be asked again, and no descriptor stays open. */
#include "control/ipc/links.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUNDS	4000
#define STOPS	2000
#define WAIT_MS 1 /* for an answer */

static uint32_t seed;

static unsigned random_below(unsigned end)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % end;
}

static void pause_us(unsigned us)
{
	struct timespec t = {.tv_nsec = us * 1000L};

	nanosleep(&t, NULL);
}

/* One in eight is longer than an answer is waited for. */
static void pause_anywhere(void)
{
	if (!random_below(8))
		pause_us(1000 * WAIT_MS + 300);
}

static unsigned descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* ---- what is asked and answered: so many cells, an arena that has as many and this size */

static int memory_new(uint64_t bytes)
{
	int fd = memfd_create("ipc-test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

static void answer_arena(struct ipc *i, const struct ipc_request *request, uint64_t cells)
{
	struct ipc_arena arena = {.id = 7, .cells = (uint32_t)cells};
	int fd = memory_new(cells);

	ipc_answer(i, request, &arena, sizeof(arena), fd);
	close(fd);
}

static void expect_arena(const struct ipc_arena *arena, int fd, uint64_t cells)
{
	assert_int_equal(arena->cells, cells);
	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), cells);
	close(fd);
}

/* ---- stops between any two steps */

struct world {
	struct ipc_links links;
	struct ipc *asks, *answers;
	struct ipc_request left; /* not answered yet; number 0: none */
	uint64_t left_cells;
	unsigned said; /* lines that arrived */
};

static void links_start(struct world *w)
{
	struct error err = {0};

	*w = (struct world){0};
	assert_int_equal(ipc_links_open(&w->links, &err), 0);
	w->asks = &w->links.asks[IPC_CONFIG_IO];
	w->answers = &w->links.answers[IPC_CONFIG_IO];
	w->asks->wait_ms = WAIT_MS;
}

/* One step of the side that answers. Answers may be left for later ones. */
static void answer_step(struct world *w)
{
	struct ipc_request request;
	char data[1000];
	int r;

	if (w->left.number) {
		answer_arena(w->answers, &w->left, w->left_cells);
		w->left.number = 0;
	}
	r = ipc_receive(w->answers, &request, data, sizeof(data), NULL);
	if (r) {
		assert_int_equal(r, -EAGAIN);
		return;
	}
	if (request.message == IPC_MESSAGE_SAY) {
		w->said++;
		return;
	}
	w->left = request;
	memcpy(&w->left_cells, data, sizeof(w->left_cells));
	pause_anywhere();
	if (!random_below(4))
		return;
	answer_arena(w->answers, &request, w->left_cells);
	w->left.number = 0;
}

/* Whether it was answered. */
static bool ask_once(struct world *w, uint64_t cells)
{
	struct ipc_arena arena = {0};
	struct ipc_answer answer = {.data = &arena, .size = sizeof(arena), .wants_fd = true};
	struct error err = {0};
	int r = ipc_ask_begin(w->asks, IPC_MESSAGE_ARENA, &cells, sizeof(cells), &err);

	assert_int_equal(r, 0);
	pause_anywhere();
	for (unsigned steps = random_below(4); steps; steps--)
		answer_step(w);
	pause_anywhere();
	if (!random_below(16))
		return false; /* it is not waited for at all */
	r = ipc_ask_end(w->asks, &answer, &err);
	if (r) {
		assert_int_equal(r, -ETIMEDOUT);
		return false;
	}
	expect_arena(&arena, answer.fd, cells);
	return true;
}

static void either_side_stops_between_steps(void **state)
{
	unsigned before = descriptors(), again = 0, lines = 0;
	struct world w;

	(void)state;
	links_start(&w);
	for (seed = 1; seed <= ROUNDS; seed++) {
		uint32_t round = seed;

		while (!ask_once(&w, round)) {
			again++;
			answer_step(&w);
		}
		lines += !ipc_tell(w.asks, IPC_MESSAGE_SAY, "x", 1, -1);
		seed = round;
	}
	for (unsigned i = 0; i < 64; i++)
		answer_step(&w);
	assert_int_equal(lines, ROUNDS);
	assert_int_equal(w.said, ROUNDS);
	assert_true(again > ROUNDS / 16);
	ipc_links_close(&w.links);
	assert_int_equal(descriptors(), before);
}

/* ---- stops anywhere: signals to two processes */

static pid_t begin(void (*run)(struct ipc_links *l), struct ipc_links *l, enum ipc_process keeps)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	ipc_links_keep(l, keeps);
	run(l);
	_exit(0);
}

static void answer_all(struct ipc_links *l)
{
	struct ipc *i = &l->answers[IPC_CONFIG_IO];
	struct ipc_request request;
	uint64_t cells;
	int r = 0;

	while (!r || r == -EAGAIN) {
		ipc_wait(i, -1);
		r = ipc_receive(i, &request, &cells, sizeof(cells), NULL);
		if (!r)
			answer_arena(i, &request, cells);
	}
}

static unsigned *answered; /* shared */

/* Each question until it is answered. */
static void ask_all(struct ipc_links *l)
{
	struct ipc *i = &l->asks[IPC_CONFIG_IO];
	unsigned before = descriptors();

	i->wait_ms = WAIT_MS;
	for (uint64_t cells = 1;; cells++) {
		struct ipc_arena arena;
		struct ipc_answer answer = {
			.data = &arena, .size = sizeof(arena), .wants_fd = true};
		int r;

		do
			r = ipc_ask(i, IPC_MESSAGE_ARENA, &cells, sizeof(cells), &answer, NULL);
		while (r == -ETIMEDOUT);
		if (r || arena.cells != cells || lseek(answer.fd, 0, SEEK_END) != (off_t)cells)
			_exit(1);
		close(answer.fd);
		if (descriptors() != before)
			_exit(2);
		__atomic_add_fetch(answered, 1, __ATOMIC_RELAXED);
	}
}

static void expect_alive(pid_t pid)
{
	int status = 0;

	if (waitpid(pid, &status, WNOHANG))
		fail_msg("ended with %d", WEXITSTATUS(status));
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void either_side_stops_anywhere(void **state)
{
	unsigned before_last;
	struct ipc_links links;
	struct error err = {0};
	pid_t sides[2];

	(void)state;
	answered = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(ipc_links_open(&links, &err), 0);
	sides[0] = begin(answer_all, &links, IPC_PROCESS_LOADER);
	sides[1] = begin(ask_all, &links, IPC_PROCESS_WORKER);
	ipc_links_close(&links);
	for (seed = 4711; seed < 4711 + STOPS; seed++) {
		uint32_t round = seed;
		pid_t side = sides[random_below(2)];

		pause_us(random_below(500));
		kill(side, SIGSTOP);
		pause_us(random_below(3000 * WAIT_MS));
		kill(side, SIGCONT);
		seed = round;
	}
	expect_alive(sides[0]);
	expect_alive(sides[1]);
	before_last = *answered;
	for (unsigned i = 0; i < 10000 && *answered < before_last + 100; i++)
		pause_us(1000);
	assert_true(*answered >= before_last + 100);
	stop(sides[1]);
	stop(sides[0]);
	munmap(answered, 4096);
}

/* ---- what no asking side says */

static void what_makes_no_sense_is_refused(void **state)
{
	struct ipc_request request;
	struct error err = {0};
	struct world w;
	uint64_t cells = 1;
	char data[64];

	(void)state;
	links_start(&w);
	w.asks->wait_ms = 1000;
	assert_int_equal(ipc_ask_begin(w.asks, IPC_MESSAGE_ARENA, &cells, 3, &err), -E2BIG);
	assert_int_equal(ipc_ask_begin(w.asks, IPC_MESSAGE_KEPT, NULL, 0, &err), 0);
	w.answers->thread = IPC_COMPILER; /* who does not answer this */
	assert_int_equal(ipc_receive(w.answers, &request, data, sizeof(data), NULL), -EAGAIN);
	assert_int_equal(ipc_ask_end(w.asks, NULL, &err), -EBADMSG);
	ipc_tell(w.asks, IPC_MESSAGE_KEPT, NULL, 0, -1); /* has an answer */
	w.answers->thread = IPC_CONFIG_IO;
	assert_int_equal(ipc_receive(w.answers, &request, data, sizeof(data), NULL), -EAGAIN);
	assert_int_equal(ipc_ask_begin(w.asks, IPC_MESSAGE_ARENA, &cells, 8, &err), 0);
	assert_int_equal(ipc_receive(w.answers, &request, data, 4, NULL), -EAGAIN); /* no room */
	assert_int_equal(ipc_ask_end(w.asks, NULL, &err), -EBADMSG);
	assert_int_equal(ipc_receive(w.answers, &request, data, sizeof(data), NULL), -EAGAIN);
	close(w.asks->fd);
	w.asks->fd = -1;
	assert_int_equal(ipc_receive(w.answers, &request, data, sizeof(data), NULL), -EPIPE);
	ipc_links_close(&w.links);
}

/* The refusal of the other side is returned, and a descriptor that was not wanted is closed. */
static void refusals_are_told_and_descriptors_closed(void **state)
{
	struct error why = {.code = -ENOENT, .text = "there is none"}, err = {0};
	unsigned before = descriptors();
	struct ipc_request request;
	struct world w;
	struct ipc_arena arena;
	struct ipc_answer unwanted = {.data = &arena, .size = sizeof(arena)};
	uint64_t cells = 5;
	int fd = -1;

	(void)state;
	links_start(&w);
	w.asks->wait_ms = 1000;
	assert_int_equal(ipc_ask_begin(w.asks, IPC_MESSAGE_ARENA, &cells, 8, &err), 0);
	assert_int_equal(ipc_receive(w.answers, &request, &cells, 8, NULL), 0);
	ipc_refuse(w.answers, &request, -ENOENT, &why);
	assert_int_equal(ipc_ask_end(w.asks, NULL, &err), -ENOENT);
	assert_string_equal(err.text, "there is none");
	assert_int_equal(ipc_ask_begin(w.asks, IPC_MESSAGE_ARENA, &cells, 8, &err), 0);
	assert_int_equal(ipc_receive(w.answers, &request, &cells, 8, NULL), 0);
	answer_arena(w.answers, &request, cells);
	assert_int_equal(ipc_ask_end(w.asks, &unwanted, &err), 0);
	assert_int_equal(unwanted.fd, -1);
	fd = memory_new(1);
	assert_int_equal(ipc_tell(w.asks, IPC_MESSAGE_SAY, "x", 1, fd), 0);
	close(fd);
	assert_int_equal(ipc_receive(w.answers, &request, &cells, 8, NULL), 0);
	ipc_links_close(&w.links);
	assert_int_equal(descriptors(), before);
}

/* The other side does not read: a message waits for its bounded time, and no request for ever. */
static void a_full_queue_is_told(void **state)
{
	struct world w;
	char line[1000] = {0};
	int r;

	(void)state;
	links_start(&w);
	for (unsigned i = 0; !(r = ipc_tell(w.asks, IPC_MESSAGE_SAY, line, 1000, -1)); i++)
		assert_true(i < 100000);
	assert_int_equal(r, -EAGAIN);
	assert_int_equal(ipc_ask_begin(w.asks, IPC_MESSAGE_KEPT, NULL, 0, NULL), -ETIMEDOUT);
	ipc_links_close(&w.links);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(either_side_stops_between_steps),
		cmocka_unit_test(either_side_stops_anywhere),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(refusals_are_told_and_descriptors_closed),
		cmocka_unit_test(a_full_queue_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
