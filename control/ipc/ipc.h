/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Requests and answers between the threads of the agent, over socket pairs that keep messages whole
 * and in order. A request has a number and a deadline. The asking side drops an answer to an
 * earlier request, with its descriptor; the answering side drops a request whose deadline has
 * passed. So both stay in step, however long either is stopped. */
#pragma once

#include "control/ipc/messages.h"

#include "base/error.h"

#include <stdbool.h>

/* One end of the socket pair of a thread that answers; used by one thread at a time. */
struct ipc {
	int fd; /* -1: closed */
	enum ipc_thread thread;
	/* the end that asks */
	enum ipc_message asked; /* latest */
	uint32_t number;
	uint64_t deadline_ns;
	int wait_ms; /* in place of what the table says; 0: as it says */
};

struct ipc_answer {
	void *data;    /* room for |size| bytes */
	size_t size;   /* an answer that is larger is an error */
	bool wants_fd; /* else one that comes along is closed */
	size_t bytes;  /* that came */
	int fd;	       /* that came along, the caller's; -1: none */
};

struct ipc_request {
	enum ipc_message message;
	uint32_t number; /* 0: it has no answer */
	size_t bytes;	 /* of its data */
};

/* ---- the end that asks */

/* Asks and waits for the answer. |ret| NULL: nothing of it is wanted but its result. 0, or a
 * negative errno with |err| (may be NULL): what the other side says; -ETIMEDOUT: no answer in time;
 * -EPIPE: the other side is gone; -EMFILE: no descriptor was left here for the one that came. */
int ipc_ask(struct ipc *i, enum ipc_message message, const void *data, size_t bytes,
	    struct ipc_answer *ret, struct error *err);

/* The same in two steps: what is done between them does not wait for the answer. A request that was
 * begun may be left without its end. */
int ipc_ask_begin(struct ipc *i, enum ipc_message message, const void *data, size_t bytes,
		  struct error *err);
int ipc_ask_end(struct ipc *i, struct ipc_answer *ret, struct error *err);

/* Says something that has no answer, also while another thread asks here; |fd| goes along and stays
 * the caller's (-1: none). 0, -EAGAIN (no room in time) or another negative errno (-EPIPE). */
int ipc_tell(struct ipc *i, enum ipc_message message, const void *data, size_t bytes, int fd);

/* ---- both */

/* Waits until something is there to be read, at most so long (-1: for ever). */
bool ipc_wait(const struct ipc *i, int timeout_ms);

/* ---- the end that answers */

/* The next request; its data is written to |data|, which has room for |size| bytes. A descriptor
 * that came along is |*ret_fd|, the caller's (-1: none); NULL: it is closed. 0; -EAGAIN: none that
 * counts; -EPIPE or -EBADMSG: the other side is gone, or says what no asking end does. */
int ipc_receive(struct ipc *i, struct ipc_request *ret, void *data, size_t size, int *ret_fd);

/* Answers |to|, now or later; nothing is sent when it has no answer. |fd| goes along and stays the
 * caller's (-1: none). Never waits. */
void ipc_answer(struct ipc *i, const struct ipc_request *to, const void *data, size_t bytes,
		int fd);
/* Says why not: |r| is a negative errno; |err| (may be NULL) has the sentence. */
void ipc_refuse(struct ipc *i, const struct ipc_request *to, int r, const struct error *err);
