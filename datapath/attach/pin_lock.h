/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One process at a time may change what is pinned in a directory: a flock(2) on the directory
 * itself, so that neither links nor bind mounts get around it, and the kernel lets go of it when
 * its holder dies. */
#pragma once

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

struct pin_lock;

struct pin_lock_holder {
	pid_t pid;	    /* 0: not to be seen from here, it is in another PID namespace */
	char name[16];	    /* of its program, "" if it is not known */
	uint64_t started_s; /* since 1970, 0 = not known */
};

/* Makes |dir| a directory on a bpf file system if it is none (datapath/attach/mounts.h) and locks
 * it. 0; -EBUSY when another process has it, with its pid and since when in |err|; what the kernel
 * said. |ret_holder| may be NULL. Free with pin_lock_free. */
int pin_lock_take(const char *dir, struct pin_lock **ret, struct pin_lock_holder *ret_holder,
		  struct error *err);

/* Lets go. A directory or a mount that pin_lock_take made and that is still empty is taken away. */
void pin_lock_free(struct pin_lock *l);

/* In a process that was forked: its copy goes, the lock stays its parent's. */
void pin_lock_forget(struct pin_lock *l);
