// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Both versions of the PROXY protocol's header. */
#include "datapath/decode/proxy.h"

#include "base/cursor.h"

#include <arpa/inet.h>

#define V2_HEAD_BYTES 16

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* ---- version 1: a line of text */

/* The next word of |line|, which a blank ends, or the line. */
static bool take_word(struct slice *line, char *out, size_t size)
{
	const char *blank = memchr(line->data, ' ', line->size_bytes);
	size_t n = blank ? (size_t)(blank - line->data) : line->size_bytes;

	if (!n || n >= size)
		return false;
	memcpy(out, line->data, n);
	out[n] = 0;
	n += blank != NULL;
	*line = (struct slice){line->data + n, line->size_bytes - n};
	return true;
}

static bool take_address(struct slice *line, int family, uint8_t ret[16])
{
	char word[INET6_ADDRSTRLEN];

	memcpy(ret, mapped, sizeof(mapped));
	return take_word(line, word, sizeof(word)) &&
	       inet_pton(family, word, family == AF_INET ? ret + 12 : ret) == 1;
}

static bool take_port(struct slice *line, uint16_t *ret)
{
	unsigned long port = 0;
	char word[6];

	if (!take_word(line, word, sizeof(word)))
		return false;
	for (const char *c = word; *c; c++) {
		if (*c < '0' || *c > '9')
			return false;
		port = port * 10 + (unsigned long)(*c - '0');
	}
	*ret = (uint16_t)port;
	return port <= UINT16_MAX;
}

static bool read_line(struct slice line, struct proxy_header *ret)
{
	char family[8];

	line = (struct slice){line.data + 6, line.size_bytes - 6}; /* "PROXY " */
	if (!take_word(&line, family, sizeof(family)))
		return false;
	if (!strcmp(family, "UNKNOWN")) /* whatever follows is ignored */
		return true;
	if (strcmp(family, "TCP4") != 0 && strcmp(family, "TCP6") != 0)
		return false;
	ret->named = true;
	return take_address(&line, family[3] == '4' ? AF_INET : AF_INET6, ret->client_addr) &&
	       take_address(&line, family[3] == '4' ? AF_INET : AF_INET6, ret->server_addr) &&
	       take_port(&line, &ret->client_port) && take_port(&line, &ret->server_port) &&
	       !line.size_bytes;
}

static enum proxy_result read_v1(struct slice s, struct proxy_header *ret)
{
	struct slice most = {s.data,
			     s.size_bytes < PROXY_MAX_BYTES ? s.size_bytes : PROXY_MAX_BYTES};
	const char *end = memmem(most.data, most.size_bytes, "\r\n", 2);
	struct proxy_header header = {0};

	if (!end)
		return s.size_bytes < PROXY_MAX_BYTES ? PROXY_MORE : PROXY_NONE;
	header.size_bytes = (uint32_t)(end + 2 - s.data);
	if (header.size_bytes < 8 || /* the blank of "PROXY " is not there */
	    !read_line((struct slice){s.data, header.size_bytes - 2}, &header))
		return PROXY_NONE;
	*ret = header;
	return PROXY_DONE;
}

/* ---- version 2: binary */

static void copy_address(struct cursor *c, size_t size_bytes, uint8_t out[16])
{
	struct slice s = cursor_take(c, size_bytes);

	memcpy(out, mapped, sizeof(mapped));
	if (s.size_bytes)
		memcpy(out + 16 - size_bytes, s.data, size_bytes);
}

/* Addresses of |address_bytes| each and ports. False: there are fewer bytes. */
static bool read_addresses(struct cursor *c, size_t address_bytes, struct proxy_header *ret)
{
	copy_address(c, address_bytes, ret->client_addr);
	copy_address(c, address_bytes, ret->server_addr);
	ret->client_port = cursor_u16_be(c);
	ret->server_port = cursor_u16_be(c);
	ret->named = true;
	return !c->failed;
}

static enum proxy_result read_v2(struct slice s, struct proxy_header *ret)
{
	struct cursor c = cursor_over(s.data, s.size_bytes);
	struct proxy_header header = {0};
	unsigned command, family, length;
	size_t address_bytes;

	if (s.size_bytes < V2_HEAD_BYTES)
		return PROXY_MORE;
	cursor_take(&c, 12);
	command = cursor_u8(&c);
	family = cursor_u8(&c) >> 4;
	length = cursor_u16_be(&c);
	if (command != 0x20 && command != 0x21) /* version 2; LOCAL or PROXY */
		return PROXY_NONE;
	header.size_bytes = V2_HEAD_BYTES + length;
	address_bytes = family == 1 ? 4 : 16;
	if (command == 0x21 && (family == 1 || family == 2)) {
		if (length < 2 * address_bytes + 4)
			return PROXY_NONE;
		if (!read_addresses(&c, address_bytes, &header))
			return PROXY_MORE;
	}
	*ret = header;
	return PROXY_DONE;
}

/* Whether |s| begins with |start|, or is a beginning of it. */
static bool agrees(struct slice s, struct slice start)
{
	size_t n = s.size_bytes < start.size_bytes ? s.size_bytes : start.size_bytes;

	return !memcmp(s.data, start.data, n);
}

enum proxy_result proxy_read(const uint8_t *data, size_t size_bytes, struct proxy_header *ret)
{
	struct slice s = {(const char *)data, size_bytes};

	if (!size_bytes)
		return PROXY_MORE;
	if (agrees(s, SLICE("PROXY ")))
		return read_v1(s, ret);
	return agrees(s, SLICE("\r\n\r\n\0\r\nQUIT\n")) ? read_v2(s, ret) : PROXY_NONE;
}
