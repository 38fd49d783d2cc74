// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Questions for names: the path comes, and the file where it is asked for; none is kept open. */
#include "control/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The loader: group 7 is a container that one file knows. */
static void *answer(void *arg)
{
	struct broker *b = arg;
	struct broker_name name;

	while (!broker_name_read(b->namer_fd, &name)) {
		int pipes[2] = {-1, -1};

		snprintf(name.path, sizeof(name.path), "/group-%d", (int)name.cgroup_id);
		if (name.cgroup_id == 7 && name.state == 1 && !pipe(pipes))
			dprintf(pipes[1], "known");
		broker_name_answer(b->namer_fd, &name, pipes[0]);
		for (int i = 0; i < 2; i++)
			if (pipes[i] >= 0)
				close(pipes[i]);
	}
	return NULL;
}

/* How many are open. */
static int descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_files_come_with_names(void **state)
{
	struct broker_name name = {.cgroup_id = 7};
	struct error err = {0};
	char text[8] = "";
	struct broker b;
	pthread_t thread;
	int fd = -1, before = descriptors();

	(void)state;
	assert_int_equal(broker_open(&b, &err), 0);
	assert_int_equal(pthread_create(&thread, NULL, answer, &b), 0);
	assert_int_equal(broker_ask_name(&b, &name), 0);
	assert_string_equal(name.path, "/group-7");
	fd = broker_ask_state(&b, 7, 1);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), 5);
	assert_string_equal(text, "known");
	close(fd);
	assert_int_equal(broker_ask_state(&b, 7, 2), -ENOENT);
	assert_int_equal(broker_ask_state(&b, 8, 1), -ENOENT);
	name = (struct broker_name){.cgroup_id = 7, .state = 1}; /* a file that was not wanted */
	assert_int_equal(broker_ask_name(&b, &name), 0);
	close(b.names_fd);
	b.names_fd = -1;
	pthread_join(thread, NULL);
	broker_close(&b);
	assert_int_equal(descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_come_with_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
