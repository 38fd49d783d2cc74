/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The channel between the two halves of the agent. The loader keeps the privileges and answers
 * questions; the worker parses traffic and serves, and has nothing but file descriptors. */
#pragma once

#include "control/ipc/stack_answers.h"
#include "control/signals/health.h"

#include "base/descriptors.h"
#include "base/error.h"
#include "datapath/attach/endings.h"
#include "datapath/attach/owners.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BROKER_MAX_BYTES 131072 /* of one message */

/* What the worker may ask. */
enum broker_question {
	BROKER_HEALTH,	 /* answer: struct broker_health */
	BROKER_CHECK,	 /* answer: a JSON object as text */
	BROKER_SIMULATE, /* data: struct weft_simulation; answer: the same, filled in; empty: no */
	BROKER_EXPLAIN,	 /* the same with struct weft_explanation */
	BROKER_WHERE,	 /* data: struct weft_where; answer: struct weft_place each; one byte: no */
	BROKER_END,	 /* look for connections that are to be ended; no answer */
	BROKER_STACK,	 /* data: the number of a process (4 bytes); no answer here, see |stacks| */
};

#define BROKER_DATA_MAX 256
#define BROKER_PATH_MAX 256

/* A question as it travels. */
struct broker_message {
	uint32_t question; /* enum broker_question */
	uint32_t data_bytes;
	uint8_t data[BROKER_DATA_MAX];
};

/* The loader's part of the health numbers. */
struct broker_health {
	uint64_t kernel_lost[WEFT_LOSS_MAX];
	uint64_t kernel_counts[WEFT_COUNT_MAX];
	uint64_t loader_cpu_ns;
	uint64_t loader_resident_bytes;
	struct descriptors descriptors;
	struct endings_counts endings;
	struct owners_counts owners;
	uint32_t program_count;
	uint32_t probe_count;
	uint32_t interface_count;
	uint32_t tls_keys; /* 1: secrets are taken */
	struct health_program programs[HEALTH_PROGRAMS_MAX];
	struct health_probe probes[HEALTH_PROBES_MAX];
	struct health_interface interfaces[HEALTH_INTERFACES_MAX];
};

struct broker {
	int loader_fd;	/* questions come here; -1 in the worker */
	int worker_fd;	/* answers come here; -1 in the loader */
	int namer_fd;	/* the same for names of control groups, apart from the rest: */
	int names_fd;	/* records wait for them (control/namer.h) */
	int push_fd;	/* loader's end of the stream of records */
	int records_fd; /* worker's end */
	struct stack_answers *stacks; /* of both; NULL: no memory for it */
};

/* Three socket pairs and the answers about TLS libraries. 0 or a negative errno with |err|. */
int broker_open(struct broker *b, struct error *err);
void broker_close(struct broker *b);

/* After fork: keeps one side's ends. */
void broker_keep_loader(struct broker *b);
void broker_keep_worker(struct broker *b);

/* Worker: asks and waits for the answer, at most a second. Returns its size or a negative errno
 * (-ETIMEDOUT). */
ssize_t broker_ask(struct broker *b, enum broker_question question, void *answer, size_t size);

/* The same with |data_bytes| (at most BROKER_DATA_MAX) of data. */
ssize_t broker_ask_data(struct broker *b, enum broker_question question, const void *data,
			size_t data_bytes, void *answer, size_t size);

/* A question and its answer. */
struct broker_name {
	uint64_t cgroup_id;
	uint64_t state; /* 0: the path alone; n: the n-th file about its container, too */
	char path[BROKER_PATH_MAX]; /* below the root; "": there is none */
};

/* Worker: asks for |name|'s path and waits for it, at most a second. 0 or a negative errno
 * (-ETIMEDOUT). */
int broker_ask_name(struct broker *b, struct broker_name *name);

/* Worker: asks for the |n|-th file, from 1, of the runtime of the container whose control group is
 * |cgroup_id|. A descriptor which the caller closes; -ENOENT: there are not as many. */
int broker_ask_state(struct broker *b, uint64_t cgroup_id, unsigned n);

/* Loader: waits for the next question; -EPIPE when the worker is gone. */
int broker_name_read(int namer_fd, struct broker_name *ret);
/* |fd| goes along with it and stays the caller's; -1: none. */
void broker_name_answer(int namer_fd, const struct broker_name *name, int fd);

/* Worker: asks for something that has no answer, with at most BROKER_DATA_MAX bytes of data. Never
 * waits: what finds no room is lost. */
void broker_tell(struct broker *b, enum broker_question question, const void *data,
		 size_t data_bytes);

/* Loader: the question that waits; 0, -EAGAIN, or -EPIPE when the worker is gone. */
int broker_question_read(struct broker *b, struct broker_message *ret);
void broker_answer(struct broker *b, const void *answer, size_t size);

/* Loader: sends records (each opens with struct weft_event) to the worker; -EAGAIN when it does not
 * keep up for 50 ms: they are dropped, a later walk brings newer ones. */
int broker_push(struct broker *b, const void *records, size_t size);

/* Worker: the next records together; their size, -EAGAIN, or -EPIPE when the loader is gone. */
ssize_t broker_records_read(struct broker *b, void *records, size_t size);
