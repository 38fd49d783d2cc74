/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Passing a descriptor with a message over a Unix socket (SCM_RIGHTS, unix(7)). */
#pragma once

#include <string.h>
#include <sys/socket.h>

#define RIGHTS_BYTES CMSG_SPACE(sizeof(int))

/* Attaches |fd| to |header|, unless it is negative. |control| is zeroed and outlives |header|. */
static inline void rights_attach(struct msghdr *header, char control[RIGHTS_BYTES], int fd)
{
	struct cmsghdr *rights;

	if (fd < 0)
		return;
	header->msg_control = control;
	header->msg_controllen = RIGHTS_BYTES;
	rights = CMSG_FIRSTHDR(header);
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(rights), &fd, sizeof(int));
}

/* The descriptor received with |header|, -1: none. */
static inline int rights_taken(struct msghdr *header)
{
	struct cmsghdr *rights = CMSG_FIRSTHDR(header);
	int fd = -1;

	if (rights && rights->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(rights), sizeof(int));
	return fd;
}
