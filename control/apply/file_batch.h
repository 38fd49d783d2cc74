/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Configuration files, passed from the config I/O thread, which reads them, to the compiler, which
 * parses them. */
#pragma once

#include "control/ipc/ipc.h"

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Collects related files in a memfd. */
struct file_batch;

struct fed_file {
	const char *name;
	struct slice bytes;
	bool removed;
	const char *problem; /* why it cannot be read, or NULL */
};

/* NULL when memory is short. |snapshot|: a full snapshot: files that are not in it were removed. */
struct file_batch *file_batch_new(bool snapshot);
void file_batch_free(struct file_batch *b);

/* Errors are remembered and returned by file_batch_send. */
void file_batch_add(struct file_batch *b, const struct fed_file *file);
void file_batch_problem(struct file_batch *b, const char *text); /* of the directory itself */
void file_batch_no_problem(struct file_batch *b);		 /* it has none now */

/* A batch of stored entries. */
struct file_batch *file_batch_kept(struct slice entries);

/* The format of files in a batch and in storage: one entry each. |out| has room for the bytes of
 * |file|, which file_entry_write returns too. */
uint64_t file_entry_bytes(const struct fed_file *file);
uint64_t file_entry_write(const struct fed_file *file, char *out);

/* Sends the batch to the compiler and frees it. Never blocks. 0 or a negative errno; -EPIPE: the
 * compiler is gone. */
int file_batch_send(struct file_batch *b, struct ipc *compiler);

/* Tells the compiler that files have changed and cannot be sent now (|text|: why): all of them are
 * sent later. */
void file_batch_late(struct ipc *compiler, const char *text);

/* Marks that names in matchers have changed their meaning (control/apply/resolve.h). */
void file_batch_names(struct file_batch *b);

/* Information in batches other than files. */
struct batch_news {
	bool snapshot;
	bool names;
	bool late; /* files have changed and did not come: or no descriptor or memory here */
	char late_text[160];
	bool kept; /* the latest one has no files of the directory, but what was last good */
};

/* Compiler: waits for the next batch, at most |timeout_ms| (-1: for ever), and visits its files;
 * what the visits get is borrowed. 1: a batch, whose news are added to |ret|; 0: none in time;
 * -EPIPE: the config I/O thread is gone; -EBADMSG: not a valid message. */
int file_batch_receive(struct ipc *i, int timeout_ms, struct batch_news *ret,
		       void (*visit)(void *arg, const struct fed_file *file), void *arg);
