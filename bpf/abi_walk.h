/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How iterators over the files of all processes are read. The kernel holds a reference to a file
 * while the iterator's program looks at it. If its process closes the file in that moment, the
 * final close (FIN, removal from epoll) happens only when the read() returns. So reads are short:
 * one ends when WEFT_WALK_BYTES are written, which the program does after each WEFT_WALK_FILES
 * files. */
#pragma once

#define WEFT_WALK_FILES 64
#define WEFT_WALK_BYTES 4096

/* A connection that carried nothing since a walk over living connections reported it is reported
 * again after this time, so that the agent knows that it lives and who owns it. Twice this is well
 * below SECOND_CLOSE_NS of the agent. */
#define WEFT_REPORT_AGAIN_NS 3500000000ull

#define WEFT_EVENT_PAUSE 0 /* never in the ring, no WEFT_EVENTS */

struct weft_pause {
	struct weft_event event;
	__u8 rest[WEFT_WALK_BYTES - sizeof(struct weft_event)];
};

_Static_assert(sizeof(struct weft_pause) == WEFT_WALK_BYTES, "pause");
