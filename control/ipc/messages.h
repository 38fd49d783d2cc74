/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the threads of the agent say to each other: one row for each message. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define IPC_DATA_MAX 131072 /* bytes of one message */

/* The threads that answer, each with a socket pair of its own. X(name, its process) */
#define IPC_THREADS(X)                                                                             \
	X(LOADER, LOADER)  /* its own loop: attaches, walks over what lives, ends connections */   \
	X(NAMER, LOADER)   /* looks for control groups while records wait */                       \
	X(FEEDER, LOADER)  /* reads the directory of configuration, writes the kernel's maps */    \
	X(WORKER, WORKER)  /* its own loop: reads records, serves */                               \
	X(PLANNER, WORKER) /* understands configuration */

/* X(name, thread that answers, how, wait_ms, request, most of it, answer, most of it)
 *
 * ASK has one answer, TELL has none; an answer and a TELL may bring a descriptor. |wait_ms| is how
 * long the asking side waits for the answer (ASK) or for room (TELL) at most. Data is so many of a
 * type: one where that is the most, else any number.
 *
 * An ASK whose time is over is not begun any more, and each may be asked again. Only after a FLIP
 * that was not answered the next arena has to be asked for first: it may have come into force. */
#define IPC_MESSAGES(X)                                                                            \
	/* The loader's part of the health numbers. */                                             \
	X(HEALTH, LOADER, ASK, 1000, char, 0, struct loader_health, 1)                             \
	/* What `weft check` shows: a JSON object. */                                              \
	X(CHECK, LOADER, ASK, 1000, char, 0, char, IPC_DATA_MAX)                                   \
	/* A connect, and the policies in force: they come back as the kernel half fills them in.  \
	 */                                                                                        \
	X(SIMULATE, LOADER, ASK, 1000, struct weft_simulation, 1, struct weft_simulation, 1)       \
	X(EXPLAIN, LOADER, ASK, 1000, struct weft_explanation, 1, struct weft_explanation, 1)      \
	/* The workloads at a local address. */                                                    \
	X(WHERE, LOADER, ASK, 1000, struct weft_where, 1, struct weft_place, IPC_DATA_MAX)         \
	/* Connections that are to be ended are to be looked for. */                               \
	X(END, LOADER, TELL, 0, char, 0, char, 0)                                                  \
	/* The TLS library of the process with this number (control/ipc/stack_answers.h). */       \
	X(STACK, LOADER, TELL, 0, uint32_t, 1, char, 0)                                            \
	/* The path of the control group with this id. */                                          \
	X(CGROUP_PATH, NAMER, ASK, 1000, uint64_t, 1, struct ipc_path, 1)                          \
	/* A file of the runtime of its container comes along. */                                  \
	X(CONTAINER_FILE, NAMER, ASK, 1000, struct ipc_container_file, 1, char, 0)                 \
	/* Records of living connections; each opens with struct weft_event. */                    \
	X(RECORDS, WORKER, TELL, 50, char, IPC_DATA_MAX, char, 0)                                  \
	/* Files that belong together, as memory that comes along (control/apply/file_batch.h). */ \
	X(FILES, PLANNER, TELL, 0, struct ipc_files, 1, char, 0)                                   \
	/* So many cells are wanted in the arena that is not in force; its memory comes along. */  \
	X(ARENA, FEEDER, ASK, 10000, uint64_t, 1, struct ipc_arena, 1)                             \
	/* The arena with this id, which is the next one, comes into force. */                     \
	X(FLIP, FEEDER, ASK, 10000, uint64_t, 1, char, 0)                                          \
	/* What names mean on this machine; they come back with numbers. */                        \
	X(RESOLVE, FEEDER, ASK, 10000, struct resolve_name, IPC_DATA_MAX, struct resolve_name,     \
	  IPC_DATA_MAX)                                                                            \
	/* Connections to these addresses, and to no others, may go past TCP. */                   \
	X(ACCELERATE, FEEDER, ASK, 10000, struct weft_accel_key, IPC_DATA_MAX, char, 0)            \
	/* So many bytes are wanted that will be kept for the next agent; they come along. */      \
	X(KEEP, FEEDER, ASK, 10000, uint64_t, 1, char, 0)                                          \
	/* They are written. */                                                                    \
	X(KEPT, FEEDER, ASK, 10000, char, 0, char, 0)                                              \
	/* All files are wanted again. */                                                          \
	X(AGAIN, FEEDER, TELL, 10000, char, 0, char, 0)                                            \
	/* The first files were dealt with. */                                                     \
	X(SETTLED, FEEDER, TELL, 10000, char, 0, char, 0)                                          \
	/* A line for weftd's log. */                                                              \
	X(SAY, FEEDER, TELL, 1000, char, 1000, char, 0)

struct ipc_path {
	char path[256]; /* below the root of control groups */
};

struct ipc_container_file {
	uint64_t cgroup_id;
	uint64_t number; /* of the file, from 1 */
};

#define IPC_FILES_WHOLE 1u /* they are all there are */
#define IPC_FILES_NAMES 2u /* what names in matchers mean has changed */
#define IPC_FILES_KEPT	4u /* what was kept, not the directory's */
#define IPC_FILES_LATE	8u /* files have changed and come later; |text| says why */

struct ipc_files {
	uint32_t flags;
	char text[160];
};

struct ipc_arena {
	uint32_t id;
	uint32_t cells; /* that it has */
};

enum resolve_kind {
	RESOLVE_CGROUP,	   /* path below the mount: "/system.slice/nginx.service" */
	RESOLVE_UNIT,	   /* systemd unit: last component of the path, not below another unit */
	RESOLVE_CONTAINER, /* its id, or a beginning of it, stands in the last component */
	RESOLVE_NETNS,	   /* name below /run/netns */
};

/* Patterns as in struct mesh_matcher: exact, "abc*", "*abc". */
struct resolve_name {
	uint32_t matcher; /* the caller's number */
	uint32_t kind;	  /* enum resolve_kind */
	char text[232];
	uint64_t id;	 /* of the cgroup, inode of the namespace; 0: there is none now */
	uint64_t before; /* the caller's */
};

enum ipc_thread {
#define X(name, process) IPC_##name,
	IPC_THREADS(X)
#undef X
		IPC_THREAD_COUNT
};

enum ipc_message {
#define X(name, ...) IPC_MESSAGE_##name,
	IPC_MESSAGES(X)
#undef X
		IPC_MESSAGE_COUNT
};
