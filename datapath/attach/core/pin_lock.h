/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A lock for the pins in a directory: a flock(2) on the directory itself, so that symbolic links
 * and bind mounts do not bypass it; the kernel releases it when the holder dies. */
#pragma once

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

struct pin_lock;

struct pin_lock_holder {
	pid_t pid;	    /* 0: not visible, it is in another PID namespace */
	char name[16];	    /* of its program, "" = not known */
	uint64_t started_s; /* since 1970, 0 = not known */
};

/* Ensures that |dir| is on a bpf file system (datapath/attach/core/mounts.h) and locks it. 0;
 * -EBUSY when another process holds the lock, with its pid and start time in |err|; or the kernel's
 * error. |ret_holder| may be NULL. Free with pin_lock_free. */
int pin_lock_take(const char *dir, struct pin_lock **ret, struct pin_lock_holder *ret_holder,
		  struct error *err);

/* Releases the lock. Removes a directory or a mount that pin_lock_take made and that is still
 * empty. */
void pin_lock_free(struct pin_lock *l);

/* In a forked process: closes its copy; the parent keeps the lock. */
void pin_lock_forget(struct pin_lock *l);
