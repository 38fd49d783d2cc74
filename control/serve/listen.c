// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* bind and listen, carefully. */
#include "control/serve/listen.h"

#include "base/address.h"
#include "base/cleanup.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 64

/* ---- TCP ---- */

static bool is_port(const char *text)
{
	char *end;

	return text[0] >= '0' && text[0] <= '9' && strtoul(text, &end, 10) <= UINT16_MAX && !*end;
}

/* Splits at the last colon and takes the brackets off. */
static bool split_address(const char *address, char host[64], const char **ret_port)
{
	const char *colon = strrchr(address, ':');
	size_t size;

	if (!colon)
		return false;
	size = (size_t)(colon - address);
	if (size > 1 && address[0] == '[' && address[size - 1] == ']') {
		address++;
		size -= 2;
	}
	if (size >= 64)
		return false;
	memcpy(host, address, size);
	host[size] = 0;
	*ret_port = colon + 1;
	return is_port(*ret_port);
}

static int resolve(const char *address, struct sockaddr_storage *ret, socklen_t *ret_size)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				 .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	const char *port;
	char host[64];

	if (!split_address(address, host, &port))
		return -EINVAL;
	if (!strcmp(host, "localhost"))
		snprintf(host, sizeof(host), "127.0.0.1");
	if (getaddrinfo(*host ? host : NULL, port, &hints, &found))
		return -EINVAL;
	memcpy(ret, found->ai_addr, found->ai_addrlen);
	*ret_size = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static bool is_loopback(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

bool listen_address(int fd, uint8_t ret_addr[16], uint16_t *ret_port)
{
	struct sockaddr_storage a = {0};
	const struct sockaddr_in *in = (struct sockaddr_in *)&a;
	const struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a;
	socklen_t size = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &size))
		return false;
	if (a.ss_family == AF_INET) {
		address_of_v4(&in->sin_addr, ret_addr);
	} else if (a.ss_family == AF_INET6) {
		memcpy(ret_addr, &in6->sin6_addr, 16);
	} else {
		return false;
	}
	*ret_port = ntohs(a.ss_family == AF_INET ? in->sin_port : in6->sin6_port);
	return true;
}

int listen_tcp(const char *address, uint16_t *ret_port, bool *ret_loopback, struct error *err)
{
	struct sockaddr_storage a;
	cleanup_close int fd = -1;
	uint8_t addr[16];
	socklen_t size;
	int one = 1;

	if (resolve(address, &a, &size))
		return error_set(
			err, -EINVAL,
			"\"%s\" is not ADDR:PORT with a numeric address and a port up to 65535",
			address);
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, -errno, "no socket for %s: %m", address);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, size) || listen(fd, BACKLOG))
		return error_set(err, -errno, "cannot listen on %s: %m", address);
	if (!listen_address(fd, addr, ret_port))
		return error_set(err, -EINVAL, "no address of the socket for %s", address);
	*ret_loopback = is_loopback(&a);
	return take_fd(&fd);
}

/* ---- unix ---- */

static int make_directory(const char *path, struct error *err)
{
	char directory[108];
	char *slash;

	snprintf(directory, sizeof(directory), "%s", path);
	slash = strrchr(directory, '/');
	if (!slash || slash == directory)
		return 0;
	*slash = 0;
	if (!mkdir(directory, 0755) || errno == EEXIST)
		return 0;
	return error_set(err, -errno, "cannot make %s: %m", directory);
}

/* 0 when |path| is free or a socket without a listening process. */
static int check_path(const struct sockaddr_un *a, struct error *err)
{
	cleanup_close int fd = -1;
	struct stat st;

	if (lstat(a->sun_path, &st))
		return errno == ENOENT ? 0 : error_set(err, -errno, "%s: %m", a->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, -EEXIST, "%s exists and is not a socket", a->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, -errno, "no unix socket: %m");
	if (!connect(fd, (const struct sockaddr *)a, sizeof(*a)) || errno == EAGAIN)
		return error_set(err, -EADDRINUSE, "another agent listens on %s", a->sun_path);
	return 0;
}

/* Listens under a temporary name first, so that the mode is set before the real name exists. */
static int listen_aside(const char *aside, mode_t mode, struct error *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	cleanup_close int fd = -1;
	int code;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", aside);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, -errno, "no unix socket: %m");
	unlink(aside);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)))
		return error_set(err, -errno, "cannot make the socket %s: %m", aside);
	if (chmod(aside, mode) || listen(fd, BACKLOG)) {
		code = error_set(err, -errno, "cannot listen on %s: %m", aside);
		unlink(aside);
		return code;
	}
	return take_fd(&fd);
}

int listen_unix_open(const char *path, mode_t mode, struct error *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char aside[sizeof(a.sun_path)];
	int fd = -1, code;

	if (snprintf(aside, sizeof(aside), "%s.new", path) >= (int)sizeof(aside))
		return error_set(err, -ENAMETOOLONG, "the path %s is too long for a socket", path);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	code = make_directory(path, err);
	if (!code)
		code = check_path(&a, err);
	if (code)
		return code;
	fd = listen_aside(aside, mode, err);
	if (fd < 0)
		return fd;
	if (rename(aside, path)) {
		code = error_set(err, -errno, "cannot name the socket %s: %m", path);
		unlink(aside);
		close(fd);
		return code;
	}
	return fd;
}

void listen_unix_remove(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct stat st;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (!lstat(a.sun_path, &st) && !check_path(&a, NULL))
		unlink(a.sun_path);
}
