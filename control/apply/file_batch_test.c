// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What arrives of batches: files, what was kept of them, and the word that they come later. */
#include "control/apply/file_batch.h"

#include "control/ipc/links.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char reported[512]; /* "name=content;" or "-name;" or "!name=problem;" */

static void note(void *arg, const struct fed_file *file)
{
	size_t used = strlen(reported);

	(void)arg;
	if (file->removed)
		snprintf(reported + used, sizeof(reported) - used, "-%s;", file->name);
	else if (file->problem)
		snprintf(reported + used, sizeof(reported) - used, "!%s=%s;", file->name,
			 file->problem);
	else
		snprintf(reported + used, sizeof(reported) - used, "%s=%.*s;", file->name,
			 (int)file->bytes.size_bytes, file->bytes.data);
}

static struct batch_news receive(struct ipc_links *l)
{
	struct batch_news news = {0};

	reported[0] = 0;
	assert_int_equal(file_batch_receive(&l->answers[IPC_COMPILER], 1000, &news, note, NULL), 1);
	return news;
}

static void test_batch(void **state)
{
	struct file_batch *batch = file_batch_new(true);
	struct batch_news news;
	struct error err = {0};
	struct ipc_links l;

	(void)state;
	assert_int_equal(ipc_links_open(&l, &err), 0);
	file_batch_add(batch, &(struct fed_file){.name = "a", .bytes = SLICE("one")});
	file_batch_add(batch, &(struct fed_file){.name = "b", .removed = true});
	file_batch_add(batch, &(struct fed_file){.name = "c", .problem = "torn"});
	file_batch_no_problem(batch);
	assert_int_equal(file_batch_send(batch, &l.asks[IPC_COMPILER]), 0);
	news = receive(&l);
	assert_string_equal(reported, "a=one;-b;!c=torn;-;");
	assert_true(news.snapshot && !news.kept && !news.late);
	ipc_links_close(&l);
}

/* Files as they are kept between agents: of any length, an empty one among them. */
static void test_kept(void **state)
{
	const struct fed_file files[] = {{.name = "a.yaml", .bytes = SLICE("12345678")},
					 {.name = "empty", .bytes = SLICE("")},
					 {.name = "c", .bytes = SLICE("x")}};
	struct batch_news news;
	struct error err = {0};
	struct ipc_links l;
	uint64_t bytes = 0;
	char *entries, *at;

	(void)state;
	assert_int_equal(ipc_links_open(&l, &err), 0);
	for (size_t i = 0; i < 3; i++)
		bytes += file_entry_bytes(&files[i]);
	at = entries = malloc(bytes);
	for (size_t i = 0; i < 3; i++)
		at += file_entry_write(&files[i], at);
	assert_ptr_equal(at, entries + bytes);
	assert_int_equal(file_batch_send(file_batch_kept((struct slice){entries, bytes}),
					 &l.asks[IPC_COMPILER]),
			 0);
	free(entries);
	news = receive(&l);
	assert_string_equal(reported, "a.yaml=12345678;empty=;c=x;");
	assert_true(news.kept && !news.snapshot);
	ipc_links_close(&l);
}

static void test_late(void **state)
{
	struct batch_news news;
	struct error err = {0};
	struct ipc_links l;

	(void)state;
	assert_int_equal(ipc_links_open(&l, &err), 0);
	file_batch_late(&l.asks[IPC_COMPILER], "no descriptors");
	news = receive(&l);
	assert_true(news.late);
	assert_string_equal(news.late_text, "no descriptors");
	assert_string_equal(reported, "");
	ipc_links_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
