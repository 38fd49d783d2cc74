// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Questions and answers about the TLS library of real processes: of this one, which maps what the
 * test makes, and of one that is gone. */
#include "control/agent/stack_questions.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "datapath/attach/core/local_files.h"

#define S 1000000000ull

static struct stack_answers *answers;
static struct local_files *local;

static int begin(void **state)
{
	int fd = -1;

	(void)state;
	answers = stack_answers_new(&fd);
	close(fd);
	return answers ? local_files_new(&local, NULL) : -1;
}

static int end(void **state)
{
	(void)state;
	stack_answers_free(answers);
	local_files_free(local);
	return 0;
}

static void test_answers(void **state)
{
	enum tls_stack stack;
	bool fresh;

	(void)state;
	assert_false(stack_answers_get(answers, 0, 0, &stack, &fresh));
	assert_false(stack_answers_get(answers, 77, S, &stack, &fresh));
	stack_answers_put(answers, 77, TLS_STACK_GO, 5 * S);
	assert_true(stack_answers_get(answers, 77, 5 * S, &stack, &fresh));
	assert_int_equal(stack, TLS_STACK_GO);
	assert_true(fresh);
	assert_true(stack_answers_get(answers, 77, (5 + STACK_ANSWER_VALID_S) * S, &stack, &fresh));
	assert_false(fresh);
	assert_false(
		stack_answers_get(answers, 77, (6 + STACK_ANSWER_VALID_S) * S, &stack, &fresh));
	assert_false(stack_answers_get(answers, 77 + STACK_ANSWERS_MAX, 5 * S, &stack, &fresh));
	stack_answers_put(answers, 77 + STACK_ANSWERS_MAX, TLS_STACK_OTHER, 5 * S);
	assert_false(stack_answers_get(answers, 77, 5 * S, &stack, &fresh));
	/* seconds begin anew every half year */
	stack_answers_put(answers, 1, TLS_STACK_NONE, 0xffffff * S);
	assert_true(stack_answers_get(answers, 1, (1 << 24) * S, &stack, &fresh));
}

static void test_shared(void **state)
{
	enum tls_stack stack;
	bool fresh;
	pid_t child = fork();
	int status;

	(void)state;
	if (!child) {
		stack_answers_put(answers, 4711, TLS_STACK_NSS, S);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(stack_answers_get(answers, 4711, S, &stack, &fresh));
	assert_int_equal(stack, TLS_STACK_NSS);
}

/* mapping_visit: as the agent does with what it meets. */
static void add_mapped(void *arg, const struct mapping *m)
{
	int fd cleanup_close = mapping_open(stack_files_local(arg), m);

	if (fd >= 0)
		stack_files_add(arg, fd, m);
}

/* A program that does nothing, with |library| in it. */
static pid_t start(const char *library)
{
	pid_t child = fork();

	if (child)
		return child;
	setenv("LD_PRELOAD", library, 1);
	execlp("sleep", "sleep", "60", NULL);
	_exit(127);
}

/* The same with it in an overlay that a user mounted over |directory|. */
static pid_t start_unread(const char *directory, const char *name)
{
	char options[160], path[160];
	pid_t child = fork();

	if (child)
		return child;
	snprintf(options, sizeof(options), "lowerdir=%s:/usr/bin", directory);
	snprintf(path, sizeof(path), "/mnt/%s", name);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) || mount("overlay", "/mnt", "overlay", 0, options))
		_exit(127);
	setenv("LD_PRELOAD", path, 1);
	execlp("sleep", "sleep", "60", NULL);
	_exit(127);
}

