/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The files that the generation in force was made from, kept beside what is pinned
 * (datapath/attach/core/kept.h): when an agent starts and what it finds in the directory is not
 * valid, these go on. The compiler writes them, into memory that the loader pins, and that it takes
 * away before another generation comes into force; the loader hands them to the next compiler
 * unread. After a change but the files that differ are added. Where there is no room for them all
 * are written anew, part by part, so that the next change need not wait for that. */
#pragma once

#include "control/apply/file_batch.h"

#include <stdbool.h>

struct last_good;
struct mesh_files;

/* Compiler: nothing is stored yet. |loader| outlives it. NULL when memory is short. */
struct last_good *last_good_new(struct ipc *loader);
void last_good_free(struct last_good *l); /* stored files stay; NULL is allowed */

/* |files| (NULL: not known) came into force: these are wanted in the place of what was kept. */
void last_good_want(struct last_good *l, struct mesh_files *files);

/* Does a part of what is to be done: asks the loader for memory, or writes about one MiB into it,
 * or ends what is written and has it kept. True: there is more to do. However many files become
 * wanted meanwhile, what is kept is what was wanted last, after as many parts as these have MiB,
 * and three. Where keeping them is not possible they are not wanted any more: the next agent still
 * finds the kernel's tables. */
bool last_good_write(struct last_good *l);

/* The loader did not answer in time: what is wanted still is, for last_good_write some time later,
 * although it returned false. */
bool last_good_waits(const struct last_good *l);

/* Loader: sends the files stored below |pin_dir| to the compiler, if there are any. */
void last_good_send(const char *pin_dir, struct ipc *compiler);
