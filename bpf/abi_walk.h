/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How iterators over the files of all processes are read. The kernel keeps a file while the program
 * looks at it; when its process closes it just then, it is closed for good (FIN, end of epoll's
 * interest) when the read returns. So a read is short: it ends when WEFT_WALK_BYTES are there, and
 * after each WEFT_WALK_FILES files the program writes so many. */
#pragma once

#define WEFT_WALK_FILES 64
#define WEFT_WALK_BYTES 4096

/* A connection that has carried nothing since it was told of by a walk over what lives is told of
 * again after so long: that it lives, and whose it is. Twice this is well below SECOND_CLOSE_NS of
 * the agent. */
#define WEFT_TOLD_AGAIN_NS 3500000000ull

#define WEFT_EVENT_PAUSE 0 /* never in the ring, no WEFT_EVENTS */

struct weft_pause {
	struct weft_event event;
	__u8 rest[WEFT_WALK_BYTES - sizeof(struct weft_event)];
};

_Static_assert(sizeof(struct weft_pause) == WEFT_WALK_BYTES, "pause");