/* Whether the dynamic loader is done: the program waits. */
static bool is_started(pid_t child)
{
	char path[64], text[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/wchan", (int)child);
	f = fopen(path, "re");
	if (f) {
		if (!fgets(text, sizeof(text), f))
			text[0] = 0;
		fclose(f);
	}
	return strstr(text, "nanosleep");
}

/* The answer comes once all that the process maps is searched; it may be gone by then. */
enum lives { LIVES, GONE_BEFORE_SEARCH, GONE_BEFORE_QUESTION, NOT_ASKED_FOR };

static void end_program(uint32_t pid)
{
	kill((pid_t)pid, SIGKILL);
	waitpid((pid_t)pid, NULL, 0);
}

static enum tls_stack answer_of_process(uint32_t pid, enum lives lives)
{
	struct stack_questions q = {.answers = answers};
	struct stack_files *files;
	enum tls_stack stack;
	bool fresh;
	struct error err;

	assert_int_equal(stack_files_new(1, local, &files, &err), 0);
	for (int i = 0; i < 1000 && !is_started((pid_t)pid); i++)
		usleep(10000);
	q.files = files;
	mappings_scan_process(pid, add_mapped, files);
	if (lives == GONE_BEFORE_QUESTION)
		end_program(pid);
	if (lives == NOT_ASKED_FOR)
		stack_questions_go_on(&q, S);
	else
		stack_questions_take(&q, &pid, sizeof(pid), S);
	assert_int_equal(q.count, 1);
	assert_false(stack_answers_get(answers, pid, S, &stack, &fresh));
	if (lives == GONE_BEFORE_SEARCH)
		end_program(pid);
	for (int i = 0; i < 10000 && q.count; i++) {
		usleep(1000);
		stack_files_handle(files);
		stack_questions_go_on(&q, S);
	}
	assert_true(stack_answers_get(answers, pid, S, &stack, &fresh));
	if (lives == LIVES || lives == NOT_ASKED_FOR)
		end_program(pid);
	stack_files_free(files);
	return stack;
}

static enum tls_stack answer_of(const char *library, enum lives lives)
{
	return answer_of_process((uint32_t)start(library), lives);
}

#define LIBRARIES_AT "/usr/lib/x86_64-linux-gnu"

static void test_process(void **state)
{
	static const char gnutls[] = LIBRARIES_AT "/libgnutls.so.30";

	(void)state;
	assert_int_equal(answer_of("", LIVES), TLS_STACK_OTHER);
	if (access(gnutls, R_OK))
		skip();
	assert_int_equal(answer_of(gnutls, LIVES), TLS_STACK_GNUTLS);
	assert_int_equal(answer_of(gnutls, GONE_BEFORE_SEARCH), TLS_STACK_GNUTLS);
	assert_int_equal(answer_of(gnutls, GONE_BEFORE_QUESTION), TLS_STACK_GNUTLS);
	assert_int_equal(answer_of(gnutls, NOT_ASKED_FOR), TLS_STACK_GNUTLS);
}

static void test_unread(void **state)
{
	pid_t pid = start_unread(LIBRARIES_AT, "libgnutls.so.30");

	(void)state;
	usleep(100000);
	if (waitpid(pid, NULL, WNOHANG))
		skip(); /* no user namespaces, or no overlays in them */
	assert_int_equal(answer_of_process((uint32_t)pid, LIVES), TLS_STACK_UNREAD);
}

static void test_gone(void **state)
{
	struct stack_questions q = {.answers = answers};
	uint32_t pid = 0x7fffffff;
	struct error err;
	struct stack_files *files;
	enum tls_stack stack;
	bool fresh;

	(void)state;
	assert_int_equal(stack_files_new(1, local, &files, &err), 0);
	stack_questions_take(&q, &pid, sizeof(pid), S); /* without an answer */
	q.files = files;
	stack_questions_take(&q, &pid, 1, S);
	assert_false(stack_answers_get(answers, pid, S, &stack, &fresh));
	stack_questions_take(&q, &pid, sizeof(pid), S);
	assert_false(stack_answers_get(answers, pid, S, &stack, &fresh));
	stack_files_free(files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers), cmocka_unit_test(test_shared),
		cmocka_unit_test(test_process), cmocka_unit_test(test_unread),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
