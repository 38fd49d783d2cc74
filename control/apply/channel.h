/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between the feeder, which reads files and writes the kernel's maps, and the planner, which
 * understands them and may do neither: batches of files one way; memory for generations and their
 * flips, asked for, the other. */
#pragma once

#include "base/error.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct channel {
	int feed_fd;  /* feeder: batches leave here; -1 in the planner */
	int files_fd; /* planner: and arrive here; -1 in the feeder */
	int serve_fd; /* feeder: questions arrive here */
	int ask_fd;   /* planner: and are asked here */
};

/* Two socket pairs. 0 or a negative errno with |err|. */
int channel_open(struct channel *c, struct error *err);
void channel_close(struct channel *c);

/* After fork: keeps one side's ends. */
void channel_keep_feeder(struct channel *c);
void channel_keep_planner(struct channel *c);

/* ---- files */

/* Collects files that belong together, in memory that is handed over whole (memfd). */
struct file_batch;

struct fed_file {
	const char *name;
	struct slice bytes;
	bool removed;
	const char *problem; /* why it cannot be read, or NULL */
};

/* NULL when memory is short. |whole|: the files are all there are, others are gone. */
struct file_batch *file_batch_new(bool whole);
void file_batch_free(struct file_batch *b);

/* Errors are remembered and returned by file_batch_send. */
void file_batch_add(struct file_batch *b, const struct fed_file *file);
void file_batch_problem(struct file_batch *b, const char *text); /* of the directory itself */
void file_batch_no_problem(struct file_batch *b);		 /* it has none (any more) */

/* A batch of what was kept as entries. */
struct file_batch *file_batch_kept(struct slice entries);

/* How files lie in a batch, and where they are kept: an entry each. |out| has room for the bytes of
 * |file|, which file_entry_write returns too. */
uint64_t file_entry_bytes(const struct fed_file *file);
uint64_t file_entry_write(const struct fed_file *file, char *out);

/* Hands the batch to the planner and ends it. 0 or a negative errno; -EPIPE: the planner is
 * gone. */
int file_batch_send(struct file_batch *b, struct channel *c);

/* Tells the planner that files have changed and cannot be handed over now (|text|: why): all of
 * them come later. */
void file_batch_late(struct channel *c, const char *text);

/* What names in matchers mean has changed (control/apply/resolve.h). */
void file_batch_names(struct file_batch *b);

/* What batches are about beside files. */
struct batch_news {
	bool whole;
	bool names;
	bool late; /* files have changed and did not come: file_batch_late, or no descriptor here */
	char late_text[160];
	bool kept; /* the latest one has no files of the directory, but what was last good */
};

/* Planner: waits for the next batch, at most |timeout_ms| (-1: for ever), and visits its files;
 * what the visits get is borrowed. 1: a batch, whose news are added to |ret|; 0: none in time;
 * -EPIPE: the feeder is gone; -EBADMSG: it is not what a feeder sends. */
int file_batch_receive(struct channel *c, int timeout_ms, struct batch_news *ret,
		       void (*visit)(void *arg, const struct fed_file *file), void *arg);

/* ---- questions */

enum channel_question {
	/* |argument| cells wanted; answer: how many there are, in the upper half which arena it is,
	 * and a descriptor */
	CHANNEL_ARENA,
	CHANNEL_FLIP,	    /* the arena |argument|, the next one, comes into force; answer: 0 */
	CHANNEL_CLEAR,	    /* nothing is in force any more; answer: 0 */
	CHANNEL_RESOLVE,    /* data: struct resolve_name, several; answer: the same, filled in */
	CHANNEL_ACCELERATE, /* data: struct weft_accel_key, several: connections to these only */
	CHANNEL_KEEP,	    /* |argument| bytes wanted that will be kept; answer: a descriptor */
	CHANNEL_KEPT,	    /* they are written; answer: 0 */
	CHANNEL_AGAIN,	    /* all files are wanted again; answer: 0 */
	CHANNEL_SETTLED,    /* the first files were dealt with; answer: 0 */
	CHANNEL_SAY,	    /* data: a line for weftd's log; answer: 0 */
};

#define CHANNEL_DATA_MAX 131072

/* Planner: asks and waits. 0, with |ret_value| and, for CHANNEL_ARENA and CHANNEL_KEEP, |ret_fd|
 * (the caller's) if not NULL; else what the feeder met, with its sentence in |err|. */
int channel_ask(struct channel *c, enum channel_question question, uint64_t argument,
		uint64_t *ret_value, int *ret_fd, struct error *err);

/* The same question in two steps: what the planner does between them does not wait for the answer.
 * No other question may be asked there, and every one that began must end. */
int channel_ask_begin(struct channel *c, enum channel_question question, uint64_t argument,
		      struct error *err);
int channel_ask_end(struct channel *c, struct error *err);

/* Between them: lets the feeder have this CPU until it answers, for so long at most. */
void channel_ask_wait(struct channel *c, int timeout_ms);

/* The same with |bytes| (at most CHANNEL_DATA_MAX) of data, in whose place the answer's come: as
 * many, or none. */
int channel_ask_data(struct channel *c, enum channel_question question, void *data, size_t bytes,
		     struct error *err);

/* Feeder: the next question; 0, -EAGAIN, -EPIPE. Its data is written to |data|, which has room for
 * CHANNEL_DATA_MAX. */
int channel_question_read(struct channel *c, enum channel_question *question, uint64_t *argument,
			  void *data, size_t *ret_bytes);

/* |fd| -1: none; it is not closed. |err| is read when |result| is not 0. */
void channel_answer(struct channel *c, int result, uint64_t value, int fd, const struct error *err);
void channel_answer_data(struct channel *c, const void *data, size_t bytes);
