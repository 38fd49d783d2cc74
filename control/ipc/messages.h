/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The messages between the threads of the agent: one row each. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define IPC_DATA_MAX 131072 /* bytes of one message */

/* The threads that answer, each with a socket pair of its own. X(name, its process) */
#define IPC_THREADS(X)                                                                             \
	X(LOADER, LOADER)    /* main loop: attaches, lists connections, ends them */               \
	X(RESOLVER, LOADER)  /* paths of control groups, while records wait */                     \
	X(CONFIG_IO, LOADER) /* reads the configuration, writes the kernel's maps */               \
	X(WORKER, WORKER)    /* main loop: reads the ring, serves */                               \
	X(COMPILER, WORKER)  /* makes a generation of the files */

/* X(name, thread that answers, how, wait_ms, request, most of it, answer, most of it)
 *
 * ASK has one answer, TELL has none; an answer and a TELL may bring a descriptor. |wait_ms| is the
 * longest time that the asking side waits for the answer (ASK) or for room in the queue (TELL).
 * Data is an array of the given type: one element where the most is 1, else any number up to it.
 *
 * An ASK whose deadline has passed when it is read is not carried out, and each ASK may be
 * repeated. After a FLIP without an answer ask for the next arena first: the flip may have
 * happened. */
#define IPC_MESSAGES(X)                                                                            \
	/* What `weft check` shows: a JSON object. */                                              \
	X(CHECK, LOADER, ASK, 1000, char, 0, char, IPC_DATA_MAX)                                   \
	/* Run a connect, or evaluate the policies, in the kernel half; the request comes back     \
	 * filled in. */                                                                           \
	X(SIMULATE, LOADER, ASK, 1000, struct weft_simulation, 1, struct weft_simulation, 1)       \
	X(EXPLAIN, LOADER, ASK, 1000, struct weft_explanation, 1, struct weft_explanation, 1)      \
	/* The workloads at a local address. */                                                    \
	X(WHERE, LOADER, ASK, 1000, struct weft_where, 1, struct weft_place, IPC_DATA_MAX)         \
	/* Look for connections to end. */                                                         \
	X(END, LOADER, TELL, 0, char, 0, char, 0)                                                  \
	/* Find the TLS library of a process; the answer goes to control/ipc/stack_answers.h. */   \
	X(STACK, LOADER, TELL, 0, uint32_t, 1, char, 0)                                            \
	/* The path of the control group with this id. */                                          \
	X(CGROUP_PATH, RESOLVER, ASK, 1000, uint64_t, 1, struct ipc_path, 1)                       \
	/* Open a state file of its container runtime; the answer brings the descriptor. */        \
	X(CONTAINER_FILE, RESOLVER, ASK, 1000, struct ipc_container_file, 1, char, 0)              \
	/* Records of living connections; each starts with struct weft_event. */                   \
	X(RECORDS, WORKER, TELL, 50, char, IPC_DATA_MAX, char, 0)                                  \
	/* The loader's part of the health numbers, as they are now. */                            \
	X(HEALTH, WORKER, TELL, 0, struct loader_health, 1, char, 0)                               \
	/* A batch of files, in memory that comes along (control/apply/file_batch.h). */           \
	X(FILES, COMPILER, TELL, 0, struct ipc_files, 1, char, 0)                                  \
	/* Memory for so many cells that is not in force; the answer brings its descriptor. */     \
	X(ARENA, CONFIG_IO, ASK, 10000, uint64_t, 1, struct ipc_arena, 1)                          \
	/* Put the arena with this id, which must be the next one, in force. */                    \
	X(FLIP, CONFIG_IO, ASK, 10000, uint64_t, 1, char, 0)                                       \
	/* Resolve names to the ids of this machine. */                                            \
	X(RESOLVE, CONFIG_IO, ASK, 10000, struct resolve_name, IPC_DATA_MAX, struct resolve_name,  \
	  IPC_DATA_MAX)                                                                            \
	/* Connections to these addresses, and no others, may bypass TCP. */                       \
	X(ACCELERATE, CONFIG_IO, ASK, 10000, struct weft_accel_key, IPC_DATA_MAX, char, 0)         \
	/* So many bytes to keep for the next agent; the answer brings their descriptor. */        \
	X(KEEP, CONFIG_IO, ASK, 10000, uint64_t, 1, char, 0)                                       \
	/* They are written: pin them. */                                                          \
	X(KEPT, CONFIG_IO, ASK, 10000, char, 0, char, 0)                                           \
	/* Send all files again. */                                                                \
	X(AGAIN, CONFIG_IO, TELL, 10000, char, 0, char, 0)                                         \
	/* The first files were processed. */                                                      \
	X(SETTLED, CONFIG_IO, TELL, 10000, char, 0, char, 0)                                       \
	/* A line for weftd's log. */                                                              \
	X(SAY, CONFIG_IO, TELL, 1000, char, 1000, char, 0)

struct ipc_path {
	char path[256]; /* below the root of control groups */
};

struct ipc_container_file {
	uint64_t cgroup_id;
	uint64_t number; /* of the file, from 1 */
};

#define IPC_FILES_SNAPSHOT 1u /* a full snapshot: other files were removed */
#define IPC_FILES_NAMES	   2u /* what names in matchers mean has changed */
#define IPC_FILES_KEPT	   4u /* what was kept, not the directory's */
#define IPC_FILES_LATE	   8u /* files have changed and come later; |text| says why */

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
